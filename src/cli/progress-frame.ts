import { type JobCounts, totalOf } from '../job.ts';
import {
  cutToWidth,
  displayWidth,
  formatCount,
  formatDuration,
  formatUsd,
  oneLine,
  type Paint,
  type Style,
} from './terminal.ts';

/** What is shown of a run while it goes on. */
export interface ProgressView {
  total: number;
  counts: JobCounts;
  /** Items are still being read: the total grows, so no percentage is shown. */
  scanning: boolean;
  /** Rows that the provider has answered in batches that still run; they count as done in the bar. */
  answered?: number;
  /** Realtime calls, or batches with the provider's word and counts in `detail`. */
  running: readonly { name: string; ageMs: number; detail?: string }[];
  /** The latest, newest last. */
  done: readonly { name: string; state: 'succeeded' | 'failed' | 'skipped'; text: string; seconds: number }[];
  /** The next ones; their number is taken from `counts`. */
  queued: readonly string[];
  elapsedMs: number;
  etaMs?: number;
  costNanoUsd?: number;
  note?: string;
}

/** The view as a part of one line, for logs. */
export function lineOf(view: ProgressView, simulated: boolean): string {
  const { counts } = view;
  const parts = [
    view.scanning
      ? `scanning… ${formatCount(view.total)} found, ${formatCount(finishedOf(counts))} done`
      : `${formatCount(doneOf(view))}/${formatCount(view.total)} done`,
    ...exceptionsOf(counts),
  ];
  if (counts.running > 0) parts.push(`${formatCount(counts.running)} running`);
  if (simulated) parts.push('simulated');
  return parts.join(', ');
}

function doneOf(view: ProgressView): number {
  return Math.min(view.total, finishedOf(view.counts) + (view.answered ?? 0));
}

function finishedOf(counts: JobCounts): number {
  return totalOf(counts) - counts.queued - counts.packed - counts.running;
}

function exceptionsOf(counts: JobCounts): string[] {
  const states = ['failed', 'skipped', 'cancelled'] as const;
  return states.filter((state) => counts[state] > 0).map((state) => `${formatCount(counts[state])} ${state}`);
}

/** 0 while scanning: a part of an unknown whole would only fall later. */
export function fractionOf(view: ProgressView): number {
  return view.scanning || view.total === 0 ? 0 : doneOf(view) / view.total;
}

/** `plain` is what the line measures, `painted` the same with colours. */
export interface Line {
  plain: string;
  painted: string;
}

export interface Layout {
  width: number;
  height: number;
  paint: Paint;
  title: string;
  simulated: boolean;
}

/** The whole picture, at most `height` lines of at most `width` columns. */
export function layOut(
  view: ProgressView,
  fraction: number,
  { width, height, paint, title, simulated }: Layout,
): Line[] {
  const line = (text: string, style?: Style): Line => {
    const plain = cutToWidth(text, width);
    return { plain, painted: style ? paint(style, plain) : plain };
  };
  const marked = (style: Style, mark: string, text: string): Line => {
    const rest = cutToWidth(` ${text}`, width - 3);
    return { plain: `  ${mark}${rest}`, painted: `  ${paint(style, mark)}${rest}` };
  };
  const head = [
    line(titleLine(title, simulated, width), 'bold'),
    line(barLine(view, fraction, width)),
    line(timeLine(view), 'dim'),
  ];
  if (view.note !== undefined) head.push(line(oneLine(view.note, width), 'yellow'));

  const queuedCount = view.counts.queued + view.counts.packed;
  const wanted = [view.running.length, Math.min(view.done.length, 8), Math.min(view.queued.length + 1, 4)];
  const [forRunning = 0, forDone = 0, forQueued = 0] = shareRoom(height - head.length, wanted);
  const nameWidth = Math.floor(width * 0.4);

  const running = firstOf(view.running, forRunning, view.running.length);
  const runningNames = aligned(running.shown, nameWidth);
  const done = forDone === 0 ? [] : view.done.slice(-forDone);
  const doneNames = aligned(done, nameWidth);
  const queued = firstOf(view.queued, forQueued, Math.max(queuedCount, view.queued.length));
  const more = (count: number) => (count > 0 ? [line(`    … and ${formatCount(count)} more`, 'dim')] : []);
  const section = (heading: string, lines: Line[]) => (lines.length === 0 ? [] : [line(heading, 'dim'), ...lines]);
  return [
    ...head,
    ...section(`Running (${formatCount(view.running.length)})`, [
      ...running.shown.map((item, index) => marked('cyan', '●', `${runningNames[index]}  ${runningText(item)}`)),
      ...more(running.left),
    ]),
    ...section(
      'Done',
      done.map((item, index) => marked(...doneMarks[item.state], `${doneNames[index]}  ${doneText(item, width)}`)),
    ),
    ...section(`Queued (${formatCount(queuedCount)})`, [
      ...queued.shown.map((name) => marked('dim', '·', oneLine(name, width))),
      ...more(queued.left),
    ]),
  ].slice(0, Math.max(1, height));
}

