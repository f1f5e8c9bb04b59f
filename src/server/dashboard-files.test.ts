import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer } from './server-fixtures.ts';

let directory = '';
beforeAll(() => {
  const root = mkdtempSync(join(tmpdir(), 'offpeak-dashboard-'));
  directory = join(root, 'dashboard');
  mkdirSync(join(directory, 'assets'), { recursive: true });
  writeFileSync(join(root, 'secret.txt'), 'canary');
  writeFileSync(join(directory, 'index.html'), '<!doctype html><title>Offpeak</title>');
  writeFileSync(join(directory, 'favicon.svg'), '<svg/>');
  const script = 'console.log(1);'.repeat(200);
  writeFileSync(join(directory, 'assets', 'index-abc123.js'), script);
  writeFileSync(join(directory, 'assets', 'index-abc123.js.br'), brotliCompressSync(script));
});
afterAll(() => rmSync(join(directory, '..'), { recursive: true, force: true }));

test('the page answers for its own paths and is asked for each time; its files are kept for ever', async () => {
  const { url } = await startServer({ dashboardDirectory: directory });
  for (const path of ['/', '/runs', '/runs/run-20261120-143000-k3f9', '/jobs/creative_scoring_1?tab=answer']) {
    const page = await fetch(url + path);
    expect([path, page.status, await page.text()]).toEqual([path, 200, '<!doctype html><title>Offpeak</title>']);
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.headers.get('cache-control')).toBe('no-cache');
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
  }
  const asset = await fetch(`${url}/assets/index-abc123.js`, { headers: { 'accept-encoding': 'identity' } });
  expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  expect(asset.headers.get('content-type')).toContain('javascript');
  const icon = await fetch(`${url}/favicon.svg`);
  expect([icon.status, icon.headers.get('content-type')]).toEqual([200, 'image/svg+xml']);
});

test('a compressed twin is sent to those who take it', async () => {
  const { url } = await startServer({ dashboardDirectory: directory });
  const asset = await fetch(`${url}/assets/index-abc123.js`, { headers: { 'accept-encoding': 'br' } });
  expect(asset.headers.get('content-encoding')).toBe('br');
  expect(asset.headers.get('content-type')).toContain('javascript');
  expect((await asset.text()).startsWith('console.log')).toBe(true);
});

test('what the page has not is missing, and the API keeps its own words', async () => {
  const { url } = await startServer({ dashboardDirectory: directory });
  expect((await fetch(`${url}/assets/gone.js`)).status).toBe(404);
  expect((await fetch(`${url}/batch/nothing`)).headers.get('content-type')).toContain('problem+json');
  const wrong = await fetch(`${url}/batch/queue`);
  expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST, OPTIONS']);
  expect((await fetch(`${url}/runs`, { method: 'POST' })).status).toBe(404);
});

test.each([
  '/../secret.txt',
  '/assets/../../secret.txt',
  '/%2e%2e/secret.txt',
  '/..%2fsecret.txt',
  '/assets/%2e%2e/%2e%2e/secret.txt',
  '/..%5csecret.txt',
  '/secret.txt%00.html',
  '//etc/passwd',
  '/assets/index-abc123.js.br/../../../secret.txt',
])('%s leads nowhere else', async (path) => {
  const { url } = await startServer({ dashboardDirectory: directory });
  const { hostname, port } = new URL(url);
  const answer = await new Promise<{ status: number; text: string }>((resolve, reject) => {
    // fetch would tidy the path before it is sent.
    const asked = request({ hostname, port, path, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    asked.on('error', reject);
    asked.end();
  });
  expect(answer.text).not.toContain('canary');
  expect(answer.text).not.toContain('root:');
  expect(answer.status).toBeLessThan(500);
});

test('without a built dashboard the reader is told what to do', async () => {
  for (const options of [{}, { dashboardDirectory: join(directory, 'nothing') }]) {
    const { url } = await startServer(options);
    const answer = await fetch(`${url}/`);
    expect(answer.status).toBe(404);
    expect(await answer.text()).toContain('npm run dashboard');
  }
});
