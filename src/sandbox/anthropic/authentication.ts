import { hash } from 'node:crypto';
import type { CallHead } from '../front.ts';
import type { Reply } from '../reply.ts';
import { readVersion } from './api-version.ts';
import { errorReply } from './errors.ts';

/** Both kinds of key header are accepted, `x-api-key` wins (contract section 2.1). Then the version must be a known one. */
export function authenticate(head: CallHead): { account: string } | { refusal: Reply } {
  const { headers } = head;
  const bearer = /^Bearer\s+(\S+)\s*$/i.exec(headers.authorization ?? '')?.[1];
  const given = headers['x-api-key'];
  const key = given === undefined || given === '' ? bearer : String(given);
  if (key === undefined) return { refusal: errorReply(401, 'x-api-key header is required') };
  if (/^sk-(?:ant-)?invalid/.test(key)) {
    const header = key === bearer && given === undefined ? 'bearer token' : 'x-api-key';
    return { refusal: errorReply(401, `invalid ${header}`) };
  }
  const read = readVersion(head);
  if ('problem' in read) return { refusal: errorReply(400, read.problem) };
  return { account: `anthropic:${hash('sha256', key, 'hex')}` };
}
