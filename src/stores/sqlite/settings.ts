import type { SettingsDecision } from '../../service-store.ts';
import type { Database } from './database.ts';
import { text } from './rows.ts';

/** What is set at run time, each value as its JSON text. */

export function getSettings(db: Database): Map<string, unknown> {
  return db.read(() => {
    const rows = db.sql('SELECT name, value FROM settings ORDER BY name').all();
    return new Map(rows.map((row): [string, unknown] => [text(row, 'name'), JSON.parse(text(row, 'value'))]));
  });
}

export function changeSettings(db: Database, change: SettingsDecision, now: number): Map<string, unknown> {
  const changed = db.write(() => {
    const decided = decide(change, getSettings(db));
    if ('refusal' in decided) return decided;
    putSettings(db, decided.values, now);
    return { settings: getSettings(db) };
  });
  if ('refusal' in changed) throw changed.refusal;
  return changed.settings;
}

/** What the caller throws is a refusal of its own, and no fault of the store to be told as one. */
function decide(
  change: SettingsDecision,
  settings: ReadonlyMap<string, unknown>,
): { values: ReadonlyMap<string, unknown> } | { refusal: unknown } {
  try {
    return { values: change(settings) };
  } catch (error) {
    return { refusal: error };
  }
}

function putSettings(db: Database, values: ReadonlyMap<string, unknown>, now: number): void {
  const put = db.sql(
    `INSERT INTO settings (name, value, changed_at) VALUES (?1, ?2, ?3)
     ON CONFLICT (name) DO UPDATE SET value = ?2, changed_at = ?3`,
  );
  // Undefined has no JSON text: nothing is set.
  for (const [name, value] of values) put.run(name, JSON.stringify(value ?? null), now);
}
