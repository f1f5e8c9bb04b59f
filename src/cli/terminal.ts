import { Writable } from 'node:stream';
import { styleText } from 'node:util';

/** How things look in a terminal: safe, short, aligned. Whatever a model or a file name says is data here. */

/** All that can move the cursor, speak to the terminal or turn the reading direction; line feed and tab are let be. */
const unsafe = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Shows control bytes and bidi controls as visible text (`\x1b`, `\u202e`), so that no text can act on the terminal. */
export function escapeForTerminal(text: string): string {
  return text.replace(unsafe, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/**
 * The first words of a text as one safe line of at most `width` columns, `…` where it was cut. Only the start of a long
 * text is looked at, so a megabyte costs no more than a line.
 */
export function oneLine(text: string, width: number): string {
  const start = text.slice(0, 64 * 1024).trimStart();
  const looked = start.slice(0, Math.max(width, 1) * 8);
  const line = escapeForTerminal(looked.replace(/\s+/g, ' ').trim());
  return looked.length < start.trimEnd().length ? cutToWidth(`${line}…`, width) : cutToWidth(line, width);
}

/** Cuts a line to `width` columns, `…` included; a cluster (a flag, a letter with its accents) is never split. */
export function cutToWidth(line: string, width: number): string {
  if (width <= 0) return '';
  if (displayWidth(line) <= width) return line;
  let kept = '';
  let used = 0;
  for (const { segment } of segmenter().segment(line)) {
    const next = clusterWidth(segment);
    if (used + next > width - 1) break;
    kept += segment;
    used += next;
  }
  return `${kept.trimEnd()}…`;
}

/**
 * Columns a line takes in a terminal. East Asian characters and emoji take two; an approximation of the Unicode tables
 * that needs no library to load (string-width, the usual one, is not a dependency of ours).
 */
export function displayWidth(line: string): number {
  if (/^[\x20-\x7e…·]*$/.test(line)) return line.length;
  let width = 0;
  for (const { segment } of segmenter().segment(line)) width += clusterWidth(segment);
  return width;
}

let sharedSegmenter: Intl.Segmenter | undefined;
function segmenter(): Intl.Segmenter {
  sharedSegmenter ??= new Intl.Segmenter();
  return sharedSegmenter;
}

const zeroWidth = /^[\p{Default_Ignorable_Code_Point}\p{Control}\p{Format}\p{Nonspacing_Mark}\p{Enclosing_Mark}]*$/v;
const wideStart =
  /^[\p{Emoji_Presentation}\u{1100}-\u{115f}\u{2e80}-\u{303e}\u{3041}-\u{a4cf}\u{a960}-\u{a97c}\u{ac00}-\u{d7a3}\u{f900}-\u{faff}\u{fe30}-\u{fe6f}\u{ff01}-\u{ff60}\u{ffe0}-\u{ffe6}\u{17000}-\u{18cff}\u{1b000}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]/v;
const emojiCluster = /^\p{RGI_Emoji}$/v;

function clusterWidth(cluster: string): number {
  if (zeroWidth.test(cluster)) return 0;
  return wideStart.test(cluster) || emojiCluster.test(cluster) ? 2 : 1;
}

/** `0.4 s`, `4 s`, `2 min 10 s`, `1 h 05 min`, `3 d 02 h`. */
export function formatDuration(ms: number): string {
  const pad = (value: number) => String(value).padStart(2, '0');
  if (ms >= 50 && ms < 1000) return `${Math.floor(ms / 100) / 10 || 0.1} s`;
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (minutes === 0) return `${seconds} s`;
  if (hours === 0) return `${minutes} min ${pad(seconds % 60)} s`;
  if (hours < 48) return `${hours} h ${pad(minutes % 60)} min`;
  return `${Math.floor(hours / 24)} d ${pad(hours % 24)} h`;
}

/** `$12.35`, `$0.0012`: cents, and below a cent two significant digits, so that small money never reads as none. */
export function formatUsd(nanoUsd: number): string {
  const usd = nanoUsd / 1e9;
  const size = Math.abs(usd);
  const decimals = size === 0 || size >= 0.1 ? 2 : Math.min(9, 1 - Math.floor(Math.log10(size)));
  const [whole = '0', fraction = '00'] = size.toFixed(decimals).split('.');
  return `${usd < 0 ? '-' : ''}$${grouped(whole)}.${fraction}`;
}

/** `12345` -> `12,345`. */
export function formatCount(count: number): string {
  return grouped(String(count));
}

function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `980 B`, `1.5 KB`, `200 MB`; 1 KB is 1,024 bytes, as in the limits we set. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const text = unit === 0 || value >= 99.95 ? String(Math.round(value)) : String(Math.round(value * 10) / 10);
  return `${text} ${units[unit]}`;
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
export type Paint = (style: Style, text: string) => string;

/** Colours for one stream: none unless it is a terminal and `NO_COLOR` is unset (Node decides, by the usual rules). */
export function createPaint(stream: unknown): Paint {
  if (!(stream instanceof Writable)) return (_style, text) => text;
  return (style, text) => styleText(style, text, { stream });
}
