import { inflateSync } from 'node:zlib';

interface Png {
  width: number;
  height: number;
  colourType: number;
  palette: Buffer | undefined;
  pixels: Buffer;
}

const CHANNELS: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const MAX_PIXELS = 4_000_000;

/** The main colours of an 8-bit, non-interlaced PNG in words; `undefined` for other kinds and broken files. */
export function pngColours(data: Buffer): string | undefined {
  try {
    const png = readPng(data);
    return png === undefined ? undefined : wordsFor(countColours(png));
  } catch {
    return undefined;
  }
}

function readPng(data: Buffer): Png | undefined {
  const width = data.readUInt32BE(16);
  const height = data.readUInt32BE(20);
  const colourType = data[25] ?? 0;
  const supported = data[24] === 8 && CHANNELS[colourType] !== undefined && data[28] === 0;
  if (!supported || width * height === 0 || width * height > MAX_PIXELS) return undefined;
  const compressed: Buffer[] = [];
  let palette: Buffer | undefined;
  for (let at = 8; at + 12 <= data.length; ) {
    const length = data.readUInt32BE(at);
    const type = data.toString('latin1', at + 4, at + 8);
    const content = data.subarray(at + 8, at + 8 + length);
    if (type === 'IDAT') compressed.push(content);
    if (type === 'PLTE') palette = content;
    at += 12 + length;
  }
  const channels = CHANNELS[colourType] ?? 1;
  // A tiny file can inflate to gigabytes; the size of the picture says how much may come out.
  const raw = inflateSync(Buffer.concat(compressed), { maxOutputLength: height * (width * channels + 1) });
  return { width, height, colourType, palette, pixels: unfilter(raw, width * channels, height, channels) };
}

/** Undoes the five PNG line filters. */
function unfilter(raw: Buffer, lineBytes: number, height: number, channels: number): Buffer {
  const pixels = Buffer.alloc(lineBytes * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (lineBytes + 1)] ?? 0;
    for (let x = 0; x < lineBytes; x++) {
      const at = y * lineBytes + x;
      const left = x >= channels ? (pixels[at - channels] ?? 0) : 0;
      const up = y > 0 ? (pixels[at - lineBytes] ?? 0) : 0;
      const corner = x >= channels && y > 0 ? (pixels[at - lineBytes - channels] ?? 0) : 0;
      pixels[at] = (raw[y * (lineBytes + 1) + 1 + x] ?? 0) + predicted(filter, left, up, corner);
    }
  }
  return pixels;
}

function predicted(filter: number, left: number, up: number, corner: number): number {
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  if (filter !== 4) return 0;
  const estimate = left + up - corner;
  const toLeft = Math.abs(estimate - left);
  const toUp = Math.abs(estimate - up);
  const toCorner = Math.abs(estimate - corner);
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}

function countColours(png: Png): Map<string, number> {
  const counts = new Map<string, number>();
  const channels = CHANNELS[png.colourType] ?? 1;
  const total = png.width * png.height;
  const step = Math.max(1, Math.floor(total / 200_000));
  for (let pixel = 0; pixel < total; pixel += step) {
    const at = pixel * channels;
    const value = (offset: number): number => png.pixels[at + offset] ?? 0;
    let name: string;
    if (png.colourType === 3) {
      const entry = value(0) * 3;
      name = nameOf(png.palette?.[entry] ?? 0, png.palette?.[entry + 1] ?? 0, png.palette?.[entry + 2] ?? 0);
    } else if (png.colourType === 0 || png.colourType === 4) {
      name = png.colourType === 4 && value(1) < 32 ? 'transparent' : nameOf(value(0), value(0), value(0));
    } else {
      name = png.colourType === 6 && value(3) < 32 ? 'transparent' : nameOf(value(0), value(1), value(2));
    }
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

function nameOf(red: number, green: number, blue: number): string {
  const most = Math.max(red, green, blue);
  const least = Math.min(red, green, blue);
  const spread = most - least;
  if (spread < 32 || spread < most * 0.15) {
    if (most < 48) return 'black';
    return most > 215 ? 'white' : 'grey';
  }
  if (most < 48) return 'black';
  const hue =
    most === red
      ? ((green - blue) / spread + 6) % 6
      : most === green
        ? (blue - red) / spread + 2
        : (red - green) / spread + 4;
  if (hue < 0.4 || hue >= 5.7) return most > 200 && least > 120 ? 'pink' : 'red';
  if (hue < 0.75) return most < 170 ? 'brown' : 'orange';
  if (hue < 1.2) return 'yellow';
  if (hue < 2.6) return 'green';
  if (hue < 3.3) return 'cyan';
  if (hue < 4.4) return 'blue';
  return hue < 5.1 ? 'purple' : 'pink';
}

function wordsFor(counts: Map<string, number>): string {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const main = [...counts]
    .sort((a, b) => b[1] - a[1])
    .slice(0, 3)
    .map(([name, count]) => ({ name, percent: Math.round((count / total) * 100) }))
    .filter(({ percent }, i) => i === 0 || percent > 0)
    .map(({ name, percent }) => `${name} (${percent} %)`);
  const last = main.pop() ?? '';
  return `mainly ${main.length === 0 ? last : `${main.join(', ')} and ${last}`}`;
}
