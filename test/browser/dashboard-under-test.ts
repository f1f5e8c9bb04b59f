import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import type { Undo } from '../support/temporary.ts';
import { buildDashboard } from './build-dashboard.ts';
import { type MockOptions, type MockServer, startMockServer } from './mock/mock-server.ts';
import { chromiumPath, openBrowser } from './open-browser.ts';

/** What must never happen, whatever is shown. */
export interface Faults {
  /** Requests to any other place than the server. */
  outside: string[];
  dialogs: string[];
  /** Uncaught errors, and what the policy has refused. */
  errors: string[];
}

export interface Stage {
  page: Page;
  mock: MockServer;
  faults: Faults;
}

export interface Setup {
  /** A server with this world, and a page at `path`. */
  open(
    path: string,
    options: Omit<MockOptions, 'directory'> & { context?: BrowserContextOptions; script?: string },
  ): Promise<Stage>;
  directory(): string;
}

/** Skipped by its name where there is no Chromium; with REQUIRE_SERVICES=1 it fails there instead. */
export function describeDashboard(name: string, tests: (setup: Setup) => void): void {
  const isSkipped = chromiumPath === undefined && process.env.REQUIRE_SERVICES !== '1';
  describe.skipIf(isSkipped)(`${name} (needs chromium)`, () => {
    const atEnd: Parameters<Undo>[0][] = [];
    const afterTest: Parameters<Undo>[0][] = [];
    let browser: Browser | undefined;
    let directory = '';
    beforeAll(async () => {
      const undo: Undo = (work) => void atEnd.push(work);
      [directory, browser] = await Promise.all([buildDashboard(undo), openBrowser(undo)]);
    }, 120_000);
    afterEach(() => undoAll(afterTest));
    afterAll(() => undoAll(atEnd));

    tests({
      directory: () => directory,
      async open(path, { context, script, ...options }) {
        const undo: Undo = (work) => void afterTest.push(work);
        if (!browser) throw new Error('The browser was not opened.');
        const mock = await startMockServer(undo, { ...options, directory });
        const place = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...context });
        undo(() => place.close());
        const page = await place.newPage();
        page.setDefaultTimeout(15_000);
        const faults = watch(page, mock.url);
        if (script !== undefined) await page.addInitScript(script);
        await page.goto(`${mock.url}${path}`);
        return { page, mock, faults };
      },
    });
  });
}

async function undoAll(works: Parameters<Undo>[0][]): Promise<void> {
  for (const work of works.splice(0).toReversed()) await work();
}

function watch(page: Page, url: string): Faults {
  const faults: Faults = { outside: [], dialogs: [], errors: [] };
  page.on('request', (request) => {
    if (!request.url().startsWith(`${url}/`) && !request.url().startsWith(`blob:${url}/`))
      faults.outside.push(request.url());
  });
  page.on('dialog', (dialog) => {
    faults.dialogs.push(dialog.message());
    void dialog.dismiss();
  });
  page.on('pageerror', (error) => faults.errors.push(String(error)));
  page.on('console', (message) => {
    // A refused call is told by the browser as well; that is no fault of the page.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
      faults.errors.push(message.text());
    }
  });
  return faults;
}

export const none: Faults = { outside: [], dialogs: [], errors: [] };

/** The page has shown what it read. */
export async function settled(page: Page): Promise<void> {
  await page.locator('main h1').waitFor();
  await page.locator('.loading').first().waitFor({ state: 'detached' });
}
