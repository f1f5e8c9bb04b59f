type Value = string | number;

/** SQL with as many marks as values; left out when one of its values is undefined. */
export type Condition = readonly [sql: string, ...values: (Value | undefined)[]];

export function where(conditions: readonly (Condition | undefined)[]): { sql: string; values: Value[] } {
  const used = conditions.flatMap((condition) => {
    if (!condition) return [];
    const [sql, ...wanted] = condition;
    const values = wanted.filter((value) => value !== undefined);
    return values.length === wanted.length ? [{ sql, values }] : [];
  });
  return {
    sql: used.length === 0 ? '' : `WHERE ${used.map(({ sql }) => sql).join(' AND ')}`,
    values: used.flatMap(({ values }) => values),
  };
}

/** Ids follow the time, but for clocks that are set back: by no more than this, we trust. */
const disorderMs = 86_400_000;

/** A table with its ids, and by what name a query knows it. */
interface Table {
  name: 'runs' | 'batches';
  as: 'r' | 'b';
  id: 'seq' | 'id';
}

/** Made then or later, as a range of ids too: a page of the newest does not read on to the oldest. */
export function createdSince({ name, as, id }: Table, since: number | undefined): Condition | undefined {
  if (since === undefined) return undefined;
  const older = `SELECT ${id} FROM ${name} WHERE created_at < ? ORDER BY created_at DESC LIMIT 1`;
  return [`${as}.created_at >= ? AND ${as}.${id} > coalesce((${older}), 0)`, since, since - disorderMs];
}

/** Made before then. */
export function createdUntil({ name, as, id }: Table, until: number | undefined): Condition | undefined {
  if (until === undefined) return undefined;
  const newer = `SELECT ${id} FROM ${name} WHERE created_at >= ? ORDER BY created_at LIMIT 1`;
  const values = [until, until + disorderMs, Number.MAX_SAFE_INTEGER];
  return [`${as}.created_at < ? AND ${as}.${id} < coalesce((${newer}), ?)`, ...values];
}