const doneMarks: Readonly<Record<ProgressView['done'][number]['state'], readonly [Style, string]>> = {
  succeeded: ['green', '✓'],
  failed: ['red', '✗'],
  skipped: ['yellow', '-'],
};

/** A long title gives way: that the answers are made up must be seen in any width. */
function titleLine(title: string, simulated: boolean, width: number): string {
  if (!simulated) return oneLine(title, width);
  const mark = width < 60 ? '(simulated)' : '(simulated: answers are made up)';
  return `${oneLine(title, width - mark.length - 1)} ${mark}`.trimStart();
}

function barLine(view: ProgressView, fraction: number, width: number): string {
  const finished = doneOf(view);
  const rest = exceptionsOf(view.counts);
  if (view.scanning)
    return [`scanning… ${formatCount(view.total)} found`, `${formatCount(finished)} done`, ...rest].join(' · ');
  const percent = finished === view.total && finished > 0 ? 100 : Math.min(99, Math.floor(fraction * 100));
  const length = Math.max(5, Math.min(40, width - 40));
  const full = Math.floor((length * percent) / 100);
  const bar = '█'.repeat(full) + '░'.repeat(length - full);
  const counts = [`${formatCount(finished)}/${formatCount(view.total)}`, ...rest].join(' · ');
  return `${bar} ${String(percent).padStart(3)}%  ${counts}`;
}

function timeLine(view: ProgressView): string {
  const parts = [`${formatDuration(view.elapsedMs)} elapsed`];
  const unfinished = view.scanning || finishedOf(view.counts) < view.total;
  if (unfinished && view.etaMs !== undefined) parts.push(`about ${formatDuration(view.etaMs)} left`);
  if (view.costNanoUsd !== undefined) parts.push(formatUsd(view.costNanoUsd));
  return parts.join(' · ');
}

function runningText(item: ProgressView['running'][number]): string {
  const age = formatDuration(item.ageMs);
  return item.detail === undefined ? age : `${age}  ${oneLine(item.detail, 200)}`;
}

function doneText(item: ProgressView['done'][number], width: number): string {
  const seconds = formatDuration(item.seconds * 1000);
  return `${item.state === 'skipped' ? 'skipped' : seconds}  ${oneLine(item.text, width)}`;
}

/** Lines for each list, their headings reckoned in: the short lists whole, the long ones what is left, in equal parts. */
function shareRoom(room: number, wanted: readonly number[]): number[] {
  const shares = wanted.map(() => 0);
  const order = [...wanted.keys()].filter((index) => (wanted[index] ?? 0) > 0);
  order.sort((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0));
  let left = room;
  for (const [done, index] of order.entries()) {
    const share = Math.min((wanted[index] ?? 0) + 1, Math.floor(left / (order.length - done)));
    if (share < 2) continue;
    shares[index] = share - 1;
    left -= share;
  }
  return shares;
}

/** The first items that fit in `lines`, one line kept for "and n more" when not all of `total` do. */
function firstOf<Item>(items: readonly Item[], lines: number, total: number): { shown: readonly Item[]; left: number } {
  if (lines === 0) return { shown: [], left: 0 };
  const shown = items.slice(0, total > lines || total > items.length ? lines - 1 : lines);
  return { shown, left: total - shown.length };
}

/** Names cut and filled to one width. */
function aligned(items: readonly { name: string }[], most: number): string[] {
  const names = items.map((item) => oneLine(item.name, most));
  const width = Math.max(0, ...names.map(displayWidth));
  return names.map((name) => name + ' '.repeat(width - displayWidth(name)));
}
