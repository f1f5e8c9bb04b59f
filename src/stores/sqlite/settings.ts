import type { Database } from './database.ts';
import { text } from './rows.ts';

/** What is set at run time, each value as its JSON text. */

export function getSettings(db: Database): Map<string, unknown> {
  return db.read(() => {
    const rows = db.sql('SELECT name, value FROM settings ORDER BY name').all();
    return new Map(rows.map((row): [string, unknown] => [text(row, 'name'), JSON.parse(text(row, 'value'))]));
  });
}

export function putSetting(db: Database, name: string, value: unknown, now: number): void {
  db.write(() =>
    db
      .sql(
        `INSERT INTO settings (name, value, changed_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET value = ?2, changed_at = ?3`,
      )
      // Undefined has no JSON text: nothing is set.
      .run(name, JSON.stringify(value ?? null), now),
  );
}
