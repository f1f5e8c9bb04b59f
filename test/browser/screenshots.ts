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

async function firstOf(path: string, list: string, id: string): Promise<string> {
  const answer: unknown = await (await fetch(`${base}${path}`)).json();
  const rows: unknown = Reflect.get(Object(answer), list);
  const row: unknown = Array.isArray(rows) ? rows[0] : undefined;
  return encodeURIComponent(String(Reflect.get(Object(row), id)));
}

const pages: Record<string, string> = {
  overview: '/',
  runs: '/runs',
  run: `/runs/${await firstOf('/batch/runs?state=running', 'runs', 'run_id')}`,
  batches: '/batches',
  batch: `/batches/${await firstOf('/batch/batches?limit=40', 'batches', 'batch_id')}`,
  jobs: '/jobs',
  job: `/jobs/${await firstOf('/batch/jobs?state=succeeded', 'jobs', 'job_id')}`,
  'failed-job': `/jobs/${await firstOf('/batch/jobs?state=failed', 'jobs', 'job_id')}`,
  queue: '/queue',
  upload: '/upload',
  costs: '/costs',
  deliveries: '/deliveries',
  delivery: `/deliveries/${await firstOf('/batch/deliveries', 'deliveries', 'delivery_id')}`,
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
        await page.goto(`${base}${pages[name] ?? '/'}`);
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
