import { expect, test } from 'vitest';
import { formatTable, type TableColumn } from './table.ts';
import { displayWidth } from './terminal.ts';

interface Row {
  id: string;
  name: string;
  jobs: number;
}
const columns: TableColumn<Row>[] = [
  { header: 'RUN', value: (row) => row.id },
  { header: 'NAME', value: (row) => row.name, shrinks: true },
  { header: 'JOBS', value: (row) => String(row.jobs), align: 'right' },
];
const rows: Row[] = [
  { id: 'run-1', name: 'summaries of all documents', jobs: 7 },
  { id: 'run-22', name: '名前\x1b[2J\nx', jobs: 12_000 },
];

test('aligns columns by what they look like, escapes, and cuts nothing without a width', () => {
  expect(formatTable(columns, rows)).toBe(
    [
      'RUN     NAME                         JOBS',
      'run-1   summaries of all documents      7',
      'run-22  名前\\x1b[2J x               12000',
    ].join('\n'),
  );
});

test('takes from the marked column first', () => {
  expect(formatTable(columns, rows, { columns: 30 })).toBe(
    ['RUN     NAME              JOBS', 'run-1   summaries of a…      7', 'run-22  名前\\x1b[2J x    12000'].join('\n'),
  );
});

test('no line is wider than a narrow terminal', () => {
  for (let width = 1; width < 40; width++) {
    for (const line of formatTable(columns, rows, { columns: width }).split('\n')) {
      expect(displayWidth(line)).toBeLessThanOrEqual(width);
    }
  }
});

test('without rows there is a header', () => {
  expect(formatTable(columns, [])).toBe('RUN  NAME  JOBS');
});
