import { describe, expect, test } from 'vitest';
import { type Address, checkPublicUrl, resolvePublic } from './public-address.ts';

const strict = { allowPrivate: false };

/** What must never be sent to, however it is written. */
const refused: readonly string[] = [
  // This machine
  'http://127.0.0.1/',
  'http://127.0.0.1:8003/batch/queue',
  'http://127.255.255.254/',
  'http://127.1/',
  'http://0x7f.1/',
  'http://0x7f000001/',
  'http://2130706433/',
  'http://0177.0.0.1/',
  'http://017700000001/',
  'http://0x7f.0x0.0x0.0x1/',
  'http://%31%32%37.0.0.1/',
  'http://①②⑦.⓪.⓪.①/',
  'http://１２７.０.０.１/',
  'http://127。0。0。1/',
  'http://127.0.0.1./',
  'http:127.0.0.1',
  'http:\\\\127.0.0.1\\',
  'ht\ntp://127.0.0.1/',
  'http://[::1]/',
  'http://[0:0:0:0:0:0:0:1]/',
  'http://[::]/',
  'http://0.0.0.0/',
  'http://0/',
  'http://localhost/',
  'http://LOCALHOST:3000/',
  'http://localhost./',
  'http://hooks.localhost/',
  'http://localhost.localdomain/',
  // An IPv4 address inside an IPv6 one
  'http://[::ffff:127.0.0.1]/',
  'http://[::ffff:7f00:1]/',
  'http://[::127.0.0.1]/',
  'http://[::ffff:10.0.0.1]/',
  'http://[64:ff9b::127.0.0.1]/',
  'http://[2002:7f00:1::]/',
  'http://[2001:0:7f00:1::1]/',
  // Private networks, and what hosts in a cloud ask for their keys
  'http://10.0.0.1/',
  'http://172.16.0.1/',
  'http://172.31.255.255/',
  'http://192.168.1.1/',
  'http://192.168.257/',
  'http://100.64.0.1/',
  'http://169.254.169.254/latest/meta-data/',
  'http://0xa9fea9fe/',
  'http://[fe80::1]/',
  'http://[fd00::1]/',
  'http://[fd00:ec2::254]/latest/meta-data/',
  'http://[fec0::1]/',
  'http://metadata.google.internal/computeMetadata/v1/',
  'http://printer.local/',
  'http://intranet/',
  // Nobody's, everybody's
  'http://224.0.0.1/',
  'http://239.255.255.250/',
  'http://[ff02::1]/',
  'http://255.255.255.255/',
  'http://240.0.0.1/',
  'http://192.0.2.1/',
  'http://198.18.0.1/',
  'http://203.0.113.7/',
  'http://[2001:db8::1]/',
  'http://[100::1]/',
  // Other schemes
  'file:///etc/passwd',
  'gopher://example.com/_x',
  'ftp://example.com/',
  'dict://example.com:11211/stats',
  'data:text/plain,x',
  'javascript:alert(1)',
  'unix:/var/run/docker.sock',
  'ws://example.com/',
  'mailto:a@example.com',
  // Credentials, and what looks like a host and is one's name
  'https://user:password@example.com/',
  'https://example.com@127.0.0.1/',
  'https://token@hooks.example.com/',
  // No URLs
  '',
  'example.com',
  '//example.com/',
  'http://',
  'http://1.2.3.4.5/',
  'http://[fe80::1%25eth0]/',
];

const allowed: readonly string[] = [
  'https://example.com/hooks/1?x=1#y',
  'http://hooks.example.co.uk:8080/',
  'https://8.8.8.8/',
  'https://172.32.0.1/',
  'https://100.128.0.1/',
  'https://[2606:4700:4700::1111]/',
  'https://xn--bcher-kva.example/',
  'https://bücher.example/',
  'https://localhost.example.com/',
  'https://internal.example.com/',
  'https://127.0.0.1.example.com/',
];

describe('the URL as it is written', () => {
  test('there are enough of them', () => expect(refused.length).toBeGreaterThanOrEqual(40));

  test.each(refused)('%s is refused', (url) => {
    expect(checkPublicUrl(url, strict)).toMatch(/^(is no URL|must|names)/);
  });

  test.each(allowed)('%s is allowed', (url) => expect(checkPublicUrl(url, strict)).toBeUndefined());

  test.each(['http://127.0.0.1:9/', 'http://intranet/hook', 'http://[fd00::1]/'])(
    '%s is allowed in a network of our own',
    (url) => expect(checkPublicUrl(url, { allowPrivate: true })).toBeUndefined(),
  );

  test.each(['file:///etc/passwd', 'http://user@intranet/', 'nonsense'])('%s is refused even there', (url) => {
    expect(checkPublicUrl(url, { allowPrivate: true })).toBeDefined();
  });

  test('a reason never holds the URL', () => {
    for (const url of refused) if (url !== '') expect(checkPublicUrl(url, strict)).not.toContain(url);
  });
});

describe('what a name stands for', () => {
  const v4 = (address: string): Address => ({ address, family: 4 });
  const v6 = (address: string): Address => ({ address, family: 6 });
  const resolve = (addresses: Address[], allowPrivate = false) =>
    resolvePublic(new URL('https://hooks.example.com/'), { allowPrivate, lookup: async () => addresses });

  test.each([
    [v4('127.0.0.1')],
    [v4('10.1.2.3')],
    [v4('169.254.169.254')],
    [v6('::1')],
    [v6('::ffff:127.0.0.1')],
    [v6('fd00::1')],
    [v6('fe80::1')],
    [v6('64:ff9b::a00:1')],
  ])('%o is refused', async (address) => {
    expect(await resolve([address])).toEqual({ refused: 'the name stands for a private address' });
    expect(await resolve([v4('93.184.215.14'), address])).toEqual({ refused: 'the name stands for a private address' });
    expect(await resolve([address], true)).toEqual({ address });
  });

  test('the first of public ones is connected to', async () => {
    expect(await resolve([v6('2606:4700::1'), v4('93.184.215.14')])).toEqual({ address: v6('2606:4700::1') });
  });

  test('a name without addresses is refused', async () => {
    expect(await resolve([])).toEqual({ refused: 'the name stands for no address' });
  });

  test('an address is not looked up', async () => {
    const lookup = () => Promise.reject(new Error('looked up'));
    expect(await resolvePublic(new URL('https://[2606:4700::1]/'), { ...strict, lookup })).toEqual({
      address: v6('2606:4700::1'),
    });
  });

  test('the dot that ends a name is no part of it', async () => {
    const seen: string[] = [];
    const lookup = async (name: string) => {
      seen.push(name);
      return [v4('93.184.215.14')];
    };
    await resolvePublic(new URL('https://hooks.example.com./'), { ...strict, lookup });
    expect(seen).toEqual(['hooks.example.com']);
  });
});
