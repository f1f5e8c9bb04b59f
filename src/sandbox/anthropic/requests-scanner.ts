/** The body is not `{"requests":[{...},...]}`. */
export class ScanError extends Error {}

/** Finds the elements of `requests` in a body that comes in pieces, so that only one element is in memory at a time. */
export interface RequestsScanner {
  /** The bytes of the elements that this piece completes; they may lie in the piece itself. */
  push(piece: Buffer): Buffer[];
  /** Throws when the body ended too early. */
  end(): void;
}

type Expected =
  | 'object'
  | 'key'
  | 'key-text'
  | 'colon'
  | 'list'
  | 'first'
  | 'element'
  | 'separator'
  | 'end'
  | 'nothing';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const WHITESPACE = new Set([0x20, 0x09, 0x0a, 0x0d]);
const MAX_KEY = 100;
const NOT_JSON = 'The request body is not valid JSON.';

export function createRequestsScanner(): RequestsScanner {
  let expected: Expected = 'object';
  let key = '';
  let found = 0;
  let hasList = false;
  let pieces: Buffer[] = [];
  const nesting = { depth: 0, inString: false, escaped: false };

  const step = (byte: number): void => {
    if (expected === 'key-text') {
      if (byte !== QUOTE && key.length < MAX_KEY) {
        key += String.fromCharCode(byte);
        return;
      }
      if (key !== 'requests') throw new ScanError(`${key}: Extra inputs are not permitted`);
      if (hasList) throw new ScanError('requests: given twice');
      hasList = true;
      key = '';
      expected = 'colon';
      return;
    }
    if (!WHITESPACE.has(byte)) expected = nextExpected(expected, byte, found);
  };

  return {
    push(piece) {
      const elements: Buffer[] = [];
      for (let at = 0; at < piece.length; ) {
        if (nesting.depth === 0 && !(isElementStart(expected) && piece[at] === OPEN_BRACE)) {
          step(piece[at++] ?? 0);
          continue;
        }
        const end = elementEnd(piece, at, nesting);
        pieces.push(piece.subarray(at, end));
        if (nesting.depth > 0) break;
        elements.push(pieces.length === 1 ? piece.subarray(at, end) : Buffer.concat(pieces));
        pieces = [];
        found++;
        expected = 'separator';
        at = end;
      }
      return elements;
    },
    end() {
      if (expected !== 'nothing') throw new ScanError(NOT_JSON);
    },
  };
}

function isElementStart(expected: Expected): boolean {
  return expected === 'first' || expected === 'element';
}

/** What may follow, one byte after the other, outside of elements. */
function nextExpected(expected: Expected, byte: number, found: number): Expected {
  const is = (character: string): boolean => byte === character.charCodeAt(0);
  switch (expected) {
    case 'object':
      if (is('{')) return 'key';
      break;
    case 'key':
      if (is('"')) return 'key-text';
      if (is('}') && found === 0) throw new ScanError('requests: Field required');
      break;
    case 'colon':
      if (is(':')) return 'list';
      break;
    case 'list':
      if (is('[')) return 'first';
      throw new ScanError('requests: Input should be a valid list');
    case 'first':
      if (is(']')) return 'end';
      throw new ScanError('requests.0: Input should be an object');
    case 'element':
      throw new ScanError(`requests.${found}: Input should be an object`);
    case 'separator':
      if (is(',')) return 'element';
      if (is(']')) return 'end';
      break;
    case 'end':
      if (is('}')) return 'nothing';
      if (is(',')) return 'key';
      break;
    default:
  }
  throw new ScanError(NOT_JSON);
}

/** Where the element that begins or goes on at `from` ends; the end of the piece when it does not end in it. */
function elementEnd(
  piece: Buffer,
  from: number,
  nesting: { depth: number; inString: boolean; escaped: boolean },
): number {
  // Locals: this loop sees every byte of 256 MB.
  let { depth, inString, escaped } = nesting;
  let at = from;
  for (; at < piece.length; at++) {
    const byte = piece[at];
    if (inString) {
      if (escaped) escaped = false;
      else if (byte === BACKSLASH) escaped = true;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --depth === 0) {
      at++;
      break;
    }
  }
  nesting.depth = depth;
  nesting.inString = inString;
  nesting.escaped = escaped;
  return at;
}
