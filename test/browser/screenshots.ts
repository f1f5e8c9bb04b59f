import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Undo } from '../support/temporary.ts';
import { openBrowser } from './open-browser.ts';

/**
 * `node test/browser/screenshots.ts --url http://127.0.0.1:8003 --out docs/images [--only overview,run]`: each page, light
 * and dark, wide and as on a phone. Ids of a run, a batch and a job are asked of the server.
 */
const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    out: { type: 'string', default: '.tmp/screenshots' },
    only: { type: 'string' },
    sizes: { type: 'string', default: '1280,375' },
    themes: { type: 'string', default: 'light,dark' },
    /** The whole page, not only what is seen first. */
    full: { type: 'boolean', default: false },
  },
});
const base = values.url ?? 'http://127.0.0.1:8003';

/** The path of the first thing that one of the listings holds; undefined: there is none, and no picture of it. */
async function firstOf(page: string, list: string, id: string, ...paths: string[]): Promise<string | undefined> {
  for (const path of paths) {
    const answer: unknown = await (await fetch(`${base}/batch/${path}`)).json();
    const rows: unknown = Reflect.get(Object(answer), list);
    const row: unknown = Array.isArray(rows) ? rows[0] : undefined;
    if (row !== undefined) return `/${page}/${encodeURIComponent(String(Reflect.get(Object(row), id)))}`;
  }
  return undefined;
}

const pages: Record<string, string | undefined> = {
  overview: '/',
  runs: '/runs',
  run: await firstOf('runs', 'runs', 'run_id', 'runs?state=running', 'runs?state=ended', 'runs'),
  batches: '/batches',
  batch: await firstOf('batches', 'batches', 'batch_id', 'batches'),
  jobs: '/jobs',
  job: await firstOf('jobs', 'jobs', 'job_id', 'jobs?state=succeeded', 'jobs'),
  'failed-job': await firstOf('jobs', 'jobs', 'job_id', 'jobs?state=failed'),
  queue: '/queue',
  upload: '/upload',
  costs: '/costs',
  deliveries: '/deliveries',
  delivery: await firstOf('deliveries', 'deliveries', 'delivery_id', 'deliveries?state=failed', 'deliveries'),
  alerts: '/alerts?all=true',
  settings: '/settings',
};
const wanted = values.only?.split(',') ?? Object.keys(pages);

const endings: Parameters<Undo>[0][] = [];
mkdirSync(values.out, { recursive: true });
try {
  const browser = await openBrowser((end) => endings.push(end));
  for (const theme of values.themes.split(',')) {
    for (const size of values.sizes.split(',')) {
      const page = await browser.newPage({
        viewport: { width: Number(size), height: size === '375' ? 812 : 900 },
        colorScheme: theme === 'dark' ? 'dark' : 'light',
        deviceScaleFactor: size === '375' ? 2 : 1,
      });
      for (const name of wanted) {
        const path = pages[name];
        if (path === undefined) continue;
        await page.goto(`${base}${path}`);
        await page.locator('main h1').waitFor();
        await page.locator('.loading').first().waitFor({ state: 'detached' });
        await page.waitForTimeout(350);
        await page.screenshot({ path: join(values.out, `${name}-${theme}-${size}.png`), fullPage: values.full });
      }
      await page.close();
    }
  }
} finally {
  for (const end of endings) await end();
}
