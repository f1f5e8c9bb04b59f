/** What an answer is made from, whichever API the request came by. */
export interface Prompt {
  /** The user's material: the inside of `<document>` blocks, else the last user message. */
  document: string;
  /** What stands around the material, in lower case: decides between summary, keywords, sentiment, language. */
  instruction: string;
  images: PromptImage[];
  inputTokens: number;
  /** Schema the answer must fit, or `true` for any JSON object. */
  schema?: unknown;
  maxOutputTokens?: number;
}

export interface PromptImage {
  /** `data:` or `https:` URL. */
  url: string;
  lowDetail: boolean;
}

export interface PromptMessage {
  role: string;
  text: string;
  images: PromptImage[];
}

const LOW_IMAGE_TOKENS = 85;
const IMAGE_TOKENS = 765;
const OPEN = '<document';
const CLOSE = '</document>';

export function estimateTokens(characters: number): number {
  return Math.ceil(characters / 4);
}

/** Separates instruction and material, and counts the input. */
export function buildPrompt(
  messages: readonly PromptMessage[],
  options: { schema?: unknown; maxOutputTokens?: number | undefined } = {},
): Prompt {
  let characters = 0;
  let imageTokens = 0;
  let last: PromptMessage | undefined;
  const images: PromptImage[] = [];
  for (const message of messages) {
    characters += message.text.length;
    for (const image of message.images) imageTokens += image.lowDetail ? LOW_IMAGE_TOKENS : IMAGE_TOKENS;
    if (message.role === 'user') {
      last = message;
      images.push(...message.images);
    }
  }
  const { document, instruction } = separate(messages, last?.text ?? '');
  return {
    document,
    instruction,
    images,
    inputTokens: estimateTokens(characters) + imageTokens,
    ...(options.schema === undefined ? {} : { schema: options.schema }),
    ...(options.maxOutputTokens === undefined ? {} : { maxOutputTokens: options.maxOutputTokens }),
  };
}

function separate(messages: readonly PromptMessage[], lastText: string): { document: string; instruction: string } {
  const users = messages.filter((message) => message.role === 'user');
  if (!users.some((message) => message.text.includes(OPEN))) {
    // Without a block the instruction cannot be told from the material; it usually comes first.
    return { document: lastText, instruction: lastText.slice(0, 200).toLowerCase() };
  }
  const { inside, outside } = cutOut(users.map((message) => message.text).join('\n'));
  if (inside === undefined) return { document: lastText, instruction: '' };
  const system = messages.filter((message) => message.role !== 'user' && message.role !== 'assistant');
  return {
    document: inside,
    instruction: [...system.map((message) => message.text), outside].join('\n').toLowerCase(),
  };
}

/** The insides of all `<document ...>` blocks, and what is around them. By hand: a pattern took twice as long. */
function cutOut(text: string): { inside: string | undefined; outside: string } {
  const insides: string[] = [];
  let outside = '';
  let at = 0;
  for (;;) {
    const open = text.indexOf(OPEN, at);
    const start = open === -1 ? -1 : text.indexOf('>', open);
    const end = start === -1 ? -1 : text.indexOf(CLOSE, start);
    if (end === -1) break;
    outside += `${text.slice(at, open)} `;
    insides.push(text.slice(start + 1, end).trim());
    at = end + CLOSE.length;
  }
  return { inside: insides.length === 0 ? undefined : insides.join('\n\n'), outside: outside + text.slice(at) };
}
