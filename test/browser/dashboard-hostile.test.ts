import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { describeDashboard, none, settled } from './dashboard-under-test.ts';
import { hostileStrings } from './hostile-strings.ts';
import { hostileWorld } from './mock/hostile-world.ts';

/** An element of a page that no page of ours has. */
const foreign =
  'main :is(script, iframe, object, embed, img, video, audio, base, meta, link, style, math, foreignObject)';

/**
 * Steps from page to page as links do, inside the browser: the code of the page stays, and a thousand texts pass through
 * it. `look` is asked on each page once it has shown what it read.
 */
async function visitAll(page: Page, paths: readonly string[], look = 'undefined', wait = 'true'): Promise<Seen[]> {
  const seen: unknown = await page.evaluate(`(async () => {
    const seen = [];
    for (const path of ${JSON.stringify(paths)}) {
      history.pushState(null, '', path);
      dispatchEvent(new PopStateEvent('popstate'));
      const until = performance.now() + 10_000;
      do await new Promise((resolve) => setTimeout(resolve, 5));
      while ((!document.querySelector('main h1') || document.querySelector('.loading') || !(${wait})) && performance.now() < until);
      seen.push({
        path,
        found: ${look},
        harm: {
          ran: globalThis.pwned ?? null,
          foreign: document.querySelectorAll(${JSON.stringify(foreign)}).length,
          handlers: [...document.querySelectorAll('body *')].filter((element) =>
            [...element.attributes].some(({ name }) => name.startsWith('on'))).length,
          links: [...document.querySelectorAll('a[href]')].filter((link) => link.origin !== location.origin).length,
          width: Math.max(0, document.documentElement.scrollWidth - innerWidth),
        },
      });
    }
    return seen;
  })()`);
  return seen as Seen[];
}

interface Seen {
  path: string;
  found: unknown;
  harm: unknown;
}

const harmless = { ran: null, foreign: 0, handlers: 0, links: 0, width: 0 };
const harmful = (seen: readonly Seen[]) =>
  seen
    .filter(({ harm }) => JSON.stringify(harm) !== JSON.stringify(harmless))
    .map(({ path, harm }) => `${path} ${JSON.stringify(harm)}`);

const lists = ['/', '/runs', '/batches', '/jobs', '/deliveries', '/alerts', '/costs', '/settings', '/queue', '/upload'];
/** As text that any transport carries: a lone surrogate is one of the strings. */
const wellFormed = (value: unknown): unknown =>
  Array.isArray(value) ? value.map(wellFormed) : typeof value === 'string' ? value.toWellFormed() : value;

describeDashboard('texts of others', ({ open }) => {
  const openHostile = async (path: string, width = 1280) => {
    const context = { viewport: { width, height: 812 } };
    const stage = await open(path, { world: hostileWorld(Date.now(), hostileStrings), context });
    await settled(stage.page);
    return stage;
  };

  test(`${hostileStrings.length} hostile strings in every text of every list run nothing and ask nobody`, {
    timeout: 60_000,
  }, async () => {
    expect(hostileStrings.length).toBeGreaterThanOrEqual(100);
    expect(new Set(hostileStrings).size).toBe(hostileStrings.length);
    const { page, faults } = await openHostile('/');
    expect(harmful(await visitAll(page, lists))).toEqual([]);
    await visitAll(page, ['/costs']);
    for (const group of ['Provider', 'Model', 'Run']) {
      await page.locator('.section-actions label', { hasText: group }).click();
      await settled(page);
      expect(harmful(await visitAll(page, ['/costs']))).toEqual([]);
    }
    expect(faults).toEqual(none);
  });

  test('each of them stands on the page of its job, letter by letter', { timeout: 120_000 }, async () => {
    const { page, faults } = await openHostile('/jobs');
    const paths = hostileStrings.map((_, index) => `/jobs/job_${(index + 1).toString(36)}`);
    const texts = `[
      ...[...document.querySelectorAll('main pre')].slice(0, 2),
      ...document.querySelectorAll('.note-bad .note-title'),
    ].map((element) => element.textContent)`;
    const seen = await visitAll(page, paths, texts, `document.querySelector('main pre')`);
    const wrong = seen.filter(({ found }, index) => {
      const text = hostileStrings[index]?.toWellFormed();
      return JSON.stringify(wellFormed(found)) !== JSON.stringify([text, text, text]);
    });
    expect(wrong).toEqual([]);
    expect(harmful(seen)).toEqual([]);
    expect(faults).toEqual(none);
  });

  test('as the name of its run with its results, and in the timeline of its batch', { timeout: 120_000 }, async () => {
    const { page, faults } = await openHostile('/runs');
    const check = async (path: (index: number) => string, indexes: number[], selector: string, wait: string) => {
      const look = `document.querySelector(${JSON.stringify(selector)})?.textContent`;
      const seen = await visitAll(page, indexes.map(path), look, wait);
      const wrong = seen.filter(
        ({ found }, place) => wellFormed(found) !== hostileStrings[indexes[place] ?? -1]?.toWellFormed(),
      );
      expect(wrong).toEqual([]);
      expect(harmful(seen)).toEqual([]);
    };
    const all = hostileStrings.map((_, index) => index);
    await check((index) => `/runs/run-${index}`, all, 'main h1', `document.querySelector('.answer')`);
    const some = all.filter((index) => index % 3 === 0);
    const step = '.timeline-text';
    await check((index) => `/batches/provider_${index + 1}`, some, step, `document.querySelector('${step}')`);
    expect(faults).toEqual(none);
  });

  test('in the address they lead to no other page and run nothing', { timeout: 120_000 }, async () => {
    const { page, mock, faults } = await openHostile('/');
    const kinds = ['runs', 'batches', 'jobs', 'deliveries'];
    const paths = hostileStrings.map(
      (text, index) => `/${kinds[index % kinds.length]}/${encodeURIComponent(text.toWellFormed())}`,
    );
    expect(harmful(await visitAll(page, paths))).toEqual([]);
    expect(mock.calls.filter(({ line }) => !line.startsWith('GET /batch/'))).toEqual([]);
    expect(faults).toEqual(none);
  });

  test('where there is no room for them, the page stays as wide as a phone', { timeout: 120_000 }, async () => {
    const { page } = await openHostile('/', 375);
    // The longest without a blank.
    const longest = hostileStrings
      .map((text, index) => ({ index, length: Math.max(...text.split(/\s/).map((word) => word.length)) }))
      .sort((a, b) => b.length - a.length)
      .slice(0, 12);
    const own = longest.flatMap(({ index }) => [
      `/jobs/job_${(index + 1).toString(36)}`,
      `/runs/run-${index}`,
      `/batches/provider_${index + 1}`,
    ]);
    expect(harmful(await visitAll(page, [...lists, ...own]))).toEqual([]);
  });
});
