import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type GeminiTestClient, type Json, KEY, openGeminiClient } from './test-client.ts';

const HOUR_MS = 3_600_000;

describe('Gemini files', () => {
  let client: GeminiTestClient;
  beforeEach(async () => {
    client = await openGeminiClient({ limits: { geminiFileBytes: 1000 } });
  });
  afterEach(() => client.close());
  const urlOf = (answer: { headers: Headers }): string => answer.headers.get('x-goog-upload-url') ?? '';

  test('a resumable upload in chunks, without a key on the chunks', async () => {
    const started = await client.start({ name: 'files/my-input-1', display_name: 'Mine', sizeBytes: '10' });
    expect(started).toMatchObject({ status: 200, text: '' });
    expect(urlOf(started).startsWith(`${client.sandbox.url}/upload/v1beta/files?`)).toBe(true);
    const first = await client.send(urlOf(started), 'hello', 'upload');
    expect(first.headers.get('x-goog-upload-status')).toBe('active');
    const asked = await client.send(urlOf(started), '', 'query');
    expect(asked.headers.get('x-goog-upload-size-received')).toBe('5');
    const wrong = await client.send(urlOf(started), 'world', 'upload, finalize', 4);
    expect(wrong).toMatchObject({ status: 400, json: { error: { code: 400, status: 'INVALID_ARGUMENT' } } });
    const last = await client.send(urlOf(started), 'world', 'upload, finalize', 5);
    expect(last.headers.get('x-goog-upload-status')).toBe('final');
    const file = last.json.file as Json;
    expect(file).toEqual({
      name: 'files/my-input-1',
      displayName: 'Mine',
      mimeType: 'application/jsonl',
      sizeBytes: '10',
      createTime: file.createTime,
      updateTime: file.createTime,
      expirationTime: new Date(Date.parse(String(file.createTime)) + 48 * HOUR_MS).toISOString(),
      sha256Hash: createHash('sha256').update('helloworld').digest('base64'),
      uri: `${client.sandbox.url}/v1beta/files/my-input-1`,
      state: 'ACTIVE',
      source: 'UPLOADED',
    });
    expect((await client.call('GET', '/v1beta/files/my-input-1')).json).toEqual(file);
    for (const path of ['/v1beta', '/download/v1beta']) {
      const { text } = await client.call('GET', `${path}/files/my-input-1:download?alt=media`);
      expect(text).toBe('helloworld');
    }
    expect((await client.send(urlOf(started), 'x', 'upload', 10)).status).toBe(400);
    expect((await client.send(urlOf(started), '', 'query')).headers.get('x-goog-upload-status')).toBe('final');
    expect(client.sandbox.ledger().providers.gemini).toMatchObject({ uploads: 1, downloads: 2 });
  });

  test('refuses bad names, taken names, wrong sizes and too much', async () => {
    expect((await client.start({ name: 'files/Bad_Name' })).status).toBe(400);
    expect((await client.start({ name: `files/${'a'.repeat(41)}` })).status).toBe(400);
    expect((await client.start({ displayName: 'x'.repeat(513) })).status).toBe(400);
    expect((await client.start({}, { 'x-goog-upload-header-content-length': '1001' })).status).toBe(400);
    expect((await client.start({}, { 'x-goog-upload-protocol': 'raw' })).status).toBe(400);
    await client.upload('x', { name: 'files/taken' });
    expect((await client.start({ name: 'files/taken' })).json).toMatchObject({ error: { status: 'ALREADY_EXISTS' } });
    const announced = await client.start({}, { 'x-goog-upload-header-content-length': '3' });
    expect((await client.send(urlOf(announced), 'four', 'upload, finalize')).status).toBe(400);
    const endless = await client.start();
    expect((await client.send(urlOf(endless), 'x'.repeat(1001), 'upload, finalize')).status).toBe(400);
    expect((await client.send(`${client.sandbox.url}/upload/v1beta/files?upload_id=none`, '', 'query')).status).toBe(
      404,
    );
  });

  test('a cancelled upload is over', async () => {
    const url = urlOf(await client.start());
    await client.send(url, 'abc', 'upload');
    expect((await client.send(url, '', 'cancel')).headers.get('x-goog-upload-status')).toBe('cancelled');
    expect((await client.send(url, 'def', 'upload, finalize', 3)).status).toBe(400);
  });

  test('an upload goes on where the connection broke', async () => {
    const url = urlOf(await client.start());
    await client.send(url, 'abc', 'upload');
    client.sandbox.setFaults({
      routes: [{ method: 'POST', path: '/upload/v1beta/files', fault: { type: 'lost-reply' } }],
    });
    await expect(client.send(url, 'def', 'upload', 3)).rejects.toThrow('fetch failed');
    const { headers } = await client.send(url, '', 'query');
    expect(headers.get('x-goog-upload-size-received')).toBe('6');
    const { json } = await client.send(url, 'ghi', 'upload, finalize', 6);
    expect((json.file as Json).sizeBytes).toBe('9');
  });

  test('lists by pages, deletes, forgets after 48 hours; other keys see nothing', async () => {
    const names: string[] = [];
    for (let i = 0; i < 3; i++) names.unshift(await client.upload(`file ${i}`));
    const first = (await client.call('GET', '/v1beta/files?pageSize=2')).json;
    const second = (await client.call('GET', `/v1beta/files?pageSize=2&pageToken=${String(first.nextPageToken)}`)).json;
    expect([...(first.files as Json[]), ...(second.files as Json[])].map((file) => file.name)).toEqual(names);
    expect(second.nextPageToken).toBeUndefined();
    expect((await client.call('GET', '/v1beta/files?pageToken=!')).status).toBe(400);
    expect((await client.call('GET', `/v1beta/${names[0]}?key=other`, undefined, {})).status).toBe(404);
    expect((await client.call('GET', `/v1beta/${names[0]}?key=${KEY}`, undefined, {})).status).toBe(200);
    expect(await client.call('DELETE', `/v1beta/${names[0]}`)).toMatchObject({ status: 200, json: {} });
    expect((await client.call('GET', `/v1beta/${names[0]}`)).json).toMatchObject({ error: { status: 'NOT_FOUND' } });
    client.sandbox.advance(48 * HOUR_MS);
    expect((await client.call('GET', '/v1beta/files')).json).toEqual({});
  });
});
