import { OffpeakError } from '../../errors.ts';
import { type Token, type TokenRole, tokenRoles } from '../../service-store.ts';
import type { Database } from './database.ts';
import { defined, number, oneOf, optionalNumber, type Row, text } from './rows.ts';

/** Who may use the service; of a token only the hash is kept. */

export function addToken(db: Database, token: Token, hash: string): void {
  db.write(() => {
    const { changes } = db
      .sql(
        `INSERT INTO tokens (id, name, role, hash, created_at, revoked_at) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT DO NOTHING`,
      )
      .run(token.id, token.name, token.role, hash, token.createdAt, token.revokedAt ?? null);
    if (changes === 1) return;
    throw new OffpeakError(`There is a token ${token.id} already, or one of the same secret.`, { code: 'conflict' });
  });
}

export function findToken(db: Database, hash: string): Token | undefined {
  const row = db.read(() => db.sql('SELECT * FROM tokens WHERE hash = ? AND revoked_at IS NULL').get(hash));
  return row && toToken(row);
}

export function listTokens(db: Database): Token[] {
  return db.read(() => db.sql('SELECT * FROM tokens ORDER BY created_at, id').all()).map(toToken);
}

export function revokeToken(db: Database, id: string, now: number): boolean {
  return db.write(
    () => db.sql('UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL').run(now, id).changes === 1,
  );
}

function toToken(row: Row): Token {
  const role: TokenRole = oneOf(row, 'role', tokenRoles);
  return {
    id: text(row, 'id'),
    name: text(row, 'name'),
    role,
    createdAt: number(row, 'created_at'),
    ...defined('revokedAt', optionalNumber(row, 'revoked_at')),
  };
}
