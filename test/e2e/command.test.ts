import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { checkInvariants } from '../support/check-invariants.ts';
import { runCommand, wordsOf } from '../support/command.ts';
import { ledgerOfHome } from '../support/sandbox-process.ts';
import { temporaryFolder, type Undo, writeConfig, writeDocuments } from '../support/temporary.ts';
import { openStage, sound } from './setup.ts';

vi.setConfig({ testTimeout: 90_000 });

/** A home and a folder of documents, without a provider. */
function openFolder(undo: Undo, files = 3) {
  const folder = temporaryFolder(undo);
  const documents = join(folder, 'documents');
  const keys = writeDocuments(documents, files);
  return { folder, home: join(folder, 'home'), documents, keys };
}

async function openWithProvider(undo: Undo, options: Parameters<typeof openStage>[1] = {}) {
  const stage = await openStage(undo, { files: 3, ...options });
  writeConfig(stage.home, 'providers:\n  openai:\n    poll_interval: 0.02\n');
  const offpeak = (args: readonly string[], env: Record<string, string> = {}) =>
    runCommand(args, { home: stage.home, sandbox: stage.sandbox.url, env, cwd: stage.folder });
  return { ...stage, offpeak };
}

const ask = ['--prompt', 'Summarize this document'];

/** Ids, times and durations differ in each run; all else must not. */
function masked(text: string, folder: string): string {
  return text
    .replaceAll(folder, '<folder>')
    .replace(/run-\d{8}-\d{6}-\w{4}/g, '<run>')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '<time>')
    .replace(/("processing_time": ?)[\d.]+/g, '$1<seconds>')
    .replace(/("job": ?)\d+/g, '$1<job>')
    .replace(/(Processing Time:\*\* )[\d.]+ s/g, '$1<seconds>')
    .replace(/(,success,(?:"[^"]*"|[^,]*),)[\d.]+,/g, '$1<seconds>,');
}

describe.concurrent('offpeak run, over HTTP to a provider in another process', () => {
  it('writes exact JSON, CSV, Markdown and JSONL', async ({ onTestFinished, expect }) => {
    const stage = await openWithProvider(onTestFinished);
    writeFileSync(join(stage.documents, 'zz-empty.txt'), '  \n');
    const output = (name: string) => join(stage.folder, name);
    const run = await stage.offpeak(['run', stage.documents, ...ask, '--output', output('results.json')]);
    // One file is empty: it is skipped, and the exit code says that not all is well.
    expect(run.exitCode, wordsOf(run)).toBe(1);
    for (const name of ['results.csv', 'results.md', 'results.jsonl']) {
      const exported = await stage.offpeak(['export', '--output', output(name)]);
      expect(exported.exitCode, wordsOf(exported)).toBe(0);
    }
    for (const name of ['results.json', 'results.csv', 'results.md', 'results.jsonl']) {
      const text = masked(readFileSync(output(name), 'utf8'), stage.folder);
      await expect(text).toMatchFileSnapshot(`golden/${name}.txt`);
    }
    expect(await stage.sandbox.ledger()).toMatchObject({ creates: 1, rowsCharged: 3 });
    expect(readdirSync(stage.folder).filter((name) => name.includes('partial') || name.startsWith('.'))).toEqual([]);
  });

  it('--json prints JSON and nothing else on stdout', async ({ onTestFinished }) => {
    const stage = await openWithProvider(onTestFinished);
    const run = await stage.offpeak(['run', stage.documents, ...ask, '--json']);
    expect(run.exitCode, wordsOf(run)).toBe(0);
    expect(JSON.parse(run.stdout)).toMatchObject({
      summary: { total: 3, successful: 3, failed: 0 },
      results: stage.keys.map((file) => ({ file, status: 'success' })),
    });
    for (const args of [
      ['runs', '--json'],
      ['show', '--json'],
      ['batches', '--json'],
      ['results', '--json'],
      ['config', '--json'],
    ]) {
      const viewed = await stage.offpeak(args);
      expect(viewed.exitCode, wordsOf(viewed)).toBe(0);
      expect(JSON.parse(viewed.stdout)).toBeTypeOf('object');
    }
    expect(JSON.parse((await stage.offpeak(['config', '--json'])).stdout)).not.toMatchObject({
      settings: [{ value: /sk-test/ }],
    });
  });

  it('the key is in no output and no file of the home', async ({ onTestFinished }) => {
    const stage = await openWithProvider(onTestFinished, {
      faults: { routes: [{ method: 'POST', path: '/v1/batches', fault: { type: 'status', status: 401 } }] },
    });
    const key = 'sk-canary-5f1d7c0be9aa4';
    const outputs = [];
    for (const args of [['run', stage.documents, ...ask], ['config'], ['doctor'], ['show'], ['resume']]) {
      outputs.push(await stage.offpeak(args, { OPENAI_API_KEY: key, OFFPEAK_DEBUG: '1' }));
    }
    for (const { stdout, stderr } of outputs) expect(stdout + stderr).not.toContain(key);
    for (const name of readdirSync(stage.home)) {
      expect(readFileSync(join(stage.home, name)).includes(key), name).toBe(false);
    }
  });

  it('run again: nothing is sent, and it says so; --fresh sends; one changed file is one request', async ({
    onTestFinished,
  }) => {
    const stage = await openWithProvider(onTestFinished);
    const args = ['run', stage.documents, ...ask];
    const rowsAfter = async (more: readonly string[] = []) => {
      const run = await stage.offpeak([...args, ...more]);
      expect(run.exitCode, wordsOf(run)).toBe(0);
      const { creates, rowsCharged } = await stage.sandbox.ledger();
      return { creates, rowsCharged, words: run.stderr };
    };
    expect(await rowsAfter()).toMatchObject({ creates: 1, rowsCharged: 3 });
    const again = await rowsAfter();
    expect(again).toMatchObject({ creates: 1, rowsCharged: 3 });
    expect(again.words).toMatch(/reused[^\n]*\b3\b|\b3\b[^\n]*reused/i);
    writeFileSync(join(stage.documents, stage.keys[1] ?? ''), 'This one is new, marker-report-0002-txt-end and all.\n');
    expect(await rowsAfter()).toMatchObject({ creates: 2, rowsCharged: 4 });
    expect(await rowsAfter(['--fresh'])).toMatchObject({ creates: 3, rowsCharged: 7 });
  });

  it('resume sends what failed and what has become readable, and nothing else', async ({ onTestFinished }) => {
    const stage = await openWithProvider(onTestFinished, {
      faults: {
        rows: [
          {
            match: { contains: 'report-0002', attempt: 1 },
            fault: { type: 'error', status: 400, message: 'Not today.' },
          },
        ],
      },
    });
    writeFileSync(join(stage.documents, 'zz-late.txt'), '');
    const first = await stage.offpeak(['run', stage.documents, ...ask]);
    expect(first.exitCode, wordsOf(first)).toBe(1);
    expect(first.stderr).toMatch(/2 of 4 succeeded, 1 failed, 1 skipped/);
    const shown = await stage.offpeak(['show']);
    expect(shown.stdout).toContain('Not today.');
    expect(await stage.sandbox.ledger()).toMatchObject({ creates: 1, rowsExecuted: 3, rowsCharged: 2 });
    writeFileSync(join(stage.documents, 'zz-late.txt'), 'Now there is marker-zz-late-txt-end in it.\n');
    const second = await stage.offpeak(['resume']);
    expect(second.exitCode, wordsOf(second)).toBe(0);
    expect(await stage.sandbox.ledger()).toMatchObject({ rowsExecuted: 5, rowsCharged: 4 });
    const verdict = await checkInvariants({
      home: stage.home,
      ledger: await stage.sandbox.ledger(),
      attempted: [...stage.keys, 'zz-late.txt'],
    });
    expect(verdict).toMatchObject(sound);
  });

  it('resume of a skipped file alone that has become readable', async ({ onTestFinished }) => {
    const stage = await openWithProvider(onTestFinished);
    writeFileSync(join(stage.documents, 'zz-late.txt'), '');
    expect((await stage.offpeak(['run', stage.documents, ...ask])).exitCode).toBe(1);
    writeFileSync(join(stage.documents, 'zz-late.txt'), 'Now there is marker-zz-late-txt-end in it.\n');
    const second = await stage.offpeak(['resume']);
    expect(second.exitCode, wordsOf(second)).toBe(0);
    expect(await stage.sandbox.ledger()).toMatchObject({ creates: 2, rowsCharged: 4 });
  });

  it('images are seen, without being asked for', async ({ onTestFinished }) => {
    const stage = await openWithProvider(onTestFinished);
    const image = readFileSync(new URL('../fixtures/files/images/test_colors.png', import.meta.url));
    writeFileSync(join(stage.documents, 'a-picture.png'), image);
    const run = await stage.offpeak(['run', stage.documents, ...ask, '--json']);
    expect(run.exitCode, wordsOf(run)).toBe(0);
    expect(JSON.parse(run.stdout).results[0]).toMatchObject({ file: 'a-picture.png', status: 'success' });
    expect((await stage.sandbox.ledger()).inputTokens).toBeGreaterThan(765);
    const vision = await stage.offpeak(['run', stage.documents, ...ask, '--vision', '--json']);
    expect(vision.exitCode, wordsOf(vision)).toBe(1);
    expect(JSON.parse(vision.stdout).summary).toMatchObject({ total: 4, successful: 1, skipped: 3 });
  });

  it('a schema: every result is a JSON value that keeps to it', async ({ onTestFinished }) => {
    const stage = await openWithProvider(onTestFinished);
    const schema = { type: 'object', properties: { summary: { type: 'string' } }, required: ['summary'] };
    writeFileSync(join(stage.folder, 'schema.json'), JSON.stringify(schema));
    const run = await stage.offpeak(['run', stage.documents, ...ask, '--schema', 'schema.json', '--json']);
    expect(run.exitCode, wordsOf(run)).toBe(0);
    for (const row of JSON.parse(run.stdout).results) expect(row.result).toEqual({ summary: expect.any(String) });
  });

  it('a server without a batch API: realtime, and a note', async ({ onTestFinished }) => {
    const stage = await openWithProvider(onTestFinished, { flags: ['--no-batch-api'] });
    const run = await stage.offpeak(['run', stage.documents, ...ask]);
    expect(run.exitCode, wordsOf(run)).toBe(0);
    expect(run.stderr).toContain('no batch API');
    expect(await stage.sandbox.ledger()).toMatchObject({ realtimeCalls: 3, creates: 0 });
  });

  it('Ollama: realtime, no cost', async ({ onTestFinished }) => {
    const stage = await openWithProvider(onTestFinished);
    const run = await stage.offpeak(['run', stage.documents, ...ask, '--model', 'ollama:llama3.2', '--json']);
    expect(run.exitCode, wordsOf(run)).toBe(0);
    expect(JSON.parse(run.stdout).summary).toMatchObject({ total: 3, successful: 3 });
    expect(await stage.sandbox.ledger()).toMatchObject({ realtimeCalls: 3, creates: 0, chargedNanoUsd: 0 });
  });

  it('realtime by choice: the same answers, charged in full', async ({ onTestFinished }) => {
    const stage = await openWithProvider(onTestFinished);
    const run = await stage.offpeak(['run', stage.documents, ...ask, '--mode', 'realtime']);
    expect(run.exitCode, wordsOf(run)).toBe(0);
    const ledger = await stage.sandbox.ledger();
    expect(ledger).toMatchObject({ realtimeCalls: 3, creates: 0, rowsCharged: 3 });
    expect(await checkInvariants({ home: stage.home, ledger, attempted: stage.keys })).toMatchObject(sound);
  });

  it('a file of requests', async ({ onTestFinished }) => {
    const stage = await openWithProvider(onTestFinished);
    const lines = [1, 2, 3].map((n) =>
      JSON.stringify({
        custom_id: `question-${n}`,
        method: 'POST',
        url: '/v1/chat/completions',
        body: { model: 'gpt-5-mini', messages: [{ role: 'user', content: `Question ${n}?` }] },
      }),
    );
    writeFileSync(join(stage.folder, 'requests.jsonl'), `${lines.join('\n')}\n`);
    const run = await stage.offpeak(['run', 'requests.jsonl', '--format', 'jsonl']);
    expect(run.exitCode, wordsOf(run)).toBe(0);
    const rows = run.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows.map((row) => row.file)).toEqual(['question-1', 'question-2', 'question-3']);
    expect(await stage.sandbox.ledger()).toMatchObject({ creates: 1, rowsCharged: 3 });
  });

  it('--no-wait ends when all is submitted, and resume follows it to its end', async ({ onTestFinished }) => {
    const stage = await openWithProvider(onTestFinished, { flags: ['--in-progress-ms', '60000'] });
    const submitted = await stage.offpeak(['run', stage.documents, ...ask, '--no-wait']);
    expect(submitted.exitCode, wordsOf(submitted)).toBe(0);
    expect(submitted.stderr).toMatch(/offpeak resume run-/);
    expect(await stage.sandbox.ledger()).toMatchObject({ creates: 1, rowsCharged: 0 });
    await stage.sandbox.advance(61_000);
    const resumed = await stage.offpeak(['resume']);
    expect(resumed.exitCode, wordsOf(resumed)).toBe(0);
    expect(await stage.sandbox.ledger()).toMatchObject({ creates: 1, rowsCharged: 3 });
  });
});

