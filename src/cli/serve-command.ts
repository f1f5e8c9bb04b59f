import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { EngineEvent } from '../engine/engine.ts';
import type { Provider } from '../provider.ts';
import { createServer, type OffpeakServer } from '../server/server.ts';
import { createService } from '../service/create-service.ts';
import type { Mailer } from '../service/deliveries/mailer.ts';
import { processOwner } from '../stores/process-owner.ts';
import type { Config } from './config.ts';
import type { Context, GlobalFlags } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { keepWorking, type Working } from './keep-working.ts';
import { printData, say } from './output.ts';
import { parseWhole } from './run-flags.ts';
import { aborted, createListener, openLog, untilStopped } from './service-process.ts';
import { storePath } from './settings.ts';

export interface ServeFlags extends GlobalFlags {
  host?: string;
  port?: string;
  /** `--no-work`: only the server; somebody else works. */
  work?: boolean;
}

/** `offpeak serve`: REST API, dashboard, schedule, and a worker, until SIGTERM or Ctrl-C. */
export async function serveCommand(context: Context, flags: ServeFlags, version: string): Promise<number> {
  const { config } = context;
  const port = flags.port === undefined ? config.number('server.port') : parseWhole('--port', flags.port, 0, 65_535);
  const host = flags.host ?? config.text('server.host') ?? '127.0.0.1';
  const log = await openLog(config);
  const signal = untilStopped(log);
  const simulated = flags.sandbox ?? false;
  const providers = await context.readyProviders(simulated);
  const store = await context.workingStore();
  const listen = createListener(log, store.service);
  let server: OffpeakServer | undefined;
  let working: Working | undefined;
  const hear = (event: EngineEvent) => {
    listen(event);
    if (event.type === 'batch') server?.notify();
  };
  const offpeak = await context.serviceOffpeak(simulated, hear, providers);
  const service = createService({
    offpeak,
    store,
    serviceStore: store.service,
    views: store.views,
    providers,
    owner: processOwner(),
    version,
    log: (level, message, fields = {}) => log[level](fields, message),
    onWork: () => working?.wake(),
    storePath: storePath(config.home),
    allowPrivateCallbacks: config.flag('server.allow_private_callbacks'),
    ...(await mailer(config)),
  });
  const directory = dashboardDirectory();
  server = createServer({
    service,
    tokens: store.service,
    version,
    host,
    port,
    log,
    allowedHosts: list(config.text('server.allowed_hosts')),
    allowedOrigins: list(config.text('server.allowed_origins')),
    ...(directory === undefined ? {} : { dashboardDirectory: directory }),
  });
  const { url, access } = await server.listen();
  printData(`listening on ${url}`);
  greet(context, { url, access, simulated, providers, hasDashboard: directory !== undefined });
  try {
    service.start();
    working = flags.work === false ? undefined : keepWorking(offpeak, signal, log);
    await Promise.race([aborted(signal), store.gone, ...(working ? [working.ended] : [])]);
  } finally {
    // First nobody is let in any more, then what is under way ends; of a damaged store everybody is told all the same.
    await server.close();
    await service.close();
    await working?.ended;
  }
  log.info('stopped; nothing is left half done');
  return exitCodes.succeeded;
}

interface Greeting {
  url: string;
  access: 'open' | 'tokens';
  simulated: boolean;
  providers: readonly Provider[];
  hasDashboard: boolean;
}

function greet(context: Context, { url, access, simulated, providers, hasDashboard }: Greeting): void {
  const names = providers.map(({ name }) => name).join(', ');
  if (simulated) say('Answers are SIMULATED by the sandbox: no model is asked, no money is spent.');
  else if (names === '')
    say('No provider has a key yet, so every job is refused: set OPENAI_API_KEY, ANTHROPIC_API_KEY or GEMINI_API_KEY.');
  else say(`Providers: ${names}.`);
  if (access === 'open') {
    say(
      `No token is asked for, as there is none. Make one with:  ${context.command('token create NAME --role admin')}`,
    );
  }
  if (!hasDashboard) say('The dashboard is not built: run `npm run dashboard` and start again.');
  say(`${hasDashboard ? `Dashboard: ${url}/    ` : ''}API: ${url}/docs    Ctrl-C ends it.`);
}

/** Beside the compiled command, or in the `dist` of a checkout. */
function dashboardDirectory(): string | undefined {
  const places = ['../dashboard/', '../../dist/dashboard/'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  return places.find((place) => existsSync(`${place}index.html`));
}

async function mailer(config: Config): Promise<{ mailer?: Mailer }> {
  const host = config.text('mail.host');
  if (host === undefined) return {};
  const { createSmtpMailer } = await import('../service/deliveries/mailer.ts');
  const port = config.number('mail.port');
  const [user, password] = [config.text('mail.user'), config.text('mail.password')];
  return {
    mailer: createSmtpMailer({
      host,
      port,
      secure: port === 465,
      from: config.text('mail.from') ?? '',
      ...(user === undefined ? {} : { user }),
      ...(password === undefined ? {} : { password }),
    }),
  };
}

function list(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}
