import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { describeDashboard, none, settled } from './dashboard-under-test.ts';
import { richWorld } from './mock/rich-world.ts';
import { emptyWorld, type World } from './mock/world.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const richSmall = () => richWorld(Date.now(), { jobs: 40_000, simulated: true });

/** Every page, with ids that exist. */
function pagesOf(world: World): string[] {
  const running = world.runs.find((run) => run.state === 'running');
  const failed = world.jobs.get(world.firstJob.get(running?.run_id ?? '') ?? 1);
  return [
    '/',
    '/runs',
    `/runs/${running?.run_id ?? ''}`,
    '/batches',
    `/batches/${world.batches.find((batch) => batch.status === 'completed')?.batch_id ?? ''}`,
    '/jobs',
    `/jobs/${failed?.job_id ?? ''}`,
    '/queue',
    '/upload',
    '/costs',
    '/deliveries',
    '/deliveries/3',
    '/alerts?all=true',
    '/settings',
    '/no-such-page',
    '/runs/no-such-run',
  ];
}

async function step(page: Page, path: string): Promise<void> {
  await page.evaluate(
    `history.pushState(null, '', ${JSON.stringify(path)}); dispatchEvent(new PopStateEvent('popstate'))`,
  );
  await settled(page);
}

/** What axe finds, in words. Rules of WCAG 2.2 AA and the best practices. */
async function violations(page: Page): Promise<string[]> {
  const found: unknown = await page.evaluate(`axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    resultTypes: ['violations'],
  }).then(({ violations }) => violations.map(({ id, nodes }) =>
    id + ': ' + nodes.slice(0, 3).map((node) => node.html.slice(0, 160) + ' ' + (node.any[0]?.message ?? '')).join(' | ')))`);
  return found as string[];
}

/** What sticks out of the window or of its place. */
async function overflow(page: Page): Promise<string[]> {
  const found: unknown = await page.evaluate(`(() => {
    const out = [];
    if (document.documentElement.scrollWidth > innerWidth) out.push('page ' + document.documentElement.scrollWidth);
    for (const table of document.querySelectorAll('table')) {
      const over = table.getBoundingClientRect().right - table.parentElement.getBoundingClientRect().right;
      if (over > 1) out.push(table.caption?.textContent + ' +' + Math.round(over));
    }
    return out;
  })()`);
  return found as string[];
}

describeDashboard('reading and using the dashboard', ({ open }) => {
  test.each(['light', 'dark'] as const)('axe finds nothing on any page, %s', { timeout: 180_000 }, async (theme) => {
    const world = richSmall();
    const { page, faults } = await open('/', { world, script: axe, context: { colorScheme: theme } });
    await settled(page);
    for (const path of pagesOf(world)) {
      await step(page, path);
      expect(await violations(page), path).toEqual([]);
    }
    await step(page, pagesOf(world)[2] ?? '');
    await page.getByRole('button', { name: 'Cancel run' }).click();
    expect(await violations(page), 'dialog').toEqual([]);
    expect(faults).toEqual(none);
  });

  test('nor as on a phone, nor where nothing is there yet, nor before the sign-in', { timeout: 120_000 }, async () => {
    const context = { viewport: { width: 375, height: 812 } };
    const world = richSmall();
    const { page } = await open('/', { world, script: axe, context });
    await settled(page);
    await page.getByRole('button', { name: 'Menu' }).click();
    expect(await violations(page), 'menu').toEqual([]);
    for (const path of pagesOf(world).slice(0, 5)) {
      await step(page, path);
      expect(await violations(page), path).toEqual([]);
    }
    const empty = await open('/', { world: emptyWorld(Date.now()), script: axe, context });
    for (const path of ['/', '/runs', '/batches', '/jobs', '/costs', '/deliveries', '/alerts']) {
      await step(empty.page, path);
      expect(await violations(empty.page), path).toEqual([]);
    }
    const locked = await open('/', { world: emptyWorld(Date.now()), script: axe, tokens: {} });
    await locked.page.getByLabel('Token').waitFor();
    expect(await violations(locked.page), 'sign-in').toEqual([]);
  });

  test('nothing sticks out, from a phone to a desk', { timeout: 180_000 }, async () => {
    const world = richSmall();
    const { page } = await open('/', { world });
    await settled(page);
    const found: string[] = [];
    for (const path of pagesOf(world)) {
      await step(page, path);
      for (const width of [375, 600, 700, 768, 860, 1024, 1150, 1280, 1440]) {
        await page.setViewportSize({ width, height: 900 });
        for (const words of await overflow(page)) found.push(`${path} at ${width}: ${words}`);
      }
    }
    expect(found).toEqual([]);
  });

  test('by keyboard alone: past the navigation, through the page, into a dialog and back', async () => {
    const world = richSmall();
    const { page } = await open('/', { world });
    await settled(page);
    const focused = () =>
      page.evaluate(`(() => {
        const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
        const label = document.activeElement.closest('label') ?? document.activeElement;
        return {
          name: (document.activeElement.getAttribute('aria-label') ?? label.textContent).trim(),
          isSeen: outlineStyle !== 'none' && outlineWidth !== '0px'
            || getComputedStyle(label).outlineStyle !== 'none',
        };
      })()`) as Promise<{ name: string; isSeen: boolean }>;

    await page.keyboard.press('Tab');
    expect((await focused()).name).toBe('To the content');
    const names: string[] = [];
    for (let index = 0; index < 60; index += 1) {
      await page.keyboard.press('Tab');
      const { name, isSeen } = await focused();
      expect(isSeen, name).toBe(true);
      names.push(name);
      if (name === 'Send all now') break;
    }
    for (const name of ['Offpeak', 'Overview', 'Runs', 'Settings', 'Like the system', 'Send all now']) {
      expect(names).toContain(name);
    }

    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Send all queues now?' });
    await dialog.waitFor();
    for (let index = 0; index < 5; index += 1) {
      await page.keyboard.press('Tab');
      expect(
        await page.evaluate(`document.activeElement === document.body || !!document.activeElement.closest('dialog')`),
      ).toBe(true);
    }
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    expect((await focused()).name).toBe('Send all now');

    // A step to another page takes the focus to its title.
    await page.getByRole('link', { name: 'Jobs', exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Jobs' }).waitFor();
    expect((await focused()).name).toBe('Jobs');
    expect(await page.title()).toBe('Jobs · Offpeak');

    await page.reload();
    await settled(page);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
  });
});
