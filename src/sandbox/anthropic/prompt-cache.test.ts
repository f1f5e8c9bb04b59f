import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Json } from '../test-client.ts';
import { type AnthropicTestClient, messageOf, messageRow, openAnthropicClient } from './test-client.ts';

const GUIDE = 'A long guide to everything. '.repeat(100);
/** Four characters are a token here. */
const GUIDE_TOKENS = GUIDE.length / 4;

let opened: AnthropicTestClient;
beforeEach(async () => {
  opened = await openAnthropicClient();
});
afterEach(() => opened.client.close());

function rows(count: number, ttl?: '5m' | '1h', more: Json = {}): Json[] {
  const control = { type: 'ephemeral', ...(ttl === undefined ? {} : { ttl }) };
  const system = [{ type: 'text', text: GUIDE, cache_control: control }];
  return Array.from({ length: count }, (_, i) => messageRow(`row-${i}`, { system, ...more }, `Row ${i}.`));
}

async function usages(requests: Json[]): Promise<Json[]> {
  const { results } = await opened.run(requests);
  return results.map((line) => messageOf(line).usage as Json);
}

const wrote = (usage: Json | undefined): unknown => usage?.cache_creation_input_tokens;
const read = (usage: Json | undefined): unknown => usage?.cache_read_input_tokens;

describe('prompt caching', () => {
  test('a cold batch writes on every row; after a batch with the same prefix all rows read', async () => {
    const cold = await usages(rows(3, '1h'));
    expect(cold.map(wrote)).toEqual(Array(3).fill(GUIDE_TOKENS));
    expect(cold.map(read)).toEqual([0, 0, 0]);
    expect(cold[0]?.cache_creation).toEqual({ ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: GUIDE_TOKENS });
    const warm = await usages(rows(5, '1h'));
    expect(warm.map(read)).toEqual(Array(5).fill(GUIDE_TOKENS));
    expect(warm.map(wrote)).toEqual(Array(5).fill(0));
    expect(warm[0]?.input_tokens).toBe(2);
  });

  test('it lasts as long as its time to live, and longer when it is read', async () => {
    await usages(rows(1, '5m'));
    opened.client.sandbox.advance(4 * 60_000);
    expect((await usages(rows(1, '5m'))).map(read)).toEqual([GUIDE_TOKENS]);
    opened.client.sandbox.advance(4 * 60_000);
    expect((await usages(rows(1, '5m'))).map(read)).toEqual([GUIDE_TOKENS]);
    opened.client.sandbox.advance(5 * 60_000 + 1);
    const late = await usages(rows(1));
    expect(late.map(read)).toEqual([0]);
    expect(late[0]?.cache_creation).toMatchObject({ ephemeral_5m_input_tokens: GUIDE_TOKENS });
  });

  test('another model, another text or another account shares nothing', async () => {
    await usages(rows(1, '1h'));
    expect((await usages(rows(1, '1h', { model: 'claude-sonnet-4-6' }))).map(read)).toEqual([0]);
    const other = [{ type: 'text', text: `${GUIDE}!`, cache_control: { type: 'ephemeral', ttl: '1h' } }];
    expect((await usages([messageRow('a', { system: other })])).map(read)).toEqual([0]);
    const [row] = rows(1, '1h');
    const foreign = await opened.call('POST', '/v1/messages', row?.params, { 'x-api-key': 'sk-ant-other' });
    expect(read(foreign.json.usage as Json)).toBe(0);
    const own = await opened.call('POST', '/v1/messages', row?.params);
    expect(read(own.json.usage as Json)).toBe(GUIDE_TOKENS);
  });

  test('realtime calls leave what later ones and batches read', async () => {
    const [row] = rows(1, '1h');
    const ask = async (): Promise<Json> => (await opened.call('POST', '/v1/messages', row?.params)).json.usage as Json;
    expect(wrote(await ask())).toBe(GUIDE_TOKENS);
    expect(read(await ask())).toBe(GUIDE_TOKENS);
    expect((await usages(rows(2, '1h'))).map(read)).toEqual([GUIDE_TOKENS, GUIDE_TOKENS]);
  });

  test('several breakpoints: the longest known prefix is read, the rest written', async () => {
    const control = { type: 'ephemeral', ttl: '1h' };
    const withTail = (tail: string): Json[] => [
      messageRow('a', { system: [{ type: 'text', text: GUIDE, cache_control: control }] }, [
        { type: 'text', text: tail, cache_control: { type: 'ephemeral' } },
      ]),
    ];
    await usages(withTail('x'.repeat(400)));
    const [usage] = await usages(withTail('y'.repeat(400)));
    expect(usage).toMatchObject({ cache_read_input_tokens: GUIDE_TOKENS, cache_creation_input_tokens: 100 });
    expect(usage?.cache_creation).toEqual({ ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 0 });
  });

  test('the ledger is charged by it', async () => {
    const charged = (): number => opened.client.sandbox.ledger().chargedNanoUsd;
    await usages(rows(1, '1h'));
    // 2 tokens of input at 1 USD, the prefix at twice that, 2 of output at 5 USD, all halved: nano-USD.
    expect(charged()).toBe((2 * 1000 + GUIDE_TOKENS * 2000 + 2 * 5000) / 2);
    const cold = charged();
    await usages(rows(1, '1h'));
    expect(charged() - cold).toBe((2 * 1000 + GUIDE_TOKENS * 100 + 2 * 5000) / 2);
  });
});
