import { hash32 } from '../random.ts';

const POSITIONS_PER_WORD = 12;

/** A deterministic unit vector: each word is thrown on a few positions, so that texts sharing words are near. */
export function embed(text: string, dimensions: number): Float32Array {
  const vector = new Float64Array(dimensions);
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [text];
  for (const word of words) {
    let state = hash32(word);
    for (let i = 0; i < POSITIONS_PER_WORD; i++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      const position = (state >>> 8) % dimensions;
      vector[position] = (vector[position] ?? 0) + ((state & 128) === 0 ? 1 : -1);
    }
  }
  let square = 0;
  for (const value of vector) square += value * value;
  if (square === 0) {
    vector[0] = 1;
    square = 1;
  }
  const length = Math.sqrt(square);
  return Float32Array.from(vector, (value) => value / length);
}

/** JSON text of a vector. Eight decimals, like the real API; shorter than the digits of a double. */
export function vectorJson(vector: Float32Array): string {
  let text = '[';
  for (let i = 0; i < vector.length; i++) {
    const value = vector[i] ?? 0;
    text += i === 0 ? '' : ',';
    text += value === 0 ? '0' : String(Math.round(value * 1e8) / 1e8);
  }
  return `${text}]`;
}

/** Little-endian float32, base64: what the official SDK asks for by default. */
export function vectorBase64(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64');
}
