import { expect, test } from 'vitest';
import {
  adding,
  endBatch,
  failed,
  fill,
  first,
  idBytes,
  leaseFor,
  newJob,
  newRun,
  type StoreContext,
  sendBatch,
  start,
  succeeded,
} from './context.ts';

/** Text that has broken stores: in bodies, answers, keys, errors. Everything comes back as it went in. */
export const hostileTexts: readonly (readonly [string, string])[] = [
  ['empty', ''],
  ['NUL', 'before\u0000after'],
  ['control characters', '\u0001\u0007\u001b[31m\u007f\u0085'],
  ['line ends', 'a\nb\r\nc\rd'],
  ['line separators', 'a\u2028b\u2029c'],
  ['an emoji of four bytes', 'x😀y👩‍👩‍👧'],
  ['a byte order mark', '\ufeffx'],
  ['two ways to write the same', 'é e\u0301'],
  ['right to left', '\u202eabc\u202c مرحبا'],
  ['quotes', `'"\`\\''; DROP TABLE jobs; --`],
  ['wildcards', '%_*?[a]'],
  ['a prototype', '__proto__'],
  ['the replacement character', '\ufffd'],
  ['the last character', '\u{10ffff}'],
];

export function testHostileText(context: StoreContext): void {
  test.each(hostileTexts)('%s', async (_, text) => {
    const { store } = context;
    const body = JSON.stringify({ input: text });
    const { run, lane } = await fill(store, [newJob(text, body)], { name: text, note: text });
    const second = JSON.stringify({ input: text, n: 2 });
    await store.addJobs(run.id, [newJob(`${text}2`, second)], adding);
    await store.addJobs(run.id, [{ key: `${text}3`, position: 3, skip: { code: 'empty', message: text } }], adding);
    expect(await store.getRun(run.id)).toMatchObject({ name: text, note: text });
    const { batch, lease, attempts } = await sendBatch(store, lane);
    expect((await store.readRequests(batch.id, 0, 10)).map((request) => request.body)).toEqual([body, second]);
    const [a, b] = attempts;
    if (!a || !b) throw new Error('expected two attempts');
    await store.book(
      [succeeded(a, { output: text, response: body, finishReason: text }), failed(b, { errorMessage: text })],
      lease,
    );
    await store.quarantine(lease, [{ reason: 'unknown_id', customId: text, line: text }]);
    await store.updateBatch(lease, { rawStatus: text, errorMessage: text }, start);
    await endBatch(store, lease);
    expect(first(await store.listBatches())).toMatchObject({ rawStatus: text, errorMessage: text, quarantined: 1 });
    const rows = await store.readResults(run.id, { limit: 10 });
    expect(rows.map((row) => row.key)).toEqual([text, `${text}2`, `${text}3`]);
    expect(rows[0]).toMatchObject({ output: text, response: body, finishReason: text });
    expect(rows[1]).toMatchObject({ errorMessage: text });
    expect(rows[2]).toMatchObject({ errorMessage: text });
    const keys = await store.getJobKeys(rows.map((row) => row.job));
    expect([...keys.values()]).toEqual(rows.map((row) => row.key));
    const again = (await store.createRun(newRun(), start)).run;
    expect(await store.addJobs(again.id, [newJob('x', body)], { ...adding, reuse: true })).toMatchObject({ reused: 1 });
  });

  test('keys differ by every byte', async () => {
    const { store } = context;
    const keys = [
      'a',
      'A',
      'a ',
      ' a',
      'é',
      'e\u0301',
      'a\u0000',
      'a\u0000b',
      'a\u0000c',
      'ａ',
      'ß',
      'ss',
      'İ',
      'i',
      '1',
      '01',
    ];
    const { run } = await fill(
      store,
      keys.map((key) => newJob(key)),
    );
    expect((await store.readResults(run.id, { limit: 100 })).map((row) => row.key)).toEqual(keys);
  });

  test('a key that is no Unicode is refused: two such keys would be taken for one job', async () => {
    const { store } = context;
    const { run } = await store.createRun(newRun(), start);
    for (const key of ['\ud800', 'a\udfffb', '😀\ud83d']) {
      const refused = store.addJobs(run.id, [newJob('fine'), newJob(key)], adding);
      await expect(refused).rejects.toMatchObject({ code: 'usage' });
    }
    expect(await store.readResults(run.id, { limit: 10 })).toEqual([]);
    // What merely looks like it, a pair, is fine.
    expect(await store.addJobs(run.id, [newJob('😀')], adding)).toMatchObject({ added: 1 });
  });

  test('a lone surrogate stays, as the escape that JSON gives it', async () => {
    const { store } = context;
    const body = JSON.stringify({ input: 'a\ud800b\udfff' });
    expect(body).toContain('\\ud800');
    const { lane, run } = await fill(store, [newJob('x', body)]);
    const [claimed] = await store.claimJobs(lane, 1, leaseFor());
    expect(claimed?.body).toBe(body);
    await store.book(claimed ? [succeeded(claimed, { output: body, response: body })] : [], undefined);
    expect(first(await store.readResults(run.id, { limit: 1 }))).toMatchObject({ output: body, response: body });
  });

  test('a body and an answer of a megabyte and more', async () => {
    const { store } = context;
    const body = JSON.stringify({ input: 'ü😀\u2028'.repeat(150_000) });
    expect(Buffer.byteLength(body)).toBeGreaterThan(1_000_000);
    const { lane, run } = await fill(store, [newJob('x', body)]);
    const { batch, lease, attempts, packed } = await sendBatch(store, lane);
    expect(packed.bytes).toBe(Buffer.byteLength(body) + idBytes(batch, first(attempts)));
    expect(first(await store.readRequests(batch.id, 0, 1)).body === body).toBe(true);
    await store.book(
      attempts.map((ref) => succeeded(ref, { output: body })),
      lease,
    );
    await endBatch(store, lease);
    expect(first(await store.readResults(run.id, { limit: 1 })).output === body).toBe(true);
  });

  test('a key of ten kilobytes', async () => {
    const { store } = context;
    const { run } = await fill(store, [newJob('k'.repeat(10_000)), newJob('k'.repeat(10_001))]);
    expect((await store.readResults(run.id, { limit: 10 })).map((row) => row.key.length)).toEqual([10_000, 10_001]);
  });

  test('descriptions come back as they went in', async () => {
    const { store } = context;
    const recipe = {
      type: 'prompt',
      __proto__: { x: 1 },
      nested: { list: [1, 'zwei', null, true], text: '\u0000\u2028' },
    };
    const { run } = await store.createRun(newRun({ recipe, source: { type: 'x', path: 'C:\\"a"' } }), start);
    expect((await store.getRun(run.id))?.recipe).toEqual(JSON.parse(JSON.stringify(recipe)));
    expect((await store.getRun(run.id))?.source).toEqual({ type: 'x', path: 'C:\\"a"' });
  });
}
