import { z } from 'zod';
import type { ChatRequest, NativeRequest } from '../../request.ts';
import type { ItemContent, SkipCode } from '../../source.ts';
import { parseExactJson } from './exact-json.ts';

export interface RequestLine {
  /** The line's own id, where it has a usable one. */
  id: string | undefined;
  content: ItemContent;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const id = z.union([z.string().min(1), z.int().transform(String)]);
const shared = {
  custom_id: id.optional(),
  id: id.optional(),
  model: z.string().min(1).optional(),
  max_tokens: z.int().positive().optional(),
  temperature: z.number().min(0).optional(),
};
const message = z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: z.string() });
const ours = z.union([
  z.strictObject({ ...shared, prompt: z.string(), system: z.string().optional() }),
  z.strictObject({ ...shared, messages: z.array(message).min(1) }),
]);
const [promptForm, messagesForm] = ours.options;
/** OpenAI's batch line. What stands beside these four is not sent, as at OpenAI. */
const native = z.object({
  custom_id: z.string().min(1).optional(),
  method: z.literal('POST').optional(),
  url: z.string().regex(/^\/\S*$/, 'must be a path like /v1/chat/completions'),
  // Not z.record, which copies: the body goes on as it was parsed, each key in its place.
  body: z.custom<Record<string, unknown>>(isObject, 'must be an object'),
});

/** One line of JSON as a request; `number` and `model` as in the file and for lines that name no model. */
export function parseRequestLine(text: string, number: number, model: string | undefined): RequestLine {
  const parsed = parseExactJson(text);
  if ('problem' in parsed) return malformed(undefined, number, parsed.problem);
  const { value } = parsed;
  if (!isObject(value)) return malformed(undefined, number, 'is not a JSON object');
  const own = ownId(value);
  if ('body' in value || 'url' in value || 'method' in value) return nativeLine(value, own, number, model);
  if ('prompt' in value || 'messages' in value) return chatLine(value, own, number, model);
  return malformed(own, number, 'has neither "prompt" nor "messages" nor "body"');
}

function nativeLine(
  value: Record<string, unknown>,
  own: string | undefined,
  number: number,
  model: string | undefined,
): RequestLine {
  const parsed = native.safeParse(value);
  if (!parsed.success) return malformed(own, number, firstProblem(parsed.error));
  const { url, body } = parsed.data;
  if (body.stream === true) {
    return malformed(own, number, 'asks for a stream, which a batch cannot give: remove "stream" from the body');
  }
  if (body.model !== undefined && (typeof body.model !== 'string' || body.model === '')) {
    return malformed(own, number, 'field "body.model": must be the name of a model');
  }
  const name = body.model ?? model;
  if (typeof name !== 'string') return malformed(own, number, noModel);
  const request: NativeRequest = {
    type: 'native',
    model: name,
    endpoint: url,
    body: body.model === undefined ? { ...body, model: name } : body,
  };
  return { id: own, content: { type: 'request', request } };
}

function chatLine(
  value: Record<string, unknown>,
  own: string | undefined,
  number: number,
  model: string | undefined,
): RequestLine {
  if ('custom_id' in value && 'id' in value) return malformed(own, number, 'has both "custom_id" and "id"');
  if ('prompt' in value && 'messages' in value) return malformed(own, number, 'has both "prompt" and "messages"');
  const parsed = 'prompt' in value ? promptForm.safeParse(value) : messagesForm.safeParse(value);
  if (!parsed.success) return malformed(own, number, firstProblem(parsed.error));
  const line = parsed.data;
  const name = line.model ?? model;
  if (name === undefined) return malformed(own, number, noModel);
  if ('prompt' in line && !/\S/.test(line.prompt)) return skipped(own, 'empty', `line ${number} has an empty prompt`);
  const messages = 'prompt' in line ? promptMessages(line.prompt, line.system) : line.messages;
  const request: ChatRequest = {
    type: 'chat',
    model: name,
    messages: messages.map(({ role, content }) => ({ role, content: [{ type: 'text', text: content }] })),
    ...(line.max_tokens === undefined ? {} : { maxTokens: line.max_tokens }),
    ...(line.temperature === undefined ? {} : { temperature: line.temperature }),
  };
  return { id: own, content: { type: 'request', request } };
}

function promptMessages(prompt: string, system: string | undefined): z.infer<typeof message>[] {
  const user = { role: 'user' as const, content: prompt };
  return system === undefined ? [user] : [{ role: 'system', content: system }, user];
}

const noModel = 'names no model, and no default was given: add "model", or choose one for the run';

function ownId(value: Record<string, unknown>): string | undefined {
  const given = value.custom_id ?? value.id;
  const parsed = id.safeParse(given);
  return parsed.success ? parsed.data : undefined;
}

/** Names the field, never what stands in it: prompts stay out of messages. */
function firstProblem(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue?.code === 'unrecognized_keys') {
    const where = issue.path.length === 0 ? '' : ` in "${issue.path.join('.')}"`;
    return `has the unknown field ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}${where}`;
  }
  return `field "${issue?.path.join('.') ?? ''}": ${issue?.message ?? 'not valid'}`;
}

function malformed(own: string | undefined, number: number, problem: string): RequestLine {
  return skipped(own, 'malformed', `line ${number} ${problem}`);
}

function skipped(own: string | undefined, code: SkipCode, words: string): RequestLine {
  return { id: own, content: { type: 'skip', code, message: words } };
}
