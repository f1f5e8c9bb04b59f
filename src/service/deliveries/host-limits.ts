import type { Clock } from '../../clock.ts';

/** How much one receiver is asked to take at once, and when it is left in peace. */
export interface HostLimits {
  /** When the host may be sent to again; undefined: now, and a place is taken. */
  begin(host: string): 'busy' | { restsUntil: number } | undefined;
  /** `silent`: nobody answered at all. */
  end(host: string, outcome: 'answered' | 'silent'): void;
}

/** Times in a row without any answer after which a host rests: its deliveries would hold up those of the others. */
const silentBeforeRest = 4;
const restMs = 60_000;
/** Hosts that are remembered. */
const hostsKept = 1_000;

export function createHostLimits(perHost: number, clock: Clock): HostLimits {
  const hosts = new Map<string, { active: number; silent: number; restsUntil: number }>();
  return {
    begin(host) {
      const state = hosts.get(host) ?? { active: 0, silent: 0, restsUntil: 0 };
      const rests = state.restsUntil - clock.now();
      // A clock that was set back lets nobody rest for ever.
      if (rests > 0 && rests <= restMs) return { restsUntil: state.restsUntil };
      if (state.active >= perHost) return 'busy';
      state.active += 1;
      if (!hosts.has(host)) {
        if (hosts.size >= hostsKept) forgetIdle(hosts);
        hosts.set(host, state);
      }
      return undefined;
    },
    end(host, outcome) {
      const state = hosts.get(host);
      if (!state) return;
      state.active -= 1;
      state.silent = outcome === 'silent' ? state.silent + 1 : 0;
      // After the rest one attempt tells whether it goes on.
      if (state.silent >= silentBeforeRest) state.restsUntil = clock.now() + restMs;
    },
  };
}

function forgetIdle(hosts: Map<string, { active: number }>): void {
  for (const [host, { active }] of hosts) if (active === 0) hosts.delete(host);
}
