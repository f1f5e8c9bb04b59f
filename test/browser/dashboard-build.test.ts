import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Undo } from '../support/temporary.ts';
import { buildDashboard } from './build-dashboard.ts';

const source = join(import.meta.dirname, '../../dashboard');

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** These tests need no browser. */
describe('the built dashboard', () => {
  let directory = '';
  beforeAll(async () => {
    const endings: Parameters<Undo>[0][] = [];
    directory = await buildDashboard((end) => void endings.push(end));
    return async () => {
      for (const end of endings.toReversed()) await end();
    };
  }, 60_000);

  test('what the first look loads is small, and draws no chart yet', () => {
    const html = readFileSync(join(directory, 'index.html'), 'utf8');
    const files = [...html.matchAll(/(?:src|href)="\/([^"]+)"/g)].map((match) => match[1] ?? '');
    const sizes = ['index.html', ...files].map((file) => gzipSync(readFileSync(join(directory, file))).length);
    const kilobytes = sizes.reduce((sum, size) => sum + size, 0) / 1000;
    expect(files.length).toBeGreaterThanOrEqual(4);
    expect(kilobytes).toBeLessThan(60);
    for (const file of files) expect(readFileSync(join(directory, file), 'utf8')).not.toContain('uplot');
  });

  test('its page has no script, style or handler of its own, and nothing of it comes from elsewhere', () => {
    const html = readFileSync(join(directory, 'index.html'), 'utf8');
    expect(html).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/i);
    for (const file of filesOf(directory).filter((name) => /\.(js|css|html|svg)$/.test(name))) {
      const addresses = readFileSync(file, 'utf8').match(/(?:https?:)?\/\/[a-z0-9-]+\.[a-z]{2,}/gi) ?? [];
      // Names of namespaces are asked of nobody.
      expect(
        addresses.filter((address) => !address.endsWith('www.w3.org')),
        file,
      ).toEqual([]);
    }
  });
});

describe('the source of the dashboard', () => {
  const files = filesOf(join(source, 'src')).map((path) => ({ path, text: readFileSync(path, 'utf8') }));

  test('never turns a text into markup', () => {
    const wrong =
      /dangerouslySetInnerHTML|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc|\sstyle=/;
    const found = files.filter(({ path, text }) => /\.tsx?$/.test(path) && wrong.test(text)).map(({ path }) => path);
    expect(found).toEqual([]);
  });

  test('takes types from the contract, and no running code of the server', () => {
    for (const { path, text } of files) {
      for (const [line] of text.matchAll(/^import .*\.\.\/src\/.*$/gm))
        expect(line, path).toMatch(/^import type .*\/service\/contract\//);
    }
  });

  test('has files that can be read', () => {
    expect(files.filter(({ text }) => text.split('\n').length > 301).map(({ path }) => path)).toEqual([]);
  });
});
