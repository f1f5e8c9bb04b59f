import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { describeDashboard, none, settled } from './dashboard-under-test.ts';
import { emptyWorld } from './mock/world.ts';

const fileOf = (name: string, text: string) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });

/** The longest piece of work during which nothing else can happen in the page, in milliseconds. */
const watchTasks = `
  globalThis.longestTask = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) globalThis.longestTask = Math.max(globalThis.longestTask, duration);
  }).observe({ type: 'longtask' });
`;

describeDashboard('uploading a file', ({ open }) => {
  test('JSONL with bad lines: the good ones are queued in chunks, the bad ones are named', async () => {
    const { page, mock, faults } = await open('/upload', { world: emptyWorld(Date.now()) });
    await settled(page);
    const lines = Array.from({ length: 2500 }, (_, index) => JSON.stringify({ creative_id: `ad-${index + 1}` }));
    lines[6] = '{"creative_id": ';
    lines[1499] = '{"provider": "nobody", "data": {"creative_id": "x"}}';
    await page.getByLabel('JSONL or CSV file').setInputFiles(fileOf('night.jsonl', lines.join('\n')));
    // Looked at first: nothing was sent.
    await page.getByRole('button', { name: 'Queue 2,499 jobs' }).waitFor();
    await page.getByText('Line 7').waitFor();
    expect(mock.calls.filter(({ line }) => line.includes('bulk'))).toEqual([]);

    await page.getByRole('button', { name: 'Queue 2,499 jobs' }).click();
    await page.locator('.note-good', { hasText: '2,498 jobs queued, 2 lines refused' }).waitFor();
    await page.getByText('Line 1,500').waitFor();
    await page.getByText('nobody is not set up').waitFor();
    const calls = mock.calls.filter(({ line }) => line === 'POST /batch/queue/bulk');
    expect(calls.map(({ body }) => (Array.isArray(body) ? body.length : 0))).toEqual([1000, 1000, 499]);
    expect(new Set(calls.map((call) => call.idempotencyKey)).size).toBe(3);
    expect(mock.world.jobs.count).toBe(2498);
    expect(faults).toEqual(none);
  });

  test('a call that fails on the way is repeated under its key', async () => {
    const { page, mock } = await open('/upload', { world: emptyWorld(Date.now()) });
    await settled(page);
    mock.failNext('/batch/queue/bulk', 503);
    await page.getByLabel('JSONL or CSV file').setInputFiles(fileOf('a.jsonl', '{"a":1}\n{"a":2}\n'));
    await page.getByRole('button', { name: 'Queue 2 jobs' }).click();
    await page.locator('.note-good', { hasText: '2 jobs queued' }).waitFor();
    const keys = mock.calls.filter(({ line }) => line.endsWith('/bulk')).map((call) => call.idempotencyKey);
    expect(keys).toHaveLength(2);
    expect(keys[1]).toBe(keys[0]);
  });

  test('CSV: columns become the job, its prompt and its data', async () => {
    const { page, mock } = await open('/upload', { world: emptyWorld(Date.now()) });
    await settled(page);
    await page.getByLabel('Default job type').selectOption('hook_generation');
    const csv = 'priority,prompt,campaign\n9,"Two\nlines, one cell",c-1\n11,Too urgent,c-2\n5,Short row\n';
    await page.getByLabel('JSONL or CSV file').setInputFiles(fileOf('jobs.csv', csv));
    await page.getByText('priority must be a whole number from 1 to 10').waitFor();
    await page.getByText('has 2 fields, the first line has 3').waitFor();
    await page.getByRole('button', { name: 'Queue 1 job' }).click();
    await page.locator('.note-good').waitFor();
    const { body } = mock.calls.find(({ line }) => line.endsWith('/bulk')) ?? {};
    expect(body).toEqual([
      {
        job_type: 'hook_generation',
        provider: 'openai',
        priority: 9,
        data: { campaign: 'c-1', messages: [{ role: 'user', content: 'Two\nlines, one cell' }] },
      },
    ]);
  });

  test('100,000 lines do not freeze the page', { timeout: 120_000 }, async () => {
    const { page, mock } = await open('/upload', { world: emptyWorld(Date.now()), script: watchTasks });
    await settled(page);
    const script = 'A video about a strong back. '.repeat(8);
    const lines = Array.from({ length: 100_000 }, (_, index) => `{"creative_id":"ad-${index}","script":"${script}"}`);
    const folder = mkdtempSync(join(tmpdir(), 'offpeak-upload-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'large.jsonl'), lines.join('\n'));
    await page.getByLabel('JSONL or CSV file').setInputFiles(join(folder, 'large.jsonl'));
    await page.getByRole('button', { name: 'Queue 100,000 jobs' }).click({ timeout: 60_000 });
    await page.locator('.note-good', { hasText: '100,000 jobs queued' }).waitFor({ timeout: 90_000 });
    const calls = mock.calls.filter(({ line }) => line.endsWith('/bulk'));
    expect(calls.every(({ body }) => Array.isArray(body) && body.length <= 1000)).toBe(true);
    expect(mock.world.jobs.count).toBe(100_000);
    // Some 15 ms on a machine of one's own; the rest is room for one that others share.
    expect(Number(await page.evaluate('globalThis.longestTask'))).toBeLessThan(500);
  });
});
