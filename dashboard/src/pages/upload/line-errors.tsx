import { type Column, Table } from '../../components/table.tsx';
import { formatCount } from '../../format.ts';
import type { LineError } from '../../upload/send-file.ts';

const shown = 100;

const columns: readonly Column<LineError>[] = [
  { head: 'Line', kind: 'main', cell: (error) => <span class="number">Line {formatCount(error.line)}</span> },
  { head: 'Why', cell: (error) => <span class="plain-text">{error.message}</span> },
];

export function LineErrors({ errors, total }: { errors: readonly LineError[]; total: number }) {
  if (errors.length === 0) return null;
  return (
    <Table
      caption={`${formatCount(total)} lines that are not queued${total > shown ? `, the first ${shown}` : ''}`}
      isSmall
      hidesCaption={false}
      columns={columns}
      rows={errors.slice(0, shown)}
      rowKey={(error) => `${error.line} ${error.message}`}
    />
  );
}