describe.concurrent('exit codes and what is said', () => {
  /** Each ends with its code and says what to do; nothing is sent, no run is made. */
  const wrong: readonly [name: string, args: readonly string[], code: number, words: RegExp][] = [
    ['an unknown flag', ['run', 'documents', ...ask, '--sandbox', '--colour', 'red'], 2, /unknown option '--colour'/],
    ['an unknown command', ['rnu', 'documents'], 2, /unknown command 'rnu'/],
    ['no prompt', ['run', 'documents', '--sandbox'], 2, /--prompt/],
    ['no source', ['run', ...ask, '--sandbox'], 2, /Name a folder/],
    ['a folder that is not there', ['run', 'nowhere', ...ask, '--sandbox'], 2, /nowhere/],
    ['no file that matches', ['run', 'documents', ...ask, '--sandbox', '--pattern', '*.pdf'], 2, /Nothing matches/],
    ['no key', ['run', 'documents', ...ask], 2, /OPENAI_API_KEY|--sandbox/],
    ['a model of nobody', ['run', 'documents', ...ask, '--model', 'acme:x', '--sandbox'], 2, /acme:x/],
    ['a bad mode', ['run', 'documents', ...ask, '--mode', 'fast', '--sandbox'], 2, /--mode/],
    ['a bad number', ['run', 'documents', ...ask, '--retries', 'three', '--sandbox'], 2, /--retries/],
    ['a bad format', ['run', 'documents', ...ask, '--format', 'xml', '--sandbox'], 2, /--format/],
    ['a run that is not there', ['show', 'run-19990101-000000-aaaa'], 2, /no run/i],
    ['no run at all', ['resume'], 2, /no runs yet/i],
    [
      'an output folder that is not there',
      ['run', 'documents', ...ask, '--sandbox', '-o', 'no/such/x.json'],
      2,
      /no\/such/,
    ],
    [
      'an output that is a folder',
      ['run', 'documents', ...ask, '--sandbox', '-o', 'documents', '--format', 'json'],
      2,
      /folder/,
    ],
    [
      'a schema that is none',
      ['run', 'documents', ...ask, '--sandbox', '--schema', 'documents/report-0001.txt'],
      2,
      /JSON/,
    ],
  ];
  it.for(wrong)('%s', async ([, args, code, words], { onTestFinished }) => {
    const { folder, home } = openFolder(onTestFinished);
    const result = await runCommand(args, { home, cwd: folder });
    expect(result.exitCode, wordsOf(result)).toBe(code);
    expect(result.stderr).toMatch(words);
    expect(result.stderr, 'a stack trace').not.toMatch(/\n\s+at /);
    expect(result.stdout).toBe('');
    const runs = await runCommand(['runs', '--json'], { home });
    expect(JSON.parse(runs.stdout), 'a run was left behind').toEqual([]);
  });

  it('an unknown run id, where there are runs', async ({ onTestFinished }) => {
    const { folder, home } = openFolder(onTestFinished, 1);
    await runCommand(['run', 'documents', ...ask, '--sandbox'], { home, cwd: folder });
    for (const name of ['show', 'results', 'export', 'resume', 'retry', 'cancel']) {
      const result = await runCommand([name, 'run-1999'], { home });
      expect(result.exitCode, wordsOf(result)).toBe(2);
      expect(result.stderr).toContain('There is no run run-1999');
    }
  });

  it('an unknown setting in config.yaml is named', async ({ onTestFinished }) => {
    const { folder, home } = openFolder(onTestFinished);
    writeConfig(home, 'batch:\n  max_concurency: 5\n');
    const result = await runCommand(['run', 'documents', ...ask, '--sandbox'], { home, cwd: folder });
    expect(result.exitCode, wordsOf(result)).toBe(2);
    expect(result.stderr).toContain('batch.max_concurency');
  });

  it('Ollama is down: 3, and how to start it; nothing is lost', async ({ onTestFinished }) => {
    const { folder, home } = openFolder(onTestFinished);
    const result = await runCommand(['run', 'documents', ...ask, '--model', 'ollama:llama3.2'], {
      home,
      cwd: folder,
      env: { OLLAMA_HOST: 'http://127.0.0.1:9' },
      timeoutMs: 60_000,
    });
    expect(result.exitCode, wordsOf(result)).toBe(3);
    expect(result.stderr).toContain('ollama serve');
    expect(result.stderr).toMatch(/offpeak resume run-/);
    const shown = JSON.parse((await runCommand(['show', '--json'], { home })).stdout);
    expect(shown.jobs).toMatchObject({ total: 3, queued: 3, failed: 0 });
  });

  it('a wrong key: 3, and its last characters at most', async ({ onTestFinished }) => {
    const stage = await openWithProvider(onTestFinished);
    const result = await stage.offpeak(['run', stage.documents, ...ask], { OPENAI_API_KEY: 'sk-invalid-0123456789' });
    expect(result.exitCode, wordsOf(result)).toBe(3);
    expect(result.stderr).toMatch(/API key/);
    expect(result.stderr).not.toContain('sk-invalid-0123456789');
    // With the right key the same command is another account's run: nothing is in its way.
    const again = await stage.offpeak(['run', stage.documents, ...ask]);
    expect(again.exitCode, wordsOf(again)).toBe(0);
  });

  it('a disk that is full at the end: 3, and the results are still there', async ({ onTestFinished }) => {
    const { folder, home, keys } = openFolder(onTestFinished);
    const args = ['run', 'documents', ...ask, '--sandbox', '--output', '/dev/full', '--format', 'json'];
    const result = await runCommand(args, { home, cwd: folder });
    expect(result.exitCode, wordsOf(result)).toBe(3);
    expect(result.stderr).toContain('/dev/full');
    const exported = await runCommand(['export', '-o', join(folder, 'again.json')], { home });
    expect(exported.exitCode, wordsOf(exported)).toBe(0);
    expect(JSON.parse(readFileSync(join(folder, 'again.json'), 'utf8')).summary.successful).toBe(3);
    expect(await checkInvariants({ home, ledger: await ledgerOfHome(home), attempted: keys })).toMatchObject(sound);
  });

  it('an export onto a full disk: 3, without a stack trace', async ({ onTestFinished }) => {
    const { folder, home } = openFolder(onTestFinished);
    await runCommand(['run', 'documents', ...ask, '--sandbox', '--json'], { home, cwd: folder });
    const exported = await runCommand(['export', '-o', '/dev/full', '--format', 'json'], { home });
    expect(exported.exitCode, wordsOf(exported)).toBe(3);
    expect(exported.stderr).not.toMatch(/\n\s+at /);
  });

  it('a dry run sends and stores nothing', async ({ onTestFinished }) => {
    const { folder, home } = openFolder(onTestFinished);
    const result = await runCommand(['run', 'documents', ...ask, '--sandbox', '--dry-run'], { home, cwd: folder });
    expect(result.exitCode, wordsOf(result)).toBe(0);
    expect(result.stderr).toMatch(/3 requests/);
    expect(existsSync(join(home, 'offpeak.db'))).toBe(false);
  });

  it('a damaged store is named and left as it is', async ({ onTestFinished }) => {
    const { folder, home } = openFolder(onTestFinished);
    mkdirSync(home, { recursive: true });
    const damage = Buffer.alloc(8192, 'not a database ');
    writeFileSync(join(home, 'offpeak.db'), damage);
    const result = await runCommand(['run', 'documents', ...ask, '--sandbox'], { home, cwd: folder });
    expect(result.exitCode, wordsOf(result)).toBe(3);
    expect(result.stderr).toContain('offpeak.db');
    expect(readFileSync(join(home, 'offpeak.db')).equals(damage)).toBe(true);
  });
});
