import { expect, test } from 'vitest';
import { describeDashboard, none, settled } from './dashboard-under-test.ts';
import { richWorld } from './mock/rich-world.ts';

const smallWorld = () => richWorld(Date.now(), { jobs: 40_000 });

describeDashboard('what the dashboard knows', ({ open }) => {
  test('changes are shown as they happen, and what was missed after an interruption', async () => {
    const world = smallWorld();
    const run = world.runs.find((each) => each.state === 'running');
    if (!run) throw new Error('There is no such run.');
    const { page, mock, faults } = await open(`/runs/${run.run_id}`, { world });
    await page.locator('.live', { hasText: 'Live' }).waitFor();
    await settled(page);
    run.counts.failed += 1_000_000;
    mock.tell('batch_collected', { run_id: run.run_id });
    await page.locator('.hero', { hasText: /1,000,\d{3} failed/ }).waitFor();

    // Another run's events are not its business.
    const reads = () => mock.calls.filter(({ line }) => line === `GET /batch/runs/${run.run_id}`).length;
    const before = reads();
    mock.tell('batch_collected', { run_id: 'another' });

    run.state = 'ended';
    mock.cutStreams();
    await page.locator('.live', { hasText: 'Reconnecting' }).waitFor();
    await page.locator('.live', { hasText: 'Live' }).waitFor();
    await page.locator('.page-title .tag', { hasText: 'ended' }).waitFor();
    expect(mock.streamsSince).toEqual([undefined, '102']);
    expect(reads()).toBe(before + 1);
    expect(faults).toEqual(none);
  });

  test('a thousand events at once are one more read or a few, not a thousand', async () => {
    const { page, mock } = await open('/', { world: smallWorld() });
    await page.locator('.live', { hasText: 'Live' }).waitFor();
    await settled(page);
    const reads = () => mock.calls.filter(({ line }) => line === 'GET /batch/dashboard').length;
    const before = reads();
    const [answer] = await Promise.all([
      page.waitForResponse((response) => response.url().endsWith('/batch/dashboard')),
      ...Array.from({ length: 1000 }, () => mock.tell('job_queued', {})),
    ]);
    expect(answer.ok()).toBe(true);
    expect(reads() - before).toBeLessThanOrEqual(3);
  });

  test('a token is asked for, kept in the tab only, and its role is told honestly', async () => {
    const world = smallWorld();
    const run = world.runs.find((each) => each.state === 'running');
    const tokens = { op_reader: 'read', op_queuer: 'queue' } as const;
    const { page, mock, faults } = await open(`/runs/${run?.run_id ?? ''}`, { world, tokens });
    await page.getByRole('heading', { name: 'Sign in to Offpeak' }).waitFor();
    await page.getByLabel('Token').fill('op_wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('The token is unknown or was revoked.').waitFor();
    await page.getByLabel('Token').fill('op_reader');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await settled(page);

    await page.getByRole('button', { name: 'Cancel run' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel run' }).click();
    await page.getByText('This needs a token with the role queue; this one may only read.').waitFor();
    expect(run?.state).toBe('running');

    // Neither in the address nor where it would outlive the tab.
    expect(page.url()).not.toContain('op_reader');
    expect(await page.evaluate('JSON.stringify(localStorage) + document.cookie')).not.toContain('op_reader');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in to Offpeak' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Sign in to Offpeak' }).waitFor();
    expect(mock.world.runs.length).toBeGreaterThan(0);
    expect(faults).toEqual(none);
  });

  test('what fails is said in the words of the server, and tried again on demand', async () => {
    const { page, mock } = await open('/runs/nothing', { world: smallWorld() });
    await page.getByText('There is no run nothing.').waitFor();
    mock.failNext('/batch/batches', 503);
    await page.getByRole('link', { name: 'Batches' }).click();
    await page.getByText('The store is busy.').waitFor();
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.locator('.table tbody tr').first().waitFor();
    expect(await page.getByText('The store is busy.').count()).toBe(0);
  });

  test('the theme follows the system until one is chosen, and stays chosen', async () => {
    const { page } = await open('/', { world: smallWorld(), context: { colorScheme: 'dark' } });
    await settled(page);
    const ground = () => page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
    const dark = await ground();
    await page.getByText('Light', { exact: true }).locator('..').click();
    expect(await ground()).not.toBe(dark);
    await page.reload();
    await settled(page);
    expect(await ground()).not.toBe(dark);
    await page.getByText('Like the system').locator('..').click();
    expect(await ground()).toBe(dark);
  });
});
