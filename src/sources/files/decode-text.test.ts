import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeText } from './decode-text.ts';

const sentence = 'Grüße, naïve café: 5 € – “done”.\r\nNext line\r';
const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16();

describe('decodeText', () => {
  it.each<[string, Buffer]>([
    ['UTF-8', Buffer.from(sentence)],
    ['UTF-8 with mark', Buffer.from(`\ufeff${sentence}`)],
    ['UTF-16 LE with mark', Buffer.from(`\ufeff${sentence}`, 'utf16le')],
    ['UTF-16 BE with mark', utf16be(`\ufeff${sentence}`)],
    ['windows-1252', Buffer.from('Gr\xfc\xdfe, na\xefve caf\xe9: 5 \x80 \x96 \x93done\x94.\r\nNext line\r', 'latin1')],
  ])('reads %s, line ends kept', (_, bytes) => {
    expect(decodeText(bytes)).toEqual({ text: sentence });
  });

  it('reads UTF-16 without a mark by its zero bytes', () => {
    const text = 'Plain words, and a few: ä ö ü.\n';
    expect(decodeText(Buffer.from(text, 'utf16le'))).toEqual({ text });
    expect(decodeText(utf16be(text))).toEqual({ text });
  });

  it('reads UTF-16 with a mark in any script', () => {
    const text = '日本語のテキスト 😀\n';
    expect(decodeText(Buffer.from(`\ufeff${text}`, 'utf16le'))).toEqual({ text });
  });

  it.each<[string, Buffer]>([
    ['a NUL in text', Buffer.from('some text\0 more text')],
    ['an even number of bytes with a NUL', Buffer.from('abc\0')],
    ['a broken pair in UTF-16', Buffer.from([0xff, 0xfe, 0x3d, 0xd8, 0x41, 0x00])],
    ['machine code', Buffer.from(Array.from({ length: 512 }, (_, i) => (i * 37) % 251))],
    ['control bytes', Buffer.from('\x01\x02\x03 abc')],
    ['gzip', Buffer.from([0x1f, 0x8b, 8, 1, 2, 3, 0xfa, 0x80, 0x99])],
  ])('takes %s for binary', (_, bytes) => {
    expect(decodeText(bytes)).toMatchObject({ problem: 'binary' });
  });

  it('does not guess an encoding that makes nonsense', () => {
    const cyrillic = Buffer.from(Array.from({ length: 200 }, (_, i) => (i % 7 === 6 ? 0x20 : 0xe0 + (i % 31))));
    expect(decodeText(cyrillic)).toMatchObject({ problem: 'unreadable', message: expect.stringContaining('UTF-8') });
  });

  it('takes terminal colours for text, and a short word with accents', () => {
    expect(decodeText(Buffer.from('\x1b[31mred\x1b[0m'))).toEqual({ text: '\x1b[31mred\x1b[0m' });
    expect(decodeText(Buffer.from('\xe9t\xe9', 'latin1'))).toEqual({ text: 'été' });
  });

  it('never gives half a character or U+0000, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const decoded = decodeText(Buffer.from(bytes));
        if ('text' in decoded) expect(decoded.text.isWellFormed() && !decoded.text.includes('\0')).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});
