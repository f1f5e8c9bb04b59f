import { inTransaction } from './database.ts';
import type { RowAction } from './fault-plan.ts';
import { REALTIME_EXECUTION } from './ledger.ts';
import { costNanoUsd, type TokenCounts } from './prices.ts';
import { createRowFaultPicker } from './row-faults.ts';
import type { SandboxState } from './state.ts';

/** A realtime call that was counted, with the row fault it is to suffer. */
export interface CountedCall {
  provider: string;
  bodyHash: Buffer;
  action: RowAction | undefined;
  position: number;
}

/** Picks the fault of this call and counts the call, which is its position for `everyNth`. */
export function countedCall(state: SandboxState, provider: string, bodyText: string, bodyHash: Buffer): CountedCall {
  const { version, faults } = state.faults.rows();
  const picker = createRowFaultPicker(faults, state.settings.seed, state.ledger.executionsOf);
  return inTransaction(state.database, () => {
    state.ledger.of(provider).count('realtimeCalls');
    const position = state.ledger.counterOf('realtimeCalls');
    const action = picker.pick({ customId: '', bodyText, bodyHash, position });
    state.faults.countRows(version, picker.fired);
    return { provider, bodyHash, action, position };
  });
}

/** Books one executed realtime call; `charge` only when it succeeded. */
export function bookCall(
  state: SandboxState,
  call: CountedCall,
  charge: { model: string; tokens: TokenCounts } | undefined,
): void {
  inTransaction(state.database, () => {
    state.ledger.addRow(call.bodyHash, REALTIME_EXECUTION, call.position, charge !== undefined);
    const ledger = state.ledger.of(call.provider);
    ledger.count('rowsExecuted');
    if (charge === undefined) return;
    const { tokens } = charge;
    const cost = costNanoUsd(charge.model, tokens, 'realtime');
    ledger.count('rowsCharged');
    ledger.count('inputTokens', inputTokensOf(tokens));
    ledger.count('outputTokens', tokens.output);
    if (cost === undefined) ledger.count('unpricedRows');
    else ledger.count('chargedNanoUsd', cost);
  });
}

/** All prompt tokens, cached ones too. */
export function inputTokensOf(tokens: TokenCounts): number {
  return tokens.input + (tokens.cacheRead ?? 0) + (tokens.cacheWrite5m ?? 0) + (tokens.cacheWrite1h ?? 0);
}
