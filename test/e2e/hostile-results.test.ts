import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { checkInvariants } from '../support/check-invariants.ts';
import { openEngine, resultsOf } from '../support/engine-under-test.ts';
import { startHoldingProxy } from '../support/holding-proxy.ts';
import { providerNames } from '../support/providers-under-test.ts';
import { temporaryFolder, type Undo, writeDocuments } from '../support/temporary.ts';
import { openStage, sound } from './setup.ts';

vi.setConfig({ testTimeout: 60_000 });

const isResults = /\/content$|\/results$|:download$/;
const joined = (lines: readonly string[], end = '\n') => Buffer.from(lines.map((line) => line + end).join(''));
const nested = `{"custom_id":${'['.repeat(10_000)}${']'.repeat(10_000)}}`;

/** A provider whose results are rewritten on their way. */
async function startSpoiling(undo: Undo, target: string, spoil: (text: string) => Buffer): Promise<string> {
  const proxy = await startHoldingProxy(undo, target, (url, bytes) =>
    isResults.test(url.split('?')[0] ?? '') ? spoil(bytes.toString('utf8')) : bytes,
  );
  return proxy.url;
}

/** Text that is no answer to anybody: the neighbours must not notice (19, 24). */
const spoils: Record<string, (lines: string[]) => Buffer> = {
  'CRLF at the ends': (lines) => joined(lines, '\r\n'),
  'blank lines between': (lines) => joined(lines, '\n\n\n'),
  'no end of the last line': (lines) => Buffer.from(lines.join('\n')),
  'a byte order mark': (lines) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), joined(lines)]),
  'U+2028 and U+2029 in an answer': (lines) =>
    joined(lines.map((line) => line.replaceAll('speaks', 'spe\u2028\u2029ks'))),
  'a bare CR, NUL escapes, lone surrogates, 20-digit numbers': (lines) =>
    joined(
      lines.map((line) =>
        line.replaceAll('speaks', 'spe\\r\\u0000\\ud800ks').replace('{', '{"n":12345678901234567890,'),
      ),
    ),
  'invalid UTF-8 in a line of its own': (lines) =>
    Buffer.concat([Buffer.from([0xff, 0xfe, 0x80, 0x0a]), joined(lines)]),
  'a line of 10,000 brackets': (lines) => joined([nested, ...lines]),
  '__proto__, numbers and arrays for ids': (lines) =>
    joined([
      ...['"__proto__"', '"constructor"', '7', '[]', 'null', `"${'x'.repeat(10_000)}"`].map(
        (id) => `{"custom_id":${id},"key":${id},"__proto__":{"polluted":true},"response":{"status_code":200}}`,
      ),
      ...lines,
    ]),
  'ids in upper case beside the true ones': (lines) =>
    joined([...lines.map((line) => line.replace(/op-[a-z0-9]{10}/, (id) => id.toUpperCase())), ...lines]),
  'every line twice, the second with another answer': (lines) =>
    joined([...lines, ...lines.map((line) => line.replaceAll('report', 'forgery'))]),
};

describe.each(providerNames)('%s: results as nobody should send them', (api) => {
  it.concurrent.for(Object.entries(spoils))('%s', async ([, spoil], { onTestFinished }) => {
    const stage = await openStage(onTestFinished, { api, files: 6 });
    const url = await startSpoiling(onTestFinished, stage.sandbox.url, (text) =>
      spoil(text.split('\n').filter((line) => line !== '')),
    );
    const engine = stage.engine({ url, retry: { baseMs: 200, maxMs: 200 } });
    const run = await engine.finish(await engine.begin(stage.documents));
    expect(run).toMatchObject({ state: 'ended', counts: { succeeded: 6 } });
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    for (const row of (await resultsOf(engine.store, run.id)).values()) expect(row.output).not.toContain('forgery');
    expect(await stage.sandbox.ledger()).toMatchObject({ creates: 1, rowsCharged: 6 });
    expect(await stage.verdict(engine)).toMatchObject(sound);
  });
});

it('cut at every byte of three lines, cleanly: never taken for whole, nothing wrong, nothing sent again (23)', async ({
  onTestFinished,
}) => {
  const stage = await openStage(onTestFinished, { files: 3 });
  let cutAt = 0;
  let length = 1;
  const url = await startSpoiling(onTestFinished, stage.sandbox.url, (text) => {
    const bytes = Buffer.from(text);
    length = bytes.length;
    // Each reading sees one byte more, in steps; the next one is whole.
    cutAt += 1;
    return cutAt % 2 === 1 ? bytes.subarray(0, Math.floor((cutAt * length) / 24) % length) : bytes;
  });
  for (let turn = 0; turn < 12; turn++) {
    const home = join(temporaryFolder(onTestFinished), 'home');
    const engine = openEngine(onTestFinished, { home, url, key: `sk-test-turn-${turn}`, api: 'openai' });
    const documents = join(home, 'documents');
    const keys = writeDocuments(documents, 3, `turn-${turn}`);
    const run = await engine.finish(await engine.begin(documents));
    expect(run.counts).toMatchObject({ succeeded: 3, failed: 0 });
    await engine.close();
    expect(await checkInvariants({ home, attempted: keys })).toMatchObject(sound);
  }
  expect((await stage.sandbox.ledger()).rowsCharged).toBe(36);
});
