import { isUtf8 } from 'node:buffer';

/** The text of a file of unknown encoding, or why it is none. Line ends are kept, a byte order mark is not. */
export type Decoded = { text: string } | { problem: 'binary' | 'unreadable'; message: string };

const notText: Decoded = { problem: 'binary', message: 'the file is not text: its bytes are binary data' };

/**
 * In this order: what a byte order mark says; UTF-8, strictly; UTF-16 without a mark, told by its zero bytes;
 * windows-1252 (of which Latin-1 is a part) if that looks like text. Never gives a lone surrogate or U+0000.
 */
export function decodeText(bytes: Buffer): Decoded {
  if (bytes.length >= 2) {
    const mark = bytes.readUInt16BE(0);
    if (mark === 0xfffe) return decodeUtf16(bytes, 'utf-16le') ?? notText;
    if (mark === 0xfeff) return decodeUtf16(bytes, 'utf-16be') ?? notText;
  }
  if (bytes.includes(0)) {
    const order = utf16OrderOf(bytes);
    return (order && decodeUtf16(bytes, order)) ?? notText;
  }
  if (hasManyControls(bytes)) return notText;
  if (isUtf8(bytes)) {
    const hasMark = bytes.length >= 3 && bytes.readUIntBE(0, 3) === 0xefbbbf;
    return { text: bytes.toString('utf8', hasMark ? 3 : 0) };
  }
  return decodeWindows1252(bytes);
}

function decodeUtf16(bytes: Buffer, order: 'utf-16le' | 'utf-16be'): Decoded | undefined {
  try {
    const text = new TextDecoder(order, { fatal: true }).decode(bytes);
    return /[\0-\x08\x0e-\x1a\x1c-\x1f\ufffe\uffff]/.test(text) ? undefined : { text };
  } catch {
    return undefined;
  }
}

/** In UTF-16 of European text most of the high bytes are zero, and none of the low bytes. */
function utf16OrderOf(bytes: Buffer): 'utf-16le' | 'utf-16be' | undefined {
  if (bytes.length % 2 !== 0) return undefined;
  const zeros = [0, 0];
  const end = Math.min(bytes.length, 65_536);
  for (let i = 0; i < end; i++) if (bytes[i] === 0) zeros[i & 1] = (zeros[i & 1] ?? 0) + 1;
  const [even = 0, odd = 0] = zeros;
  const enough = (end / 2) * 0.7;
  if (even === 0 && odd >= enough) return 'utf-16le';
  return odd === 0 && even >= enough ? 'utf-16be' : undefined;
}

/** Bytes that no text holds; ESC is one of terminal logs, form feed and vertical tab stand in old texts. */
const isControl = Uint8Array.from({ length: 256 }, (_, byte) =>
  Number((byte < 0x20 && ![0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x1b].includes(byte)) || byte === 0x7f),
);

function hasManyControls(bytes: Buffer): boolean {
  let controls = 0;
  for (const byte of bytes) controls += isControl[byte] ?? 0;
  return controls > bytes.length * 0.03;
}

// 0x80 to 0x9F. By hand, because TextDecoder('windows-1252') decoded these as Latin-1 in some releases of Node 22 to 24.
const windows1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

function decodeWindows1252(bytes: Buffer): Decoded {
  let high = 0;
  let undefinedOnes = 0;
  for (const byte of bytes) {
    if (byte < 0x80) continue;
    high++;
    if (byte === 0x81 || byte === 0x8d || byte === 0x8f || byte === 0x90 || byte === 0x9d) undefinedOnes++;
  }
  if (undefinedOnes > high * 0.02) return unknownEncoding(bytes);
  // A European text has an accent here and there; Cyrillic or Chinese in an old encoding is nearly all high bytes.
  if (bytes.length >= 64 && high > bytes.length * 0.3) return unknownEncoding(bytes);
  const text = bytes
    .toString('latin1')
    .replace(/[\x80-\x9f]/g, (char) => windows1252[char.charCodeAt(0) - 0x80] ?? char);
  return { text };
}

function unknownEncoding(bytes: Buffer): Decoded {
  let controls = 0;
  for (const byte of bytes) controls += isControl[byte] ?? 0;
  if (controls > 0) return notText;
  const message = 'the encoding is neither UTF-8, UTF-16 nor windows-1252: save the file as UTF-8';
  return { problem: 'unreadable', message };
}
