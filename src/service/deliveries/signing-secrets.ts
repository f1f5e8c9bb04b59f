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

const storedShape = z.object({
  installation: z.string().min(1),
  secrets: z
    .array(z.object({ secret: z.string().startsWith(secretPrefix), until: z.number().nullable() }))
    .min(1)
    .max(10),
});
type Stored = z.infer<typeof storedShape>;

export function createSigningSecrets(options: {
  service: Pick<ServiceStore, 'getSettings' | 'changeSettings'>;
  clock: Clock;
  /** Unguessable; by default of node:crypto. */
  randomBytes?: (size: number) => Buffer;
}): SigningSecrets {
  const { service, clock } = options;
  const bytes = options.randomBytes ?? randomBytes;
  let known: { stored: Stored; readAt: number } | undefined;

  const keep = (stored: Stored): Stored => {
    known = { stored, readAt: clock.now() };
    return stored;
  };
  const newInstallation = () => bytes(6).toString('hex');
  const newSecret = () => ({ secret: `${secretPrefix}${bytes(32).toString('base64')}`, until: null });

  /** Decided on what is stored at that moment: of what two processes make at once nothing is lost. */
  const change = async (decide: (stored: unknown) => Stored): Promise<Stored> => {
    const changed = await service.changeSettings(
      (settings) => new Map([[name, decide(settings.get(name))]]),
      clock.now(),
    );
    return parse(changed.get(name));
  };
  const read = async (): Promise<Stored> => {
    const stored = (await service.getSettings()).get(name);
    if (stored !== undefined) return parse(stored);
    const first: Stored = { installation: newInstallation(), secrets: [newSecret()] };
    // Another process may have made it since.
    return change((theirs) => (theirs === undefined ? first : parse(theirs)));
  };

  // Many deliveries are signed at once: they share one reading, and the making of the first.
  let reading: Promise<Stored> | undefined;
  const current = async (): Promise<Stored> => {
    if (known && Math.abs(clock.now() - known.readAt) < keptMs) return known.stored;
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return keep(await reading);
  };

  return {
    async get() {
      const { installation, secrets } = await current();
      const valid = secrets.filter(({ until }) => until === null || until > clock.now());
      return { installation, secrets: valid.map(({ secret }) => secret) };
    },
    async rotate() {
      const made = newSecret();
      const now = clock.now();
      const installation = newInstallation();
      const stored = await change((before) => {
        // Also mends a setting that cannot be read.
        const valid = storedShape.safeParse(before).data;
        const old = (valid?.secrets ?? [])
          .map((each) => ({ ...each, until: each.until ?? now + oldSignsMs }))
          .filter((each) => each.until > now);
        return { installation: valid?.installation ?? installation, secrets: [made, ...old].slice(0, 10) };
      });
      keep(stored);
      return made.secret;
    },
  };
}

function parse(stored: unknown): Stored {
  const parsed = storedShape.safeParse(stored);
  if (parsed.success) return parsed.data;
  // A new one in its place would make every receiver refuse what we send.
  throw new OffpeakError(
    `The setting ${name} cannot be read; rotate the signing secret, and tell it to the receivers.`,
    {
      code: 'config',
    },
  );
}
