import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import type { Undo } from '../support/temporary.ts';

/** Where Debian, Ubuntu and Fedora put it, or where `CHROMIUM` says. */
const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export const chromiumPath: string | undefined = [process.env.CHROMIUM, ...places].find(
  (path) => path !== undefined && path !== '' && existsSync(path),
);

/** Nothing of the browser's own goes out, so that a request of the page stands out. */
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export async function openBrowser(undo: Undo): Promise<Browser> {
  if (chromiumPath === undefined) throw new Error('There is no Chromium: apt-get install chromium, or set CHROMIUM.');
  const browser = await chromium.launch({ executablePath: chromiumPath, headless: true, args: flags });
  undo(() => browser.close());
  return browser;
}
