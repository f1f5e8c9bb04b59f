import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { breaches, circles, importsOf, type SourceFile, shapeFaults } from './import-rules.ts';

const source = fileURLToPath(new URL('../src', import.meta.url));
const all: SourceFile[] = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.ts'))
  .map((path) => ({ path, text: readFileSync(join(source, path), 'utf8') }));
/** Left out of the published package; they may put any parts together. */
const forTests = /\.test\.ts$|-fixtures\.ts$|\/test-client\.ts$|\/scripted-server\.ts$/;
const product = all.filter((file) => !forTests.test(file.path));

describe('the import table of the design', () => {
  test('there is something to check', () => {
    expect(product.length).toBeGreaterThan(100);
    expect(product.flatMap(importsOf).length).toBeGreaterThan(300);
  });

  test('every import is allowed', () => expect(breaches(product)).toEqual([]));

  test('there are no circles, of values or of types', () => expect(circles(product)).toEqual([]));

  test('no product file imports one that only tests have', () => {
    const taken = product.flatMap(importsOf).filter((each) => each.isOurs && forTests.test(each.to));
    expect(taken).toEqual([]);
  });

  test('nobody inside src imports index.ts, tests neither', () => {
    const taken = all.flatMap(importsOf).filter((each) => each.isOurs && /(^|\/)index\.ts$/.test(each.to));
    expect(taken).toEqual([]);
  });

  test('the only barrels are index.ts and testing/index.ts', () => {
    const barrels = product.filter(({ path }) => /(^|\/)index\.ts$/.test(path)).map(({ path }) => path);
    expect(barrels.filter((path) => path !== 'index.ts' && path !== 'testing/index.ts')).toEqual([]);
  });

  test('every file has a subject, a size and a name', () => expect(product.flatMap(shapeFaults)).toEqual([]));

  test('tests stand beside what they test, and are named alike', () => {
    expect(
      all.filter(({ path }) => path.endsWith('.test.ts')).flatMap((file) => shapeFaults({ ...file, text: '' })),
    ).toEqual([]);
  });
});

describe('the checker itself', () => {
  const files = (...pairs: [string, string][]): SourceFile[] => pairs.map(([path, text]) => ({ path, text }));
  const empty = (path: string): [string, string] => [path, ''];

  test('reads every kind of import', () => {
    const text = `
import './a.ts';
import type { B } from './b.ts';
import { c, type D } from '../c.ts';
import * as e from "node:fs";
export { f } from './f.ts';
export * from './g.ts';
export type { H } from './h.ts';
import {
  many,
  lines,
} from './i.ts';
const j = await import('./j.ts');
// import { x } from './comment.ts';
/* import './block.ts'; */
/** @example import { y } from './doc.ts'; */
const text = "from './text.ts'";
import pkg from '@scope/name/deep';
`;
    expect(importsOf({ path: 'engine/x.ts', text }).map((each) => each.to)).toEqual([
      'engine/a.ts',
      'engine/b.ts',
      'c.ts',
      'node:fs',
      'engine/f.ts',
      'engine/g.ts',
      'engine/h.ts',
      'engine/i.ts',
      'engine/j.ts',
      '@scope/name/deep',
    ]);
  });

  test.each([
    ['engine/pack.ts', "import { x } from '../stores/sqlite/sqlite-store.ts';", /engine may not import stores/],
    ['engine/pack.ts', "import type { X } from '../providers/redact.ts';", /engine may not import providers/],
    ['engine/pack.ts', "import { readFile } from 'node:fs/promises';", /module of Node/],
    ['engine/pack.ts', "const http = await import('node:http');", /module of Node/],
    ['job.ts', "import { x } from 'node:fs';", /noun may not/],
    ['job.ts', "import type { Store } from './store.ts';", /noun may not import port/],
    ['store.ts', "import { pack } from './engine/pack.ts';", /port may not import engine/],
    ['sandbox/server.ts', "import { x } from '../providers/redact.ts';", /sandbox may not import providers/],
    ['sandbox/server.ts', "import { x } from '../job.ts';", /sandbox may not import noun/],
    ['sandbox/server.ts', "import { x } from 'zod';", /this package/],
    ['providers/openai/a.ts', "import { x } from '../ollama/b.ts';", /drivers do not import each other/],
    ['providers/openai/a.ts', "import { x } from '../../sources/c.ts';", /providers may not import sources/],
    ['recipes/a.ts', "import { x } from '../providers/redact.ts';", /recipes may not import providers/],
    ['engine/pack.ts', "import { x } from '../index.ts';", /barrel/],
    ['engine/pack.ts', "import { x } from '../job';", /without \.ts/],
    ['engine/pack.ts', "import { x } from '../gone.ts';", /no such file/],
    ['offpeak.ts', "import { x } from './stores/sqlite/sqlite-store.ts';", /drivers are chosen/],
    ['somewhere/a.ts', "import { x } from '../job.ts';", /no layer/],
  ])('%s: %s is a breach', (path, text, words) => {
    const others = ['stores/sqlite/sqlite-store.ts', 'providers/redact.ts', 'providers/ollama/b.ts', 'sources/c.ts'];
    const rest = ['job.ts', 'store.ts', 'index.ts', 'engine/pack.ts'].filter((each) => each !== path);
    const found = breaches(files([path, text], ...[...others, ...rest].map(empty)));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(words);
  });

  test.each([
    ['engine/pack.ts', "import type { Store } from '../store.ts';"],
    ['providers/openai/a.ts', "import { x } from '../redact.ts'; import OpenAI from 'openai';"],
    ['cli/main.ts', "import { x } from '../sandbox/server.ts'; import 'node:fs';"],
    ['sandbox/server.ts', "import { x } from './openai/a.ts'; import 'node:http';"],
  ])('%s: %s is none', (path, text) => {
    const others = ['store.ts', 'providers/redact.ts', 'sandbox/server.ts', 'sandbox/openai/a.ts'];
    expect(breaches(files([path, text], ...others.filter((each) => each !== path).map(empty)))).toEqual([]);
  });

  test('finds circles of two, of three, of types, and of one', () => {
    const two = files(['a.ts', "import type { B } from './b.ts';"], ['b.ts', "import { a } from './a.ts';"]);
    expect(circles(two)).toEqual([['a.ts', 'b.ts', 'a.ts']]);
    const three = files(
      ['engine/a.ts', "import './b.ts';"],
      ['engine/b.ts', "export * from './c.ts';"],
      ['engine/c.ts', "const a = await import('./a.ts');"],
    );
    expect(circles(three)).toHaveLength(1);
    expect(circles(files(['a.ts', "import './a.ts';"]))).toEqual([['a.ts', 'a.ts']]);
    expect(
      circles(files(['a.ts', "import './b.ts'; import './c.ts';"], ['b.ts', "import './c.ts';"], empty('c.ts'))),
    ).toEqual([]);
  });

  test('finds what is wrong with a file by itself', () => {
    const long = '\n'.repeat(301);
    expect(shapeFaults({ path: 'engine/a.ts', text: long })).toHaveLength(1);
    expect(shapeFaults({ path: 'engine/a.ts', text: 'export default 1;' })).toHaveLength(1);
    expect(shapeFaults({ path: 'engine/utils.ts', text: '' })).toHaveLength(1);
    expect(shapeFaults({ path: 'engine/file-utils.ts', text: '' })).toHaveLength(1);
    expect(shapeFaults({ path: 'engine/camelCase.ts', text: '' })).toHaveLength(1);
    expect(shapeFaults({ path: 'engine/kebab-case.test.ts', text: '' })).toEqual([]);
  });
});
