import type { Command } from 'commander';
import type { Act } from './act.ts';
import type { GlobalFlags } from './context.ts';
import type { ServeFlags } from './serve-command.ts';
import type { TokenCreateFlags } from './token-command.ts';
import type { ListFlags } from './view-commands.ts';

/** The commands of the always-on service. */
export function addService(program: Command, act: Act, version: string): void {
  program
    .command('serve')
    .description('REST API, dashboard, nightly schedule and a worker, until Ctrl-C')
    .option('--port <n>', 'where to listen (default 8003; 0: any free port)')
    .option('--host <address>', 'on which address (default 127.0.0.1; any other needs a token)')
    .option('--no-work', 'only the server; `offpeak work` does the work')
    .option('--sandbox', 'simulated answers: no key, no cost')
    .action(
      act(async (context, _, flags: ServeFlags) =>
        (await import('./serve-command.ts')).serveCommand(context, flags, version),
      ),
    );
  program
    .command('work')
    .description('a worker without a server, until Ctrl-C; any number of them on one store')
    .option('--sandbox', 'simulated answers: no key, no cost')
    .action(
      act(async (context, _, flags: GlobalFlags) => (await import('./work-command.ts')).workCommand(context, flags)),
    );
  program
    .command('webhook-secret')
    .description('print the secret that webhooks are signed with')
    .option('--rotate', 'make a new one; the old one signs beside it for 24 hours')
    .action(
      act(async (context, _, flags: GlobalFlags & { rotate?: boolean }) =>
        (await import('./webhook-secret-command.ts')).webhookSecretCommand(context, flags),
      ),
    );
  const token = program.command('token').description('who may use the server').addHelpText('after', tokenHelp);
  token
    .command('create')
    .argument('<name>', 'who or what will use it')
    .description('make a token; it is shown once')
    .option('--role <role>', 'read, queue or admin', 'queue')
    .option('--json', 'as JSON')
    .action(
      act(async (context, name, flags: TokenCreateFlags) =>
        (await import('./token-command.ts')).tokenCreateCommand(context, name ?? '', flags),
      ),
    );
  token
    .command('list')
    .description('list the tokens')
    .option('--json', 'as JSON')
    .action(
      act(async (context, _, flags: ListFlags) =>
        (await import('./token-command.ts')).tokenListCommand(context, flags),
      ),
    );
  token
    .command('revoke')
    .argument('<id>', 'id of the token, such as tok_0123456789ab')
    .description('take a token back')
    .action(act(async (context, id) => (await import('./token-command.ts')).tokenRevokeCommand(context, id ?? '')));
}

const tokenHelp = `
Roles: read sees everything · queue also queues, sends, cancels and retries jobs · admin also changes settings
While there is no token, a server on this machine asks for none.`;
