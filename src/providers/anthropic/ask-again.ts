import { parseRecord } from '../json-values.ts';
import { mendingWords } from '../mending-words.ts';
import { messagesPath, parseEndpoint } from './messages-endpoint.ts';

/** The conversation so far, the answer as the model's turn, and what is wrong with it as the user's. */
export function askAgain(
  wire: { endpoint: string; body: string },
  answer: string,
  problem: string,
): string | undefined {
  const body = parseRecord(wire.body);
  if (parseEndpoint(wire.endpoint).path !== messagesPath || !body || !Array.isArray(body.messages)) return undefined;
  const messages: unknown[] = [...body.messages];
  // A turn without words is refused.
  if (answer.trim() !== '') messages.push({ role: 'assistant', content: answer });
  messages.push({ role: 'user', content: mendingWords(problem) });
  return JSON.stringify({ ...body, messages });
}
