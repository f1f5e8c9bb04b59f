import type { ComponentChildren } from 'preact';

export interface Column<Row> {
  head: string;
  cell(row: Row): ComponentChildren;
  /**
   * `main` names the row, one per table. `state` needs no head beside it on a phone. `number` is set flush right.
   * `text` may be long. `action` holds buttons.
   */
  kind?: 'main' | 'state' | 'number' | 'text' | 'action';
  /** Left out where there is less room than this. */
  room?: 'medium' | 'wide';
}

interface TableProps<Row> {
  caption: string;
  /** False: no heading above says it already. */
  hidesCaption?: boolean;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey(row: Row): string | number;
  /** Rows of before, until the new ones are there. */
  isStale?: boolean;
  /** So few and short columns that a phone shows them as they are. */
  isSmall?: boolean;
}

/** A style that turns tables into cards takes their meaning away in some browsers: it is spelled out. */
const roles = {
  table: { role: 'table' },
  group: { role: 'rowgroup' },
  row: { role: 'row' },
  head: { role: 'columnheader' },
  rowHead: { role: 'rowheader' },
  cell: { role: 'cell' },
} as const;

/** A table; on a phone its rows are cards. */
export function Table<Row>(props: TableProps<Row>) {
  const { caption, hidesCaption = true, columns, rows, rowKey } = props;
  const look = `table${props.isSmall ? '' : ' table-cards'}${props.isStale ? ' is-stale' : ''}`;
  return (
    <table class={look} {...roles.table} aria-busy={props.isStale ?? false}>
      <caption class={hidesCaption ? 'visually-hidden' : ''}>{caption}</caption>
      <thead {...roles.group}>
        <tr {...roles.row}>
          {columns.map((column) => (
            <th key={column.head} scope="col" {...roles.head} class={classOf(column)}>
              <span class={column.kind === 'action' ? 'visually-hidden' : ''}>{column.head}</span>
            </th>
          ))}
        </tr>
      </thead>
      <tbody {...roles.group}>
        {rows.map((row) => (
          <tr key={rowKey(row)} {...roles.row}>
            {columns.map((column) => (
              <Cell key={column.head} column={column}>
                {column.cell(row)}
              </Cell>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

type Head = Pick<Column<never>, 'head' | 'kind' | 'room'>;

function Cell({ column, children }: { column: Head; children: ComponentChildren }) {
  if (column.kind === 'main')
    return (
      <th scope="row" {...roles.rowHead} class={classOf(column)}>
        {children}
      </th>
    );
  return (
    <td {...roles.cell} class={classOf(column)} data-label={column.head}>
      {children}
    </td>
  );
}

const classOf = ({ kind, room }: Head): string =>
  `${kind ? `column-${kind}` : ''}${room ? ` is-for-${room}` : ''}`.trim();
