import { cutToWidth, displayWidth, oneLine } from './terminal.ts';

export interface TableColumn<Row> {
  header: string;
  /** Numbers stand right. Default left. */
  align?: 'left' | 'right';
  /** Cut first when the table is too wide; without any such column the widest is cut. */
  shrinks?: boolean;
  /** Never cut: what is copied into the next command. */
  whole?: boolean;
  /** Any text; it is made safe for the terminal here. */
  value(row: Row): string;
}

export interface TableOptions {
  /** The terminal's width; undefined when the output is no terminal, and then nothing is cut. */
  columns?: number | undefined;
}

const gap = '  ';
const leastWidth = 6;

/** A plain text table: a header line and one line a row, columns two spaces apart, no line feed at the end. */
export function formatTable<Row>(
  columns: readonly TableColumn<Row>[],
  rows: readonly Row[],
  options: TableOptions = {},
): string {
  const lines = [columns.map((column) => column.header)];
  for (const row of rows) {
    lines.push(columns.map((column) => oneLine(column.value(row), Number.POSITIVE_INFINITY)));
  }
  const widths = columns.map((_, index) =>
    lines.reduce((most, line) => Math.max(most, displayWidth(line[index] ?? '')), 0),
  );
  if (options.columns !== undefined) shrink(widths, columns, options.columns);
  const text = lines.map((line) => formatLine(line, columns, widths));
  const width = columns.some((column) => column.whole) ? undefined : options.columns;
  return text.map((line) => (width === undefined ? line : cutToWidth(line, width))).join('\n');
}

/** Takes columns off, one by one, from the widest of those that may shrink, then from the widest of all. */
function shrink<Row>(widths: number[], columns: readonly TableColumn<Row>[], available: number): void {
  let excess = widths.reduce((sum, width) => sum + width, 0) + gap.length * (widths.length - 1) - available;
  for (const onlyMarked of [true, false]) {
    while (excess > 0) {
      let widest = -1;
      for (const [index, column] of columns.entries()) {
        if (column.whole || (onlyMarked && !column.shrinks)) continue;
        if ((widths[index] ?? 0) > Math.max(leastWidth, widths[widest] ?? 0)) widest = index;
      }
      if (widest === -1) break;
      widths[widest] = (widths[widest] ?? 0) - 1;
      excess--;
    }
  }
}

function formatLine<Row>(
  line: readonly string[],
  columns: readonly TableColumn<Row>[],
  widths: readonly number[],
): string {
  const cells = columns.map((column, index) => {
    const width = widths[index] ?? 0;
    const text = cutToWidth(line[index] ?? '', width);
    const padding = ' '.repeat(Math.max(0, width - displayWidth(text)));
    return column.align === 'right' ? padding + text : text + padding;
  });
  return cells.join(gap).trimEnd();
}
