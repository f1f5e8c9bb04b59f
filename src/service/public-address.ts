import { lookup as lookupName } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';

/**
 * Where a URL that somebody gave us may lead. Webhooks are sent to public addresses only, so that nobody reads or moves
 * what stands behind our firewall through us: first the URL as it is written is looked at, then, when it is used, every
 * address its name stands for; and the connection is made to an address that was looked at, not to the name, which may
 * stand for another one a moment later.
 */
export interface AddressRules {
  /** For tests and networks of one's own: any address will do. Scheme and credentials are looked at all the same. */
  allowPrivate: boolean;
}

export interface Address {
  address: string;
  family: 4 | 6;
}

export type Lookup = (hostname: string) => Promise<readonly Address[]>;

/** Why a URL may not be sent to, as far as its text tells; undefined: it may. */
export function checkPublicUrl(text: string, { allowPrivate }: AddressRules): string | undefined {
  if (!URL.canParse(text)) return 'is no URL';
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must be an http or https address';
  if (url.username !== '' || url.password !== '') return 'must hold no user name and no password';
  return allowPrivate ? undefined : problemWithHost(hostOf(url));
}

/**
 * The address to connect to. One private address among several is enough to refuse the name.
 * @throws what the look-up throws
 */
export async function resolvePublic(
  url: URL,
  { allowPrivate, lookup = systemLookup }: AddressRules & { lookup?: Lookup },
): Promise<{ address: Address } | { refused: string }> {
  const host = hostOf(url);
  const family = isIP(host);
  const found = family === 4 || family === 6 ? [{ address: host, family } as const] : await lookup(host);
  const [first] = found;
  if (!first) return { refused: 'the name stands for no address' };
  if (!allowPrivate && !found.every(isPublic)) return { refused: 'the name stands for a private address' };
  return { address: first };
}

const systemLookup: Lookup = async (hostname) =>
  (await lookupName(hostname, { all: true })).map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));

/** Without the brackets of an IPv6 address, and without the dot that ends an absolute name. */
function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '').replace(/\.+$/, '');
}

/** Names that stand for the machine itself or for one of its network, whatever a server of names says. */
const innerNames = /(^|\.)(localhost|localdomain|local|internal|intranet|lan|home|corp|home\.arpa)$/;

function problemWithHost(host: string): string | undefined {
  const family = isIP(host);
  if (family === 4 || family === 6) {
    return isPublic({ address: host, family }) ? undefined : 'must be a public address, not one of a private network';
  }
  if (host === '') return 'names no host';
  // A name without a dot is only known inside a network.
  if (innerNames.test(host) || !host.includes('.')) return 'must be a public name, not one of a private network';
  return undefined;
}

/**
 * What the registries of special addresses of IANA name as not globally reachable, and what carries an IPv4 address
 * inside (6to4, Teredo, NAT64, mapped): of IPv6 only what is in use as global unicast, 2000::/3, is public.
 */
const notPublic = new BlockList();
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const) {
  notPublic.addSubnet(net, bits, 'ipv4');
}
for (const [net, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  notPublic.addSubnet(net, bits, 'ipv6');
}
const globalUnicast = new BlockList();
globalUnicast.addSubnet('2000::', 3, 'ipv6');

function isPublic({ address, family }: Address): boolean {
  if (family === 4) return !notPublic.check(address, 'ipv4');
  return globalUnicast.check(address, 'ipv6') && !notPublic.check(address, 'ipv6');
}
