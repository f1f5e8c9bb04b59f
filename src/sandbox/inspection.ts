import { type Dialects, dialectOf } from './batches/dialect.ts';
import { BodyError, type Route, readJsonBody } from './call.ts';
import { parseFaultPlan } from './fault-plan.ts';
import type { Front } from './front.ts';
import { asNumber } from './json.ts';
import type { Ledger } from './ledger.ts';
import { jsonReply } from './reply.ts';
import { resetState, type SandboxState } from './state.ts';

/** `/_sandbox/...`: for tests and people, no part of any provider's API; needs no key. */
export function inspectionFront(state: SandboxState, dialects: Dialects, settleDue: () => Promise<void>): Front {
  return {
    provider: 'sandbox',
    owns: ({ path }) => path.startsWith('/_sandbox/'),
    authenticate: () => ({ account: '' }),
    errorReply: (status, message) => jsonReply(status, { error: { message } }),
    headers: () => ({}),
    isCreate: () => false,
    routes: inspectionRoutes(state, dialects, settleDue),
  };
}

function inspectionRoutes(state: SandboxState, dialects: Dialects, settleDue: () => Promise<void>): Route[] {
  return [
    {
      method: 'GET',
      path: '/_sandbox/ledger',
      async handler() {
        await settleDue();
        return jsonReply(200, readLedger(state, dialects));
      },
    },
    { method: 'GET', path: '/_sandbox/faults', handler: () => jsonReply(200, state.faults.report()) },
    {
      method: 'POST',
      path: '/_sandbox/faults',
      async handler(call) {
        const body = await readJsonBody(call.request);
        try {
          state.faults.setPlan(parseFaultPlan(body));
        } catch (error) {
          throw new BodyError(error instanceof Error ? error.message : String(error));
        }
        return jsonReply(200, state.faults.report());
      },
    },
    {
      method: 'POST',
      path: '/_sandbox/advance',
      async handler(call) {
        const ms = asNumber((await readJsonBody(call.request)).ms);
        if (ms === undefined || ms < 0) throw new BodyError('"ms" must be a number of milliseconds, 0 or more.');
        state.clock.advance(ms);
        await settleDue();
        return jsonReply(200, { now: new Date(state.clock.now()).toISOString() });
      },
    },
    {
      method: 'POST',
      path: '/_sandbox/reset',
      handler(call) {
        call.request.resume();
        resetState(state);
        return jsonReply(200, { reset: true });
      },
    },
  ];
}

export function readLedger(state: SandboxState, dialects: Dialects): Ledger {
  const nowMs = state.clock.now();
  return state.ledger.read(
    state.batches.all().map((record) => ({
      id: record.id,
      provider: record.provider,
      isExecuted: record.spool !== null,
      ...dialectOf(dialects, record).facts(record, nowMs),
      rows: record.rows,
      rowsCharged: record.totals?.charged ?? 0,
      createdAt: Math.floor(record.createdMs / 1000),
    })),
  );
}
