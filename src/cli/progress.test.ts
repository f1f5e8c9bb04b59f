import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type JobCounts, noCounts, totalOf } from '../job.ts';
import { createProgress, type ProgressView } from './progress.ts';
import { displayWidth } from './terminal.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: new Date(2026, 10, 20, 12, 3, 4) });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A terminal with just the codes progress uses, wrapping like a real one; or a plain file when nobody reads `screen`. */
function createFakeStream(columns = 60, rows = 24) {
  const listeners = new Map<string, Set<() => void>>();
  const stream = {
    columns,
    rows,
    writes: [] as string[],
    write(text: string) {
      stream.writes.push(text);
      return true;
    },
    on(event: string, listener: () => void) {
      listeners.set(event, (listeners.get(event) ?? new Set()).add(listener));
    },
    off: (event: string, listener: () => void) => listeners.get(event)?.delete(listener),
    emit: (event: string) => {
      for (const listener of listeners.get(event) ?? []) listener();
    },
    listening: () => [...listeners.values()].reduce((sum, set) => sum + set.size, 0),
    text: () => stream.writes.join(''),
    screen: () => render(stream.text()),
  };
  return stream;
}

function render(text: string): string[] {
  const lines: string[] = [''];
  let row = 0;
  for (const [token] of text.matchAll(/\x1b\[[?\d]*[A-Za-z]|\r|\n|[^\x1b\r\n]+/g)) {
    const up = /^\x1b\[(\d+)A$/.exec(token)?.[1];
    if (up !== undefined) row = Math.max(0, row - Number(up));
    else if (token === '\x1b[J') lines.splice(row + 1);
    else if (token === '\n') lines[++row] ??= '';
    // Every line is written from its start and whole.
    else if (!token.startsWith('\x1b') && token !== '\r') lines[row] = token;
    else if (token === '\r') lines[row] ??= '';
  }
  return lines;
}

function viewOf(counts: Partial<JobCounts>, changes: Partial<ProgressView> = {}): ProgressView {
  const all = { ...noCounts, ...counts };
  return {
    total: totalOf(all),
    counts: all,
    scanning: false,
    running: [],
    done: [],
    queued: [],
    elapsedMs: 12_000,
    ...changes,
  };
}

function progressOn(stream: ReturnType<typeof createFakeStream>, isTerminal: boolean, simulated = false) {
  return createProgress({ stream, isTerminal, now: () => Date.now(), title: 'Summarise docs', simulated });
}

const full = viewOf(
  { succeeded: 4, failed: 1, running: 2, queued: 3 },
  {
    running: [
      { name: 'docs/f.txt', ageMs: 3000 },
      { name: 'batch-3', ageMs: 130_000, detail: 'in_progress 120/500' },
    ],
    done: [
      { name: 'docs/a.txt', state: 'succeeded', text: 'The\nfirst \x1b[2J words', seconds: 1.2 },
      { name: 'docs/b.txt', state: 'failed', text: 'timed out', seconds: 30 },
    ],
    queued: ['docs/h.txt', 'docs/i.txt'],
    etaMs: 8000,
    costNanoUsd: 1_200_000,
    note: 'no batch API here',
  },
);

test('the picture', () => {
  const stream = createFakeStream(70);
  const progress = progressOn(stream, true, true);
  progress.update(full);
  expect(stream.screen()).toEqual([
    'Summarise docs (simulated: answers are made up)',
    '██████████████░░░░░░░░░░░░░░░  50%  5/10 · 1 failed',
    '12 s elapsed · about 8 s left · $0.0012',
    'no batch API here',
    'Running (2)',
    '  ● docs/f.txt  3 s',
    '  ● batch-3     2 min 10 s  in_progress 120/500',
    'Done',
    '  ✓ docs/a.txt  1 s  The first \\x1b[2J words',
    '  ✗ docs/b.txt  30 s  timed out',
    'Queued (3)',
    '  · docs/h.txt',
    '  · docs/i.txt',
    '    … and 1 more',
  ]);
  progress.close();
});

test('a simulated run is seen to be one in a narrow terminal too', () => {
  const stream = createFakeStream(24);
  const progress = progressOn(stream, true, true);
  progress.update(viewOf({ queued: 1 }));
  expect(stream.screen()[0]).toBe('Summarise… (simulated)');
  progress.close();
});

test('draws at once, then at most ten times a second, and always the latest', () => {
  const stream = createFakeStream();
  const progress = progressOn(stream, true);
  const before = stream.writes.length;
  for (let done = 0; done < 100; done++) {
    progress.update(viewOf({ succeeded: done, queued: 100 - done }));
    vi.advanceTimersByTime(10);
  }
  expect(stream.writes.length - before).toBeLessThanOrEqual(11);
  vi.advanceTimersByTime(100);
  expect(stream.screen()[1]).toContain('99/100');
  progress.close();
});

test('close shows the last view, gives the cursor back and leaves nothing behind', () => {
  const listeners = process.listenerCount('exit');
  const stream = createFakeStream();
  const progress = progressOn(stream, true);
  expect(stream.text()).toBe('\x1b[?25l');
  progress.update(viewOf({ queued: 2 }));
  progress.update(viewOf({ succeeded: 2 }));
  progress.close();
  progress.close();
  progress.update(viewOf({}));
  expect(stream.text().endsWith('\n\x1b[?25h')).toBe(true);
  expect(stream.screen()[1]).toContain('100%  2/2');
  expect([process.listenerCount('exit'), stream.listening(), vi.getTimerCount()]).toEqual([listeners, 0, 0]);
});

test('a process that exits gives the cursor back', () => {
  const stream = createFakeStream();
  const before = process.listeners('exit');
  const progress = progressOn(stream, true);
  const added = process.listeners('exit').filter((listener) => !before.includes(listener));
  for (const listener of added) listener(0);
  expect(stream.text().endsWith('\x1b[?25h')).toBe(true);
  progress.close();
});

test('log lines stay above the live part, made safe', () => {
  const stream = createFakeStream();
  const progress = progressOn(stream, true);
  progress.log('before');
  progress.update(viewOf({ queued: 2 }));
  progress.log('file \x1b]0;x\x07 skipped');
  progress.update(viewOf({ queued: 1, succeeded: 1 }));
  progress.close();
  progress.log('after');
  const screen = stream.screen();
  expect(screen.slice(0, 3)).toEqual(['before', 'file \\x1b]0;x\\x07 skipped', 'Summarise docs']);
  expect(screen.filter((line) => line === 'Summarise docs')).toHaveLength(1);
  expect(screen.at(-2)).toBe('after');
});

test.each([
  [100, 30],
  [60, 10],
  [40, 6],
  [25, 3],
  [10, 2],
])('fits in %i x %i, whatever is shown', (columns, rows) => {
  const stream = createFakeStream(columns, rows);
  const progress = progressOn(stream, true, true);
  const name = `docs/${'名前'.repeat(40)}.txt`;
  progress.update(
    viewOf(
      { succeeded: 50_000, running: 40, queued: 10_000_000 },
      {
        running: Array.from({ length: 40 }, () => ({ name, ageMs: 1, detail: 'x\n'.repeat(500) })),
        done: Array.from({ length: 40 }, () => ({
          name,
          state: 'succeeded' as const,
          text: 'y '.repeat(9999),
          seconds: 1,
        })),
        queued: Array.from({ length: 40 }, () => name),
        note: 'z'.repeat(500),
        etaMs: 9e9,
      },
    ),
  );
  const screen = stream.screen();
  expect(screen.length).toBeLessThan(rows);
  for (const line of screen) expect(displayWidth(line)).toBeLessThan(columns);
  if (rows === 30)
    expect(screen.join('\n')).toMatch(/… and \d+ more[\s\S]*Done[\s\S]*Queued[\s\S]*… and 9,999,997 more/);
  progress.close();
});

test('a narrower terminal wraps the old lines, and they are all taken away', () => {
  const stream = createFakeStream(60);
  const progress = progressOn(stream, true);
  progress.update(full);
  vi.advanceTimersByTime(1000);
  stream.columns = 30;
  stream.writes.length = 0;
  stream.emit('resize');
  // Fourteen lines, of which the bar, the time line and three others now take two rows: up from the 19th to the first.
  const rows = Number(/\r\x1b\[(\d+)A/.exec(stream.text())?.[1]);
  expect(rows).toBe(18);
  for (const line of stream.screen()) expect(displayWidth(line)).toBeLessThan(30);
  progress.close();
});

test('while the total grows there is no percentage, and the bar never goes back', () => {
  const stream = createFakeStream();
  const progress = progressOn(stream, true);
  const bars: string[] = [];
  const show = (view: ProgressView) => {
    progress.update(view);
    vi.advanceTimersByTime(200);
    bars.push(stream.screen()[1] ?? '');
  };
  show(viewOf({ succeeded: 5, queued: 5 }, { scanning: true }));
  show(viewOf({ succeeded: 6, queued: 2 }));
  show(viewOf({ succeeded: 6, queued: 6 }));
  show(viewOf({ succeeded: 999, queued: 1 }));
  expect(bars[0]).toBe('scanning… 10 found · 5 done');
  expect(bars.slice(1).map((bar) => /\d+%.*/.exec(bar)?.[0])).toEqual(['75%  6/8', '75%  6/12', '99%  999/1,000']);
  progress.close();
});

test('without a terminal: one line a change, at most one a second and the last, no control codes', () => {
  const stream = createFakeStream();
  const progress = progressOn(stream, false);
  progress.update(viewOf({ queued: 10 }));
  for (let done = 1; done <= 7; done++) {
    progress.update(viewOf({ succeeded: done - 1, failed: 1, running: 2, queued: 8 - done }));
    vi.advanceTimersByTime(100);
  }
  vi.advanceTimersByTime(5000);
  progress.update(viewOf({ succeeded: 6, failed: 1, running: 2, queued: 1 }, { elapsedMs: 99, etaMs: 3 }));
  vi.advanceTimersByTime(5000);
  progress.update(viewOf({ succeeded: 9, failed: 1 }, { note: 'key \x1b[31mused up' }));
  progress.close();
  expect(stream.text()).toBe(
    [
      '12:03:04  0/10 done',
      '12:03:05  7/10 done, 1 failed, 2 running',
      '12:03:14  key \\x1b[31mused up',
      '12:03:14  10/10 done, 1 failed',
      '',
    ].join('\n'),
  );
  expect([stream.listening(), vi.getTimerCount()]).toEqual([0, 0]);
});

test('without a terminal: scanning, simulated, the last change within the second, and log', () => {
  const stream = createFakeStream();
  const progress = progressOn(stream, false, true);
  progress.update(viewOf({ queued: 1200 }, { scanning: true }));
  progress.log('a \x07 line');
  progress.update(viewOf({ succeeded: 1200 }));
  progress.close();
  expect(stream.text()).toBe(
    [
      '12:03:04  scanning… 1,200 found, 0 done, simulated',
      'a \\x07 line',
      '12:03:04  1,200/1,200 done, simulated',
      '',
    ].join('\n'),
  );
});

test('nothing was ever shown: nothing is printed', () => {
  const stream = createFakeStream();
  progressOn(stream, false).close();
  expect(stream.text()).toBe('');
});
