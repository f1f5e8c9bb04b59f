import type { RemoteBatch } from '../../provider.ts';
import { type AnthropicFault, failureOf } from './anthropic-error.ts';

/** `requests.3.custom_id: String should ...`; the index counts from 0. */
const namedRow = /(?:^|[\s;,'"])requests[.[](\d+)\]?((?:[.[][\w$\]-]+)*): /g;

/**
 * A 400 that blames rows, as a batch that was refused: nothing was created, and the rows are named by their line.
 * Undefined when it blames none. What it says of `params.model` holds for all rows, for a batch has one model here.
 */
export function refusedRows(fault: AnthropicFault, rows: number): RemoteBatch | undefined {
  if (fault.status !== 400 && fault.status !== 422) return undefined;
  const named = [...fault.message.matchAll(namedRow)].filter((match) => Number(match[1]) < rows);
  if (named.length === 0) return undefined;
  const { code } = failureOf(fault.type ?? 'invalid_request_error');
  const errors = named.map((match, position) => {
    const end = named[position + 1]?.index ?? fault.message.length;
    const message = fault.message.slice(match.index, end).replace(/^[\s;,'"]+|[\s;,]+$/g, '');
    return { code, message, line: Number(match[1]) + 1 };
  });
  const ofTheModel = named.every((match) => match[2] === '.params.model');
  return {
    remoteId: '',
    phase: 'refused',
    rawStatus: 'refused',
    resultFileIds: [],
    refusal: ofTheModel ? 'batch' : 'rows',
    errors,
  };
}
