import { setImmediate } from 'node:timers/promises';
import { OffpeakError } from '../../errors.ts';

const pageBits = 16;
const pageBytes = 1 << pageBits;
const firstPageBytes = 4096;
const maxPages = 1 << (32 - pageBits);
/** Entries merged between two looks at the clock; about a millisecond. */
const mergeStep = 4096;
const longestStepMs = 5;

/**
 * The names of one folder with a small number each, sorted by their UTF-8 bytes. A million JavaScript strings would
 * be some 60 MB of heap; here they are bytes in pages, with 6 bytes each beside the name (10 while sorting).
 */
export class NameList {
  /** Fixed pages instead of one growing buffer: to grow is to copy, holding twice the memory meanwhile. */
  readonly #pages: Buffer[] = [];
  #page = Buffer.alloc(0);
  #used = 0;
  /** Where each entry begins: page number * 64 KiB + place in the page. An entry is length and kind, then the name. */
  #starts = new Uint32Array(32);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** `kind` is 0 to 15. */
  add(name: string, kind: number): void {
    // A UTF-16 unit is 3 bytes of UTF-8 at most, and no file system takes names near 4,096 bytes.
    const most = name.length * 3 + 2;
    if (most > 4096) throw new OffpeakError('a file name is longer than any file system takes', { code: 'internal' });
    if (this.#used + most > this.#page.length) this.#addPage();
    const written = this.#page.write(name, this.#used + 2, 'utf8');
    this.#page.writeUInt16LE((kind << 12) | written, this.#used);
    if (this.#length === this.#starts.length) this.#starts = resized(this.#starts, this.#length * 2);
    this.#starts[this.#length++] = (this.#pages.length - 1) * pageBytes + this.#used;
    this.#used += written + 2;
  }

  at(index: number): { name: string; kind: number } {
    const start = this.#starts[index] ?? 0;
    const page = this.#pages[start >>> pageBits];
    if (index >= this.#length || !page) throw new RangeError(`no name ${index}`);
    const place = start & (pageBytes - 1);
    const head = page.readUInt16LE(place);
    return { name: page.toString('utf8', place + 2, place + 2 + (head & 0xfff)), kind: head >>> 12 };
  }

  /** Merge sort from the bottom up, that lets the event loop run every few milliseconds. */
  async sort(): Promise<void> {
    let from = resized(this.#starts, this.#length);
    let to = new Uint32Array(this.#length);
    this.#starts = from;
    let since = performance.now();
    let moved = 0;
    for (let width = 1; width < this.#length; width *= 2) {
      for (let low = 0; low < this.#length; low += 2 * width) {
        const middle = Math.min(low + width, this.#length);
        const merge: Merge = {
          from,
          to,
          left: low,
          middle,
          right: middle,
          end: Math.min(low + 2 * width, this.#length),
        };
        while (merge.left + merge.right < middle + merge.end) {
          moved += this.#mergeSome(merge);
          if (moved < mergeStep) continue;
          moved = 0;
          if (performance.now() - since < longestStepMs) continue;
          await setImmediate();
          since = performance.now();
        }
      }
      [from, to] = [to, from];
    }
    this.#starts = from;
  }

  /** Moves up to `mergeStep` entries of two sorted neighbours to their place; returns how many. */
  #mergeSome(merge: Merge): number {
    const { from, to, middle, end } = merge;
    let { left, right } = merge;
    // Both have gone as far as the output has: `left` from its beginning, `right` from `middle`.
    const first = left + right - middle;
    const last = Math.min(first + mergeStep, end);
    if (left < middle && right < end && this.#compare(from[middle - 1] ?? 0, from[right] ?? 0) <= 0) {
      // The rest of the left side comes before all of the right: folders are often listed in order.
      const stop = Math.min(left + mergeStep, middle);
      to.set(from.subarray(left, stop), first);
      merge.left = stop;
      return stop - left;
    }
    for (let out = first; out < last; out++) {
      const takeLeft = left < middle && (right >= end || this.#compare(from[left] ?? 0, from[right] ?? 0) <= 0);
      to[out] = (takeLeft ? from[left++] : from[right++]) ?? 0;
    }
    merge.left = left;
    merge.right = right;
    return last - first;
  }

  #compare(a: number, b: number): number {
    const pageA = this.#pages[a >>> pageBits] ?? this.#page;
    const pageB = this.#pages[b >>> pageBits] ?? this.#page;
    const placeA = a & (pageBytes - 1);
    const placeB = b & (pageBytes - 1);
    const lengthA = (pageA[placeA] ?? 0) | (((pageA[placeA + 1] ?? 0) & 0x0f) << 8);
    const lengthB = (pageB[placeB] ?? 0) | (((pageB[placeB + 1] ?? 0) & 0x0f) << 8);
    const shared = Math.min(lengthA, lengthB) + 2;
    for (let i = 2; i < shared; i++) {
      const difference = (pageA[placeA + i] ?? 0) - (pageB[placeB + i] ?? 0);
      if (difference !== 0) return difference;
    }
    return lengthA - lengthB;
  }

  #addPage(): void {
    if (this.#pages.length === maxPages) throw new OffpeakError('4 GiB of names in one folder', { code: 'internal' });
    // Most folders are small: their only page is too.
    this.#page = Buffer.allocUnsafeSlow(this.#pages.length === 0 ? firstPageBytes : pageBytes);
    this.#pages.push(this.#page);
    this.#used = 0;
  }
}

interface Merge {
  from: Uint32Array;
  to: Uint32Array;
  left: number;
  readonly middle: number;
  right: number;
  readonly end: number;
}

function resized(old: Uint32Array, length: number): Uint32Array<ArrayBuffer> {
  const starts = new Uint32Array(length);
  starts.set(old.subarray(0, length));
  return starts;
}
