import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { blocksOf, fillGenerated, linksOf, pagesOf, readPage } from '../scripts/docs/markdown.ts';
import { unexportedTypes } from '../scripts/docs/public-types.ts';
import { comparable, runPage } from '../scripts/docs/run-page.ts';
import { generatedNames, makeTables } from '../scripts/docs/tables.ts';

// The docs are tested: their commands run on the sandbox, their tables come from the code, their links lead somewhere.
// After a change of the program: npm exec -- node scripts/docs.ts

const root = join(import.meta.dirname, '..');
const pages = pagesOf(root).map((page) => ({ page, markdown: readPage(root, page) }));
const start = promisify(execFile);

describe('what stands in the pages', () => {
  let tables: Map<string, string>;
  beforeAll(async () => {
    tables = await makeTables(root);
  });

  test.each(pages)('$page: generated parts are those of the program', ({ markdown }) => {
    const filled = fillGenerated(markdown, (name) => tables.get(name) ?? `no such part: ${name}`);
    expect(markdown).toBe(filled);
  });

  test('every generated part stands somewhere', () => {
    const all = pages.map(({ markdown }) => markdown).join('\n');
    expect(generatedNames.filter((name) => !all.includes(`<!-- generated: ${name} -->`))).toEqual([]);
  });

  test.each(pages)('$page: links lead to files that are there', ({ page, markdown }) => {
    const broken = linksOf(markdown).filter((target) => !existsSync(join(root, dirname(page), target)));
    expect(broken).toEqual([]);
  });

  test('the first pages are short', () => {
    expect(readPage(root, 'README.md').split('\n').length).toBeLessThanOrEqual(151);
    expect(readPage(root, 'CONTRIBUTING.md').split('\n').length).toBeLessThanOrEqual(61);
  });

  test('every type that a public signature speaks of can be imported', () => {
    expect(unexportedTypes(root, ['src/index.ts', 'src/testing/index.ts'])).toEqual([]);
  });

  test('nothing names a path of this machine', () => {
    const folders = ['docs', 'examples', 'scripts', '.ci'];
    const files = folders.flatMap((folder) => filesOf(join(root, folder)));
    const paths = [root, ...(homedir().length > 1 ? [`${homedir()}/`] : [])];
    for (const file of [
      ...files,
      ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'].map((name) => join(root, name)),
    ]) {
      const text = readFileSync(file, 'utf8');
      expect(
        paths.filter((path) => text.includes(path)),
        file,
      ).toEqual([]);
    }
  });

  test('every example is shown in examples/README.md, and every alias in the page for gleitzeit', () => {
    const examples = readdirSync(join(root, 'examples'), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    const shown = readPage(root, 'examples/README.md');
    expect(examples.map(({ name }) => name).filter((name) => !shown.includes(`## ${name}:`))).toEqual([]);
    const aliases = [...(tables.get('command-line') ?? '').matchAll(/^ {2}[a-z]+\|([a-z-]+)/gm)].map(
      ([, alias]) => alias,
    );
    const gleitzeit = readPage(root, 'docs/coming-from/gleitzeit.md');
    expect(aliases.length).toBeGreaterThan(4);
    expect(aliases.filter((alias) => !gleitzeit.includes(`alias \`${alias}\``))).toEqual([]);
  });
});

describe('what the pages let people type', () => {
  const runnable = pages.filter(({ page, markdown }) =>
    blocksOf(page, markdown).some(({ mark }) => mark.type === 'run'),
  );

  test.concurrent.each(runnable)('$page', { timeout: 180_000 }, async ({ page, markdown }) => {
    const blocks = blocksOf(page, markdown);
    const { outputs, problems } = await runPage(root, page, blocks);
    expect(problems).toEqual([]);
    for (const [at, block] of blocks.entries()) {
      const before = blocks[at - 1];
      if (block.mark.type !== 'output' || before === undefined) continue;
      expect(comparable(outputs.get(before) ?? ''), `${page}:${block.from}`).toBe(comparable(block.text));
    }
  });

  test('programs in the pages and examples have no type errors', { timeout: 60_000 }, async () => {
    mkdirSync(join(root, '.tmp'), { recursive: true });
    const folder = mkdtempSync(join(root, '.tmp', 'docs-types-'));
    try {
      const programs = pages.flatMap(({ page, markdown }) =>
        blocksOf(page, markdown).filter(({ mark }) => mark.type === 'file' && mark.name.endsWith('.ts')),
      );
      const files = programs.map(({ text }, at) => {
        const file = join(folder, `program-${at}.ts`);
        writeFileSync(file, text);
        return file;
      });
      files.push(join(root, 'examples', 'library', 'summarize-folder.ts'));
      expect(files.length).toBeGreaterThan(1);
      const compilerOptions = { paths: { offpeak: [join(root, 'src', 'index.ts')] } };
      const tsconfig = { extends: join(root, 'tsconfig.json'), compilerOptions, files, include: [] };
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
      const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
      const { stdout } = await start(process.execPath, [tsc, '-p', folder]).catch((error) => error);
      expect(stdout).toBe('');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
