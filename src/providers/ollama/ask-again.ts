import { parseRecord } from '../json-values.ts';
import { mendingWords } from '../mending-words.ts';

/** The conversation with the broken answer and what is wrong with it behind; undefined for what is none. */
export function askAgain(
  wire: { endpoint: string; body: string },
  answer: string,
  problem: string,
): string | undefined {
  const body = wire.endpoint === '/api/chat' ? parseRecord(wire.body) : undefined;
  if (!Array.isArray(body?.messages)) return undefined;
  const more = [
    { role: 'assistant', content: answer },
    { role: 'user', content: mendingWords(problem) },
  ];
  return JSON.stringify({ ...body, messages: [...body.messages, ...more] });
}
