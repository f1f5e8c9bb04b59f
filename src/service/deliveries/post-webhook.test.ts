import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type ScriptedServer, startScriptedServer } from '../../providers/scripted-server.ts';
import { createFakeClock } from '../../testing/fake-clock.ts';
import { type PostOptions, postWebhook } from './post-webhook.ts';

const never = new AbortController().signal;
const body = '{"type":"job.ended","data":"ü 😀"}';
const headers = { 'content-type': 'application/json', 'webhook-id': 'msg_1' };

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

type Answer = Parameters<typeof startScriptedServer>[0];

async function receiver(answer: Answer): Promise<ScriptedServer> {
  const server = await startScriptedServer(answer);
  closers.push(() => server.close());
  return server;
}

/** A server that speaks in bytes. */
async function rawReceiver(answer: string, then: 'stays' | 'ends' = 'stays'): Promise<string> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      if (answer === '') socket.destroy();
      else if (then === 'ends') socket.end(answer);
      else socket.write(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/`;
}

function options(change: Partial<PostOptions> = {}) {
  return { allowPrivate: true, clock: createFakeClock(), ...change };
}

describe('one POST', () => {
  test('brings exactly the body and the headers', async () => {
    const server = await receiver((_, response) => response.writeHead(204).end());
    expect(await postWebhook({ url: `${server.url}/hook?x=1`, headers, body }, options(), never)).toEqual({
      status: 204,
    });
    expect(server.seen).toHaveLength(1);
    expect(server.seen[0]).toMatchObject({ method: 'POST', path: '/hook?x=1', body, headers });
  });

  test('follows no redirect', async () => {
    const other = await receiver((_, response) => response.end());
    for (const status of [301, 302, 303, 307, 308]) {
      const server = await receiver((_, response) => response.writeHead(status, { location: other.url }).end());
      expect(await postWebhook({ url: server.url, headers, body }, options(), never)).toEqual({ status });
    }
    expect(other.seen).toEqual([]);
  });

  test('says how long the receiver asks us to wait', async () => {
    const server = await receiver((_, response) => response.writeHead(429, { 'retry-after': '90' }).end());
    expect(await postWebhook({ url: server.url, headers, body }, options(), never)).toEqual({
      status: 429,
      retryAfterMs: 90_000,
    });
  });

  test('an answer without end is broken off after a few kB', async () => {
    let written = 0;
    let closed: () => void = () => {};
    const isClosed = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const server = await receiver((_, response) => {
      response.writeHead(200);
      response.on('close', closed);
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(1024))) written += 1024;
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    expect(await postWebhook({ url: server.url, headers, body }, options(), never)).toEqual({ status: 200 });
    await isClosed;
    // What the sockets between us hold was written, and no more.
    expect(written).toBeLessThan(50_000_000);
  });

  test('a status counts, though the rest of the answer never comes', async () => {
    const clock = createFakeClock();
    const server = await receiver((_, response) => {
      response.writeHead(200);
      response.write('thank');
      setImmediate(() => void clock.advance(15_000));
    });
    expect(await postWebhook({ url: server.url, headers, body }, options({ clock }), never)).toEqual({ status: 200 });
  });

  test('a status counts, though the connection breaks behind it', async () => {
    const url = await rawReceiver('HTTP/1.1 202 Accepted\r\ncontent-length: 100\r\n\r\nshort', 'ends');
    expect(await postWebhook({ url, headers, body }, options(), never)).toEqual({ status: 202 });
  });
});

describe('what fails', () => {
  test('nobody answers in time', async () => {
    const clock = createFakeClock();
    const server = await receiver(() => clock.advance(15_000));
    expect(await postWebhook({ url: server.url, headers, body }, options({ clock }), never)).toEqual({
      error: 'no answer in 15 seconds',
    });
  });

  test('a name that is looked up for ever', async () => {
    const clock = createFakeClock();
    const posted = postWebhook(
      { url: 'http://hooks.example.com/', headers, body },
      options({ clock, lookup: () => new Promise(() => {}) }),
      never,
    );
    await clock.advance(15_000);
    expect(await posted).toEqual({ error: 'no answer in 15 seconds' });
  });

  test('the service is stopped meanwhile', async () => {
    const stop = new AbortController();
    const server = await receiver(() => stop.abort());
    expect(await postWebhook({ url: server.url, headers, body }, options(), stop.signal)).toEqual({
      error: 'the service was stopped',
    });
    expect(await postWebhook({ url: server.url, headers, body }, options(), stop.signal)).toEqual({
      error: 'the service was stopped',
    });
    expect(server.seen).toHaveLength(1);
  });

  test('nobody listens, and the address is not told', async () => {
    const server = await receiver(() => {});
    await server.close();
    expect(await postWebhook({ url: server.url, headers, body }, options(), never)).toEqual({
      error: 'nobody listens at the address',
    });
  });

  test('a name that is not known', async () => {
    const lookup = () => Promise.reject(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }));
    expect(await postWebhook({ url: 'http://gone.example.com/', headers, body }, options({ lookup }), never)).toEqual({
      error: 'the name is not known',
    });
  });

  test.each([
    ['closes the connection at once', '', /broken off|closed/],
    ['answers with something else than HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', /connection failed \(HPE_/],
    ['wants to speak another protocol', 'HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n', /.+/],
  ])('a receiver that %s', async (_, answer, expected) => {
    const url = await rawReceiver(answer);
    expect(await postWebhook({ url, headers, body }, options(), never)).toEqual({
      error: expect.stringMatching(expected),
    });
  });

  test('TLS that is none', async () => {
    const url = (await rawReceiver('HTTP/1.1 400 Bad Request\r\n\r\n')).replace('http:', 'https:');
    expect(await postWebhook({ url, headers, body }, options(), never)).toEqual({
      error: expect.stringMatching(/^the connection failed \(/),
    });
  });
});

describe('private addresses', () => {
  test('a URL that names one is refused, and nobody is connected to', async () => {
    const server = await receiver((_, response) => response.end());
    expect(await postWebhook({ url: server.url, headers, body }, options({ allowPrivate: false }), never)).toEqual({
      error: expect.stringContaining('public address'),
      refused: 'address',
    });
    expect(server.seen).toEqual([]);
  });

  test('so is a name that stands for one, also beside a public one', async () => {
    const server = await receiver((_, response) => response.end());
    const { port } = new URL(server.url);
    const lookup = async () => [
      { address: '93.184.215.14', family: 4 as const },
      { address: '127.0.0.1', family: 4 as const },
    ];
    const url = `http://hooks.example.com:${port}/`;
    expect(await postWebhook({ url, headers, body }, options({ allowPrivate: false, lookup }), never)).toEqual({
      error: 'the name stands for a private address',
    });
    expect(server.seen).toEqual([]);
  });

  test('the connection goes to the address that was looked at: a name is asked for once', async () => {
    const server = await receiver((_, response) => response.end());
    const { port } = new URL(server.url);
    const asked: string[] = [];
    // Rebinding: the second answer would be another one.
    const lookup = async (name: string) => {
      asked.push(name);
      return [{ address: asked.length === 1 ? '127.0.0.1' : '127.0.0.9', family: 4 as const }];
    };
    const url = `http://hooks.example.com:${port}/`;
    expect(await postWebhook({ url, headers, body }, options({ lookup }), never)).toEqual({ status: 200 });
    expect(asked).toEqual(['hooks.example.com']);
    expect(server.seen[0]?.headers.host).toBe(`hooks.example.com:${port}`);
  });
});
