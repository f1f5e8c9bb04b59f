import { BodyError, type Route, readJsonBody } from './call.ts';
import { parseFaultPlan } from './fault-plan.ts';
import { asNumber } from './json.ts';
import type { Ledger } from './ledger.ts';
import { statusAt } from './openai/batch-timeline.ts';
import { jsonReply } from './reply.ts';
import { resetState, type SandboxState } from './state.ts';

/** `/_sandbox/...`: for tests and people, no part of any provider's API; needs no key. */
export function inspectionRoutes(state: SandboxState, settleDue: () => Promise<void>): Route[] {
  return [
    {
      method: 'GET',
      path: '/_sandbox/ledger',
      async handler() {
        await settleDue();
        return jsonReply(200, readLedger(state));
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

export function readLedger(state: SandboxState): Ledger {
  const nowMs = state.clock.now();
  return state.ledger.read(
    state.batches.all().map((record) => ({
      id: record.id,
      status: statusAt(record, nowMs),
      inputFileId: record.inputFileId,
      metadata: record.metadata,
      rows: record.rows,
      rowsCharged: record.totals?.charged ?? 0,
      createdAt: Math.floor(record.createdMs / 1000),
    })),
  );
}
