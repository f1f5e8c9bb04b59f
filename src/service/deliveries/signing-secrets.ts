import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../../clock.ts';
import { OffpeakError } from '../../errors.ts';
import type { ServiceStore } from '../../service-store.ts';
import { secretPrefix } from './sign-webhook.ts';

/** What webhooks are signed with; kept in the settings of the store, made when it is first asked for. */
export interface SigningSecrets {
  get(): Promise<SigningKeys>;
  /** A new secret, returned. The old one signs beside it for `oldSignsMs`, so that receivers can be told in time. */
  rotate(): Promise<string>;
}

export interface SigningKeys {
  /** Part of the ids of this store's webhooks: another store's never have the same. */
  installation: string;
  /** The current one first; with another while it gives way. */
  secrets: readonly string[];
}

export const oldSignsMs = 24 * 3_600_000;

const name = 'webhook_signing';
/** Another process sees a rotation within this time. */
const keptMs = 5_000;
/** How long the process that was first gets to write what it made. */
const waitMs = 200;

const storedShape = z.object({
  installation: z.string().min(1),
  secrets: z
    .array(z.object({ secret: z.string().startsWith(secretPrefix), until: z.number().nullable() }))
    .min(1)
    .max(10),
});
type Stored = z.infer<typeof storedShape>;

export function createSigningSecrets(options: {
  service: Pick<ServiceStore, 'getSettings' | 'putSetting' | 'sealQueues'>;
  clock: Clock;
  /** Unguessable; by default of node:crypto. */
  randomBytes?: (size: number) => Buffer;
}): SigningSecrets {
  const { service, clock } = options;
  const bytes = options.randomBytes ?? randomBytes;
  let known: { stored: Stored; readAt: number } | undefined;

  const read = async (): Promise<Stored | undefined> => {
    const value = (await service.getSettings()).get(name);
    if (value === undefined) return undefined;
    const parsed = storedShape.safeParse(value);
    if (parsed.success) return parsed.data;
    // A new one in its place would make every receiver refuse what we send.
    throw new OffpeakError(
      `The setting ${name} cannot be read; rotate the signing secret, and tell it to the receivers.`,
      {
        code: 'config',
      },
    );
  };
  const keep = (stored: Stored): Stored => {
    known = { stored, readAt: clock.now() };
    return stored;
  };
  const newSecret = () => ({ secret: `${secretPrefix}${bytes(32).toString('base64')}`, until: null });
  const write = async (stored: Stored): Promise<Stored> => {
    await service.putSetting(name, stored, clock.now());
    return keep((await read()) ?? stored);
  };

  /** Whoever sets the mark makes the first one; the others wait for it, and do not wait for one that crashed. */
  const makeFirst = async (): Promise<Stored> => {
    const marked = await service.sealQueues([], clock.now(), { name, dueAt: 0 });
    if (marked === 'marked') {
      await clock.sleep(waitMs);
      const theirs = await read();
      if (theirs) return keep(theirs);
    }
    return write({ installation: bytes(6).toString('hex'), secrets: [newSecret()] });
  };

  // Many deliveries are signed at once: they share one reading, and the making of the first.
  let reading: Promise<Stored> | undefined;
  const current = async (): Promise<Stored> => {
    if (known && Math.abs(clock.now() - known.readAt) < keptMs) return known.stored;
    reading ??= read()
      .then((stored) => (stored ? keep(stored) : makeFirst()))
      .finally(() => {
        reading = undefined;
      });
    return reading;
  };

  return {
    async get() {
      const { installation, secrets } = await current();
      const valid = secrets.filter(({ until }) => until === null || until > clock.now());
      return { installation, secrets: valid.map(({ secret }) => secret) };
    },
    async rotate() {
      // Also mends a setting that cannot be read.
      const before = await read().catch(() => undefined);
      const made = newSecret();
      const until = clock.now() + oldSignsMs;
      const old = (before?.secrets ?? [])
        .map((each) => ({ ...each, until: each.until ?? until }))
        .filter((each) => each.until > clock.now());
      await write({
        installation: before?.installation ?? bytes(6).toString('hex'),
        secrets: [made, ...old].slice(0, 10),
      });
      return made.secret;
    },
  };
}
