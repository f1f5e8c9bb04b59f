import { isIP } from 'node:net';
import { isLoopback } from './auth.ts';
import { HttpProblem } from './problem.ts';

/**
 * What a browser could be made to do: another site's page that sends a write, or a name of its own that suddenly points
 * to this machine (DNS rebinding). A program that is no browser sends no Origin and is not concerned.
 */
export interface OriginCheck {
  /** Throws 403 for a Host that is not ours. */
  host(host: string | undefined): void;
  /** Throws 403 for a write that another site's page sends. */
  write(origin: string | undefined, host: string | undefined): void;
  /** The origin's own text if its pages may read our answers: for CORS headers, otherwise none are sent. */
  allowed(origin: string | undefined): string | undefined;
}

/** `boundTo`: loopback names are always ours; a wildcard address is reached by any IP, by name only if `hosts` has it. */
export function createOriginCheck(options: {
  boundTo: string;
  hosts: readonly string[];
  origins: readonly string[];
}): OriginCheck {
  const boundTo = options.boundTo.toLowerCase();
  const names = new Set([boundTo, ...options.hosts.map((host) => host.toLowerCase())]);
  const isWildcard = boundTo === '0.0.0.0' || boundTo === '::' || boundTo === '';
  const origins = new Set(options.origins);
  let lastGood: string | undefined;

  const isOurs = (host: string): boolean => {
    const name = nameOf(host);
    return isLoopback(name) || names.has(name) || (isWildcard && isIP(name) !== 0);
  };

  return {
    host(host) {
      // Nearly every request carries the same one.
      if (host === undefined || host === lastGood) return;
      if (!isOurs(host)) {
        throw new HttpProblem(403, {
          code: 'host_not_allowed',
          detail:
            'The Host header names another machine. If this server has that name, put it under server.allowed_hosts in config.yaml.',
        });
      }
      lastGood = host;
    },
    write(origin, host) {
      if (origin === undefined || origins.has(origin)) return;
      const url = URL.parse(origin);
      if (url && url.host !== '' && url.host === host?.toLowerCase()) return;
      throw new HttpProblem(403, {
        code: 'origin_not_allowed',
        detail: "Another site's page may not change anything here.",
      });
    },
    allowed: (origin) => (origin !== undefined && origins.has(origin) ? origin : undefined),
  };
}

/** `LOCALHOST.:3000` -> `localhost`, `[::1]:80` -> `::1`. */
function nameOf(host: string): string {
  const text = host.toLowerCase().trim();
  if (text.startsWith('[')) return text.slice(1, Math.max(1, text.indexOf(']')));
  const colon = text.lastIndexOf(':');
  const name = colon >= 0 && text.indexOf(':') === colon ? text.slice(0, colon) : text;
  return name.endsWith('.') ? name.slice(0, -1) : name;
}
