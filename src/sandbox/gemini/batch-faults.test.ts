import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FaultPlan, RouteAction, RowAction } from '../sandbox.ts';
import {
  CREATE,
  type GeminiTestClient,
  inlinedOf,
  inlineRow,
  type Json,
  keyedRow,
  keyedRows,
  metadataOf,
  openGeminiClient,
  parsed,
} from './test-client.ts';

let client: GeminiTestClient;
beforeEach(async () => {
  client = await openGeminiClient();
});
afterEach(() => client.close());

const faultOnCreate = (fault: RouteAction, path = CREATE): FaultPlan => ({ routes: [{ method: 'POST', path, fault }] });
const faultOnRow = (customId: string, fault: RowAction): FaultPlan => ({ rows: [{ match: { customId }, fault }] });

describe('faults of Gemini batches', () => {
  test('of rows, one by one', async () => {
    const cases: [RowAction, unknown][] = [
      [{ type: 'missing' }, []],
      [{ type: 'duplicate' }, [{ key: 'bad' }, { key: 'bad' }]],
      [{ type: 'unknown-id' }, [{ key: 'bad' }, { key: 'unknown-00000002' }]],
      [{ type: 'error', status: 429, message: 'Busy.' }, [{ key: 'bad', error: { code: 429, message: 'Busy.' } }]],
      [{ type: 'status-zero' }, [{ key: 'bad', error: { code: 0, message: '' } }]],
      [{ type: 'refusal' }, [{ response: { promptFeedback: { blockReason: 'PROHIBITED_CONTENT' } } }]],
      [{ type: 'refusal', stage: 'answer' }, [{ response: { candidates: [{ finishReason: 'SAFETY' }] } }]],
      [
        { type: 'text', text: 'Hello.' },
        [{ response: { candidates: [{ content: { parts: [{ text: 'Hello.' }] } }] } }],
      ],
      [{ type: 'empty-content' }, [{ response: { candidates: [{ content: { role: 'model' } }] } }]],
      [
        { type: 'invalid-json-answer' },
        [{ response: { candidates: [{ content: { parts: [{ text: expect.stringContaining('{"summary"') }] } }] } }],
      ],
    ];
    for (const [fault, expected] of cases) {
      client.sandbox.setFaults(faultOnRow('bad', fault));
      const operation = await client.waitForEnd(
        await client.createFromLines([keyedRow('first'), keyedRow('bad'), keyedRow('last')]),
      );
      const results = parsed(await client.lines(operation));
      expect(results.at(0)?.key, fault.type).toBe('first');
      expect(results.at(-1)?.key, fault.type).toBe('last');
      expect(results.slice(1, -1), fault.type).toMatchObject(expected as Json[]);
    }
  });

  test('that spoil the file, and what they do to inline results', async () => {
    const [row, other] = [keyedRow('bad'), keyedRow('last')];
    client.sandbox.setFaults(faultOnRow('bad', { type: 'not-json' }));
    const broken = await client.lines(await client.waitForEnd(await client.createFromLines([row, other])));
    expect(broken[0]).toContain('<html>');
    const inlineBroken = inlinedOf(
      await client.waitForEnd(await client.createInline([inlineRow('bad'), inlineRow('b')])),
    );
    expect(inlineBroken).toMatchObject([{}, { metadata: { key: 'b' } }]);
    client.sandbox.setFaults(faultOnRow('bad', { type: 'truncated-last-line' }));
    const cut = await client.lines(await client.waitForEnd(await client.createFromLines([row, other])));
    expect(cut).toHaveLength(2);
    expect(() => JSON.parse(cut[1] ?? '') as unknown).toThrow();
    const inlineCut = inlinedOf(await client.waitForEnd(await client.createInline([inlineRow('bad'), inlineRow('b')])));
    expect(inlineCut).toMatchObject([{ metadata: { key: 'b' } }, {}]);
    expect(inlineCut[1]).toEqual({});
    client.sandbox.setFaults(faultOnRow('bad', { type: 'huge', bytes: 3_000_000 }));
    const huge = await client.lines(await client.waitForEnd(await client.createFromLines([row, other])));
    expect(huge[0]?.length).toBeGreaterThan(3_000_000);
    expect(parsed(huge)[0]?.key).toBe('bad');
  });

  test('of the create route', async () => {
    client.sandbox.setFaults(faultOnCreate({ type: 'lost-reply' }, '/v1beta/models/*:batchGenerateContent'));
    await expect(client.createInline([inlineRow('a')])).rejects.toThrow('fetch failed');
    const { json } = await client.call('GET', '/v1beta/batches');
    expect((json.operations as Json[]).map((operation) => metadataOf(operation).displayName)).toEqual(['test']);
    client.sandbox.setFaults(faultOnCreate({ type: 'expire-at', fraction: 0.5 }));
    const expired = await client.waitForEnd(await client.createFromLines(keyedRows(4)));
    expect(metadataOf(expired).state).toBe('BATCH_STATE_EXPIRED');
    expect(expired).not.toHaveProperty('response');
    client.sandbox.setFaults(faultOnCreate({ type: 'fail-batch', code: 'INTERNAL', message: 'Broken.' }));
    const failed = await client.waitForEnd(await client.createFromLines(keyedRows(4)));
    expect(failed).toMatchObject({
      error: { code: 13, message: 'Broken.' },
      metadata: { state: 'BATCH_STATE_FAILED' },
    });
    client.sandbox.setFaults(faultOnCreate({ type: 'token-limit' }));
    await expect(client.createInline([inlineRow('a')])).rejects.toThrow('RESOURCE_EXHAUSTED');
    client.sandbox.setFaults(faultOnCreate({ type: 'file-not-found' }));
    await expect(client.createFromLines(keyedRows(1))).rejects.toThrow('NOT_FOUND');
    expect(client.sandbox.ledger().providers.gemini).toMatchObject({ createCalls: 5, creates: 3 });
  });

  test('inline results can grow too large to be fetched', async () => {
    client.sandbox.setFaults(faultOnRow('big', { type: 'huge', bytes: 130_000_000 }));
    const name = await client.createInline([inlineRow('big')]);
    const read = () => client.call('GET', `/v1beta/${name}`);
    for (let i = 0; i < 500 && (await read()).status === 200; i++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect((await read()).json).toMatchObject({ error: { code: 503, status: 'UNAVAILABLE' } });
    expect((await client.call('GET', '/v1beta/batches')).status).toBe(503);
  });
});
