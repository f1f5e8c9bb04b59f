import { type JsonRecord, parseRecord } from '../json-values.ts';
import { mendingWords } from '../mending-words.ts';

/** The request with the broken answer and what is wrong with it behind; undefined for what is no conversation. */
export function askAgain(
  wire: { endpoint: string; body: string },
  answer: string,
  problem: string,
): string | undefined {
  const body = parseRecord(wire.body);
  if (!body) return undefined;
  const more = [
    { role: 'assistant', content: answer },
    { role: 'user', content: mendingWords(problem) },
  ];
  if (wire.endpoint === '/v1/chat/completions') return withMessages(body, 'messages', body.messages, more);
  if (wire.endpoint !== '/v1/responses') return undefined;
  const { input } = body;
  return withMessages(body, 'input', typeof input === 'string' ? [{ role: 'user', content: input }] : input, more);
}

function withMessages(
  body: JsonRecord,
  field: string,
  messages: unknown,
  more: readonly unknown[],
): string | undefined {
  return Array.isArray(messages) ? JSON.stringify({ ...body, [field]: [...messages, ...more] }) : undefined;
}
