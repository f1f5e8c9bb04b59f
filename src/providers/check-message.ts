import { OffpeakError } from '../errors.ts';
import type { Message } from '../request.ts';

/** @throws OffpeakError `usage` for a message without content, or with an image where none can stand */
export function checkMessage(title: string, { role, content }: Message): void {
  if (content.length === 0) throw cannotSay(title, `a ${role} message has no content`);
  if (role !== 'user' && content.some((part) => part.type === 'image')) {
    throw cannotSay(title, `an image can only stand in a user message, not in a ${role} message`);
  }
}

const imageTypes = ['image/png', 'image/jpeg', 'image/webp', 'image/gif'];

/** In lower case. @throws OffpeakError `usage` for a type that is hardly ever taken */
export function usualImageType(title: string, mediaType: string): string {
  const type = mediaType.toLowerCase();
  if (imageTypes.includes(type)) return type;
  throw cannotSay(title, `images must be PNG, JPEG, WebP or GIF, not ${mediaType}: convert it first`);
}

/** For what the API of `title` has no words for. */
export function cannotSay(title: string, words: string): OffpeakError {
  return new OffpeakError(`${title}: ${words}`, { code: 'usage' });
}
