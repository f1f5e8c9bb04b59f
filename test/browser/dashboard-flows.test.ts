import { expect, test } from 'vitest';
import { describeDashboard, none, settled } from './dashboard-under-test.ts';
import { richWorld } from './mock/rich-world.ts';
import { emptyWorld } from './mock/world.ts';

const smallWorld = () => richWorld(Date.now(), { jobs: 40_000 });

describeDashboard('working with the dashboard', ({ open }) => {
  test('a job that is queued by hand waits, is shown with its prompt, and can be cancelled', async () => {
    const { page, mock, faults } = await open('/', { world: emptyWorld(Date.now()) });
    // Nothing yet: the next step is said, with a line for the shell.
    await page.getByText('No job has been queued yet.').waitFor();
    expect(await page.locator('pre').innerText()).toContain(`curl -X POST ${mock.url}/batch/queue`);
    await page.getByRole('link', { name: 'by hand' }).click();

    await page.getByLabel('Prompt', { exact: true }).last().fill('Why is the night cheap?');
    await page.getByLabel('Priority').fill('8');
    await page.getByRole('button', { name: 'Queue job' }).click();
    const link = page.locator('.note-good a');
    await link.waitFor();
    const { body } = mock.calls.find(({ line }) => line === 'POST /batch/queue') ?? {};
    expect(body).toEqual({
      job_type: 'creative_scoring',
      provider: 'openai',
      priority: 8,
      data: { messages: [{ role: 'user', content: 'Why is the night cheap?' }] },
    });

    await link.click();
    await page.getByText('held until its queue is sent').waitFor();
    expect(await page.locator('pre').first().innerText()).toBe('Why is the night cheap?');
    await page.getByRole('button', { name: 'Cancel job' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel job' }).click();
    await page.locator('.page-title .tag', { hasText: 'cancelled' }).waitFor();

    await page.getByRole('link', { name: 'Overview' }).click();
    await page.locator('.stat', { hasText: 'Waiting' }).getByText('1', { exact: true }).waitFor();
    expect(faults).toEqual(none);
  });

  test('a form whose answer was lost is sent again under the same idempotency key', async () => {
    const { page, mock } = await open('/queue', { world: emptyWorld(Date.now()) });
    mock.failNext('/batch/queue', 503);
    await page.getByLabel('Prompt', { exact: true }).last().fill('Once, please');
    await page.getByRole('button', { name: 'Queue job' }).click();
    await page.getByText('The store is busy.').waitFor();
    await page.getByRole('button', { name: 'Queue job' }).click();
    await page.locator('.note-good a').waitFor();
    const keys = mock.calls.filter(({ line }) => line === 'POST /batch/queue').map((call) => call.idempotencyKey);
    expect(keys).toHaveLength(2);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(keys[1]).toBe(keys[0]);
  });

  test('a run is cancelled only after a second question', async () => {
    const { page, mock, faults } = await open('/runs?state=running', { world: smallWorld() });
    await page.locator('.table tbody .column-main a').first().click();
    await page.getByRole('button', { name: 'Cancel run' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    expect(mock.calls.filter(({ line }) => line.endsWith('/cancel'))).toEqual([]);

    await page.getByRole('button', { name: 'Cancel run' }).click();
    await dialog.getByRole('button', { name: 'Cancel run' }).click();
    await page.locator('.page-title .tag', { hasText: 'ended' }).waitFor();
    await page.locator('.toast', { hasText: 'is being cancelled' }).waitFor();
    expect(mock.calls.filter(({ line }) => line.endsWith('/cancel'))).toHaveLength(1);
    expect(faults).toEqual(none);
  });

  test('settings are saved section by section; what the server refuses is said at the field', async () => {
    const { page, mock } = await open('/settings', { world: smallWorld() });
    const schedule = page.locator('section', { has: page.getByRole('heading', { name: 'Schedule' }) });
    await schedule.getByLabel('Time of day').fill('03:30');
    await schedule.getByLabel('Time zone').fill('Mars/Olympus');
    await schedule.getByRole('button', { name: 'Save' }).click();
    await schedule.locator('.field-error', { hasText: 'IANA time zone' }).waitFor();
    expect(mock.world.settings.schedule.time).toBe('02:00');

    await schedule.getByLabel('Time zone').fill('Asia/Tokyo');
    await schedule.getByRole('button', { name: 'Save' }).click();
    await page.locator('.toast', { hasText: 'Schedule: saved.' }).waitFor();
    expect(mock.world.settings.schedule).toEqual({ enabled: true, time: '03:30', time_zone: 'Asia/Tokyo' });
    const { body } = mock.calls.findLast(({ line }) => line === 'PUT /batch/settings') ?? {};
    expect(Object.keys(Object(body))).toEqual(['schedule', 'daily_report']);

    const triggers = page.locator('section', { has: page.getByRole('heading', { name: 'Triggers' }) });
    await triggers.getByRole('button', { name: 'Add an exception' }).click();
    await triggers.getByLabel('Queue').last().fill('bulk_prediction');
    await triggers.getByLabel('Jobs', { exact: true }).last().selectOption('never');
    await triggers.getByRole('button', { name: 'Save' }).click();
    await page.locator('.toast', { hasText: 'Triggers: saved.' }).waitFor();
    expect(mock.world.settings.queue_triggers.bulk_prediction).toEqual({ count: null });

    await page.getByRole('button', { name: 'Check connections' }).click();
    await page.getByText('The key was refused (401 invalid x-api-key).').waitFor();
  });

  test('lists are filtered and paged by the server, and the address keeps it', async () => {
    const { page, mock } = await open('/runs', { world: smallWorld() });
    await settled(page);
    await page.getByLabel('State').selectOption('ended');
    await page.waitForURL('**/runs?state=ended');
    const shown = page.locator('.table[aria-busy=false] tbody .column-main a').first();
    const newest = await shown.innerText();
    const slow = Promise.withResolvers<void>();
    await page.route('**/batch/runs?*before=*', async (route) => {
      await slow.promise;
      await route.continue();
    });
    const older = page.getByRole('button', { name: 'Older' });
    await older.click();
    await page.getByText('Page 2').waitFor();
    // The rows, and so the cursor behind the button, are still those of the first page.
    await older.click({ force: true });
    expect(await page.locator('.table').getAttribute('aria-busy')).toBe('true');
    slow.resolve();
    expect(await shown.innerText()).not.toBe(newest);
    expect(await page.getByText('Page 2').isVisible()).toBe(true);
    await page.getByRole('button', { name: 'Newer' }).click();
    await page.getByText('Page 1').waitFor();
    expect(await shown.innerText()).toBe(newest);

    await page.getByLabel('Name or id').fill('support tickets');
    await page.waitForURL('**search=support+tickets');
    await page.locator('.table tbody tr').nth(3).waitFor({ state: 'attached' });
    await page.locator('.table tbody tr').nth(5).waitFor({ state: 'detached' });
    await page.locator('.table tbody .column-main a').first().click();
    await page.getByRole('heading', { level: 1, name: 'Support tickets' }).waitFor();
    await page.goBack();
    await page.waitForURL('**/runs?state=ended&search=support+tickets');
    expect(await page.getByLabel('Name or id').inputValue()).toBe('support tickets');
    expect(mock.calls.some(({ line }) => line === 'GET /batch/runs')).toBe(true);
  });

  test('results come page by page, and are downloaded as they are', async () => {
    const world = smallWorld();
    const run = world.runs.find((each) => each.state === 'ended' && each.counts.total > 25);
    if (!run) throw new Error('There is no such run.');
    const { page } = await open(`/runs/${run.run_id}`, { world });
    const results = page.locator('section', { has: page.getByRole('heading', { name: 'Results' }) });
    await results.getByRole('button', { name: 'Next' }).click();
    await results.getByText('Page 2').waitFor();
    expect(await results.locator('tbody tr').count()).toBe(10);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      results.getByRole('button', { name: 'download' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe(`${run.run_id}.jsonl`);
  });

  test('deliveries are sent again, queues by hand, the schedule is paused', async () => {
    const { page, mock, faults } = await open('/deliveries?state=failed', { world: smallWorld() });
    await page.getByRole('button', { name: 'Redeliver' }).first().click();
    await page.getByRole('dialog').getByRole('button', { name: 'Send again' }).click();
    await page.locator('.toast', { hasText: 'is sent again' }).waitFor();

    await page.getByRole('link', { name: 'Overview' }).click();
    await page.getByRole('button', { name: 'Send Creative scoring at openai' }).click();
    await page.getByLabel('At most so many jobs').fill('100');
    await page.getByRole('dialog').getByRole('button', { name: 'Send now' }).click();
    await page.locator('.toast', { hasText: '100 jobs are on their way' }).waitFor();
    await page.getByRole('button', { name: 'Pause schedule' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
    await page.getByText('The nightly schedule is off').waitFor();
    expect(mock.world.settings.schedule.enabled).toBe(false);
    expect(faults).toEqual(none);
  });

  test('answers of the sandbox are marked on every page', async () => {
    const world = richWorld(Date.now(), { jobs: 40_000, simulated: true });
    const { page } = await open('/costs', { world });
    await page.locator('.banner', { hasText: 'answered by the sandbox' }).waitFor();
    await page.getByRole('link', { name: 'Runs' }).click();
    await page.locator('.tag-simulated').first().waitFor();
    await page.locator('.banner').waitFor();
  });
});
