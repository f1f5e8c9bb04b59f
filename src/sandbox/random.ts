import { randomBytes } from 'node:crypto';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Unpredictable base-62 text: ids must be unique across the processes that share one state folder. */
export function randomBase62(length: number): string {
  let text = '';
  for (const byte of randomBytes(length)) text += BASE62[byte % 62];
  return text;
}

export function randomHex(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}

/** 32-bit FNV-1a; good enough to spread words and seeds, and fast on short text. */
export function hash32(text: string, start = 0x811c9dc5): number {
  let hash = start >>> 0;
  for (let i = 0; i < text.length; i++) {
    hash ^= text.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}

/** Deterministic numbers in [0, 1) from a seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Shuffled positions 0..length-1, never the identity for two or more: order-blind clients must fail loudly. */
export function shuffledPositions(length: number, random: () => number): number[] {
  const positions = Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const held = positions[i] ?? i;
    positions[i] = positions[j] ?? j;
    positions[j] = held;
  }
  if (length > 1 && positions.every((position, i) => position === i)) positions.push(positions.shift() ?? 0);
  return positions;
}
