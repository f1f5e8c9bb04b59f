import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SilentProvider {
  url: string;
  /** When, in milliseconds since 1970, the first poll and the first upload from now on arrive. */
  watch(): { poll: Promise<number>; upload: Promise<number> };
  close(): Promise<void>;
}

/** An OpenAI at which every batch is under way for ever; it takes uploads and answers none of them. */
export async function startSilentProvider(): Promise<SilentProvider> {
  let polled = (_at: number) => {};
  let uploaded = (_at: number) => {};
  const server = createServer((request, response) => {
    request.resume();
    const id = /^\/v1\/batches\/(\w+)$/.exec(request.url ?? '')?.[1];
    if (id) {
      polled(Date.now());
      answer(response, batchOf(id));
    } else if (request.method === 'POST') uploaded(Date.now());
    else answer(response, { object: 'list', data: [], has_more: false });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    watch: () => ({
      poll: new Promise((resolve) => {
        polled = resolve;
      }),
      upload: new Promise((resolve) => {
        uploaded = resolve;
      }),
    }),
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function answer(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function batchOf(id: string): object {
  return {
    id,
    object: 'batch',
    endpoint: '/v1/chat/completions',
    input_file_id: 'file-input',
    completion_window: '24h',
    status: 'in_progress',
    output_file_id: null,
    error_file_id: null,
    created_at: Math.floor(Date.now() / 1000),
    request_counts: { total: 50_000, completed: 0, failed: 0 },
    metadata: null,
  };
}
