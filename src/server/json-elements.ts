/**
 * The elements of a JSON array, without parsing the array: a body of 64 MB would hold the event loop for a quarter of a
 * second. Strings are skipped by a search for their end, so nearly all of a body of long texts is passed at the speed
 * of memory. What an element itself is, right or wrong, is for the parser that gets it.
 */
export class NotAnArray extends Error {
  constructor(detail: string) {
    super(detail);
    this.name = 'NotAnArray';
  }
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;

/** From, to: bytes of one element each, without the space around it. Throws `NotAnArray` where the array ends wrong. */
export function* jsonElements(body: Buffer): Generator<readonly [from: number, to: number]> {
  let at = afterSpace(body, hasMark(body) ? 3 : 0);
  if (body[at] !== 0x5b) throw new NotAnArray('The body must be a JSON array');
  at = afterSpace(body, at + 1);
  if (body[at] !== 0x5d) {
    for (;;) {
      const from = at;
      const end = endOfElement(body, from);
      const to = beforeSpace(body, end);
      if (to <= from) throw new NotAnArray(`There is an element missing at byte ${from}`);
      yield [from, to];
      if (body[end] === 0x5d) {
        at = end;
        break;
      }
      at = afterSpace(body, end + 1);
    }
  }
  if (afterSpace(body, at + 1) < body.length) throw new NotAnArray(`Something follows the array at byte ${at + 1}`);
}

/** Where the comma or the bracket stands that ends the element. */
function endOfElement(body: Buffer, from: number): number {
  let depth = 0;
  for (let at = from; at < body.length; at++) {
    const byte = body[at];
    if (byte === quote) at = endOfString(body, at);
    else if (byte === 0x7b || byte === 0x5b) depth++;
    else if (byte === 0x7d || byte === 0x5d) {
      if (depth === 0) {
        if (byte === 0x5d) return at;
        break;
      }
      depth--;
    } else if (byte === comma && depth === 0) return at;
  }
  throw new NotAnArray(`The element that begins at byte ${from} does not end`);
}

/** The closing quote: the first that an even number of backslashes precedes. */
function endOfString(body: Buffer, from: number): number {
  for (let at = body.indexOf(quote, from + 1); at >= 0; at = body.indexOf(quote, at + 1)) {
    let before = at - 1;
    while (body[before] === backslash) before--;
    if ((at - before) % 2 === 1) return at;
  }
  throw new NotAnArray(`The text that begins at byte ${from} does not end`);
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function afterSpace(body: Buffer, from: number): number {
  let at = from;
  while (at < body.length && isSpace(body[at])) at++;
  return at;
}

function beforeSpace(body: Buffer, to: number): number {
  let at = to;
  while (at > 0 && isSpace(body[at - 1])) at--;
  return at;
}

function hasMark(body: Buffer): boolean {
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf;
}
