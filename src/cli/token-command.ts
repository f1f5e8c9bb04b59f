import { OffpeakError } from '../errors.ts';
import { newToken } from '../server/tokens.ts';
import { type Token, type TokenRole, tokenRoles } from '../service-store.ts';
import type { Context, GlobalFlags } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { printData, say, terminalWidth } from './output.ts';
import { formatTable } from './table.ts';

export interface TokenCreateFlags extends GlobalFlags {
  role?: string;
  json?: boolean;
}

/** `offpeak token create NAME`: prints the token, once; only its hash is kept. */
export async function tokenCreateCommand(context: Context, name: string, flags: TokenCreateFlags): Promise<number> {
  const store = await context.store();
  const made = newToken({ name, role: parseRole(flags.role ?? 'queue'), now: Date.now() });
  await store.service.addToken(made.token, made.hash);
  if (flags.json) {
    printData(JSON.stringify({ id: made.token.id, name, role: made.token.role, token: made.secret }));
    return exitCodes.succeeded;
  }
  printData(made.secret);
  say(
    `Token ${made.token.id} for ${name} (${made.token.role}). It is shown only now; keep it where others cannot read it.`,
  );
  return exitCodes.succeeded;
}

function parseRole(text: string): TokenRole {
  const role = tokenRoles.find((known) => known === text);
  if (role) return role;
  throw new OffpeakError(`--role must be one of ${tokenRoles.join(', ')}; it is ${JSON.stringify(text)}.`, {
    code: 'usage',
  });
}

export async function tokenListCommand(context: Context, flags: GlobalFlags & { json?: boolean }): Promise<number> {
  const tokens = await (await context.store()).service.listTokens();
  if (flags.json) printData(JSON.stringify(tokens.map(toJson), undefined, 2));
  else if (tokens.length === 0) say('There are no tokens: a server on this machine asks for none.');
  else
    printData(
      formatTable(
        [
          { header: 'id', whole: true, value: (token: Token) => token.id },
          { header: 'name', shrinks: true, value: ({ name }) => name },
          { header: 'role', value: ({ role }) => role },
          { header: 'created', value: ({ createdAt }) => new Date(createdAt).toISOString() },
          {
            header: 'revoked',
            value: ({ revokedAt }) => (revokedAt === undefined ? '' : new Date(revokedAt).toISOString()),
          },
        ],
        tokens,
        { columns: terminalWidth() },
      ),
    );
  return exitCodes.succeeded;
}

function toJson({ id, name, role, createdAt, revokedAt }: Token) {
  const revoked = revokedAt === undefined ? null : new Date(revokedAt).toISOString();
  return { id, name, role, createdAt: new Date(createdAt).toISOString(), revokedAt: revoked };
}

export async function tokenRevokeCommand(context: Context, id: string): Promise<number> {
  const revoked = await (await context.store()).service.revokeToken(id, Date.now());
  if (!revoked) {
    throw new OffpeakError(
      `There is no token ${id} that is still good. \`${context.command('token list')}\` shows them.`,
      {
        code: 'not_found',
      },
    );
  }
  say(`Token ${id} is revoked; a running server refuses it within a few seconds.`);
  return exitCodes.succeeded;
}
