import { systemClock } from '../clock.ts';
import { createSigningSecrets } from '../service/deliveries/signing-secrets.ts';
import type { Context, GlobalFlags } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { printData, say } from './output.ts';

/** `offpeak webhook-secret`: what receivers check the signatures with. */
export async function webhookSecretCommand(
  context: Context,
  flags: GlobalFlags & { rotate?: boolean },
): Promise<number> {
  const secrets = createSigningSecrets({ service: (await context.store()).service, clock: systemClock });
  if (flags.rotate) {
    printData(await secrets.rotate());
    say(
      'From now on webhooks carry two signatures, by this secret and by the old one; after 24 hours only by this one.',
    );
    return exitCodes.succeeded;
  }
  const [current = ''] = (await secrets.get()).secrets;
  printData(current);
  return exitCodes.succeeded;
}
