import { fractionOf, layOut, lineOf, type ProgressView } from './progress-frame.ts';
import { createPaint, displayWidth, escapeForTerminal, oneLine } from './terminal.ts';

export type { ProgressView } from './progress-frame.ts';

export interface Progress {
  /** Shows the latest view soon; cheap enough to be called on every change. */
  update(view: ProgressView): void;
  /** A line that stays, above the live part. */
  log(line: string): void;
  /** Shows the last view and gives the terminal back. */
  close(): void;
}

/** As much of a stream as is needed; `process.stderr` is one. */
export interface ProgressStream {
  write(text: string): unknown;
  readonly columns?: number;
  readonly rows?: number;
  on?(event: 'resize' | 'error', listener: () => void): unknown;
  off?(event: 'resize' | 'error', listener: () => void): unknown;
}

export interface ProgressOptions {
  stream: ProgressStream;
  /** Redraws in place; otherwise one line a change, without control codes. */
  isTerminal: boolean;
  /** Width where the stream does not know its own. Default 80. */
  columns?: number;
  now: () => number;
  title: string;
  simulated: boolean;
}

export function createProgress(options: ProgressOptions): Progress {
  return options.isTerminal ? createLiveProgress(options) : createLineProgress(options);
}

const redrawIntervalMs = 100;
const lineIntervalMs = 1000;

/** Runs `show` at once, then at most once an interval; the last request is never lost. The timer holds no process. */
function createThrottle(intervalMs: number, now: () => number, show: () => void) {
  let shownAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    shownAt = now();
    show();
  };
  const request = () => {
    if (timer) return;
    const waitMs = shownAt + intervalMs - now();
    if (waitMs <= 0 || waitMs > intervalMs) return flush();
    timer = setTimeout(flush, waitMs);
    timer.unref();
  };
  return { request, flush, cancel: () => clearTimeout(timer) };
}

const hideCursor = '\x1b[?25l';
const showCursor = '\x1b[?25h';
/** The terminal shows the frame only when it is whole; those that do not know the code ignore it. */
const beginFrame = '\x1b[?2026h';
const endFrame = '\x1b[?2026l';
const eraseRight = '\x1b[K';
const eraseBelow = '\x1b[J';

/**
 * Own redraw and not log-update: that takes 50 ms to load, hooks the process's signals to restore the cursor, and does
 * not reckon with the terminal wrapping the old lines when it is made narrower.
 */
function createLiveProgress(options: ProgressOptions): Progress {
  const { stream, now } = options;
  const paint = createPaint(stream);
  let view: ProgressView | undefined;
  let drawn: string[] = [];
  let highest = 0;
  let closed = false;
  // A terminal that does not know its size says 0.
  const width = () => Math.max(4, stream.columns || (options.columns ?? 80));
  const height = () => stream.rows || 24;

  /** Back to the frame's first row, with the rows reckoned that its lines take at the terminal's width of now. */
  const backToStart = () => {
    const rows = drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(displayWidth(line) / width())), 0);
    return `\r${rows > 1 ? `\x1b[${rows - 1}A` : ''}`;
  };
  const frame = () => {
    if (!view) return [];
    highest = Math.max(highest, fractionOf(view));
    // One column stays free: a line that fills the last one makes some terminals wrap.
    return layOut(view, highest, { ...options, width: width() - 1, height: height() - 1, paint });
  };
  const redraw = (above: readonly string[] = []) => {
    const start = backToStart();
    const lines = frame();
    drawn = lines.map((line) => line.plain);
    const texts = [...above, ...lines.map((line) => line.painted), ...(lines.length === 0 ? [''] : [])];
    // Line by line, and what is left below at last: an erased whole screen goes into tmux's history at every frame.
    stream.write(`${beginFrame}${start}${texts.map((text) => text + eraseRight).join('\n')}${eraseBelow}${endFrame}`);
  };
  const throttle = createThrottle(redrawIntervalMs, now, () => redraw());
  const onResize = () => view && throttle.request();
  // A terminal that goes away must not take the run with it.
  const onError = () => {};
  const restore = () => stream.write(showCursor);

  stream.write(hideCursor);
  stream.on?.('resize', onResize);
  stream.on?.('error', onError);
  process.once('exit', restore);
  return {
    update(next) {
      if (closed) return;
      view = next;
      throttle.request();
    },
    log: (line) =>
      void (closed ? stream.write(`${escapeForTerminal(line)}\n`) : redraw(escapeForTerminal(line).split('\n'))),
    close() {
      if (closed) return;
      closed = true;
      throttle.cancel();
      redraw();
      stream.write(`${drawn.length > 0 ? '\n' : ''}${showCursor}`);
      process.off('exit', restore);
      stream.off?.('resize', onResize);
      stream.off?.('error', onError);
    },
  };
}

function createLineProgress({ stream, now, simulated }: ProgressOptions): Progress {
  let view: ProgressView | undefined;
  let shown = '';
  let closed = false;
  const print = (text: string) =>
    stream.write(`${new Date(now()).toTimeString().slice(0, 8)}  ${escapeForTerminal(text)}\n`);
  const throttle = createThrottle(lineIntervalMs, now, () => {
    const text = view === undefined ? '' : lineOf(view, simulated);
    if (text === shown) return;
    shown = text;
    print(text);
  });
  const onError = () => {};
  stream.on?.('error', onError);
  return {
    update(next) {
      if (closed) return;
      if (next.note !== undefined && next.note !== view?.note) print(oneLine(next.note, Number.POSITIVE_INFINITY));
      view = next;
      if (lineOf(next, simulated) !== shown) throttle.request();
    },
    log: (line) => void stream.write(`${escapeForTerminal(line)}\n`),
    close() {
      if (closed) return;
      closed = true;
      throttle.cancel();
      throttle.flush();
      stream.off?.('error', onError);
    },
  };
}
