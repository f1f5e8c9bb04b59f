export interface PromptPart {
  role: string;
  text: string;
}

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * What a request asks, in words, whichever provider's it is: OpenAI's messages and inputs, Anthropic's system and
 * messages, Gemini's contents. Empty: it is of no known shape and is shown as it is.
 */
export function readPrompt(request: unknown): PromptPart[] {
  if (!isObject(request)) return [];
  const parts: PromptPart[] = [];
  const add = (role: string, content: unknown) => {
    const text = textOf(content);
    if (text !== '') parts.push({ role, text });
  };
  add('system', request.system);
  add('instructions', request.instructions);
  if (isObject(request.systemInstruction)) add('system', request.systemInstruction.parts);
  for (const message of listOf(request.messages)) add(roleOf(message), message.content);
  for (const content of listOf(request.contents)) add(roleOf(content), content.parts);
  if (Array.isArray(request.input) && request.input.some(isObject)) {
    for (const item of listOf(request.input)) add(roleOf(item), item.content);
  } else add('input', request.input);
  if (isObject(request.content)) add('input', request.content.parts);
  add('prompt', request.prompt);
  return parts;
}

const listOf = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isObject) : []);
const roleOf = (message: Json): string => (typeof message.role === 'string' ? message.role : 'input');

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.map(textOfPart).join('\n\n');
}

/** What is no text is named, not shown: a picture stays letters. */
function textOfPart(part: unknown): string {
  if (typeof part === 'string') return part;
  if (!isObject(part)) return JSON.stringify(part) ?? '';
  if (typeof part.text === 'string') return part.text;
  const kind = typeof part.type === 'string' ? part.type : (Object.keys(part)[0] ?? 'part');
  return `[${kind}: ${shorten(JSON.stringify(part))}]`;
}

const shorten = (text: string): string => (text.length > 200 ? `${text.slice(0, 200)} …` : text);
