import fc from 'fast-check';
import { expect, test } from 'vitest';
import { noCounts } from '../job.ts';
import { failedRow, rowOf, runOf, written } from './sink-fixtures.ts';

test('writes the report', async () => {
  const skipped = rowOf({ key: 'c.bin', state: 'skipped', errorMessage: 'binary file' });
  const run = runOf({ counts: { ...noCounts, succeeded: 1, failed: 1, skipped: 1 } });
  expect(
    await written('markdown', [rowOf({ output: '# One\n\ntwo\n' }), failedRow, skipped], run),
  ).toBe(`# Batch results

- **Batch ID:** run-20261120-143000-k3f9
- **Date:** 2026-11-20T14:30:00.000Z
- **Total Files:** 3 (1 successful, 1 failed, 1 skipped)
- **Processing Time:** 12.5 s

## Results

### ✅ docs/a.txt

> # One
>
> two

### ❌ docs/b.txt

Error: Model timeout after 30 s

### ⏭️ c.bin

Error: binary file
`);
});

test('a simulated run says so under its title', async () => {
  const text = await written('markdown', [], runOf({ simulated: true, name: 'My *run*' }));
  expect(text.startsWith('# My \\*run\\*\n\n**Simulated: ')).toBe(true);
});

test.each([
  ['notes_2026.md', 'notes_2026.md'],
  ['__init__.py', '\\_\\_init\\_\\_.py'],
  ['a`b`.txt', 'a\\`b\\`.txt'],
  ['a\n# b', 'a \\# b'],
  ['[x](javascript:alert(1))<img>', '\\[x\\](javascript:alert(1))\\<img\\>'],
  ['a\x1b[31m\u202etxt', 'a(U+001B)\\[31m(U+202E)txt'],
])('the file name %j is the heading %j', async (key, heading) => {
  expect(await written('markdown', [rowOf({ key })])).toContain(`\n### ✅ ${heading}\n`);
});

test.each([
  ['raw HTML', 'a <script>x</script>'],
  ['an image', 'see ![x](https://example.org/x.png)'],
  ['a definition', '[a]: https://example.org'],
])('%s is shown, not rendered', async (_, output) => {
  expect(await written('markdown', [rowOf({ output })])).toContain(`\n\`\`\`text\n${output}\n\`\`\`\n`);
});

test('a fence is longer than any in the text', async () => {
  const output = '<b>\n`````\n### ✅ forged\n`````';
  expect(await written('markdown', [rowOf({ output })])).toContain(`\n\`\`\`\`\`\`text\n${output}\n\`\`\`\`\`\`\n`);
});

test('an empty answer and a pending job have words', async () => {
  const text = await written('markdown', [rowOf({ output: ' \n' }), rowOf({ state: 'pending' })]);
  expect(text).toContain('_The answer is empty._');
  expect(text).toContain('### ⏳ docs/a.txt\n\n_No result yet._');
});

test('no answer, name or error can leave its place', async () => {
  const piece = fc.constantFrom(
    '```',
    '~~~',
    '#',
    '### ✅ ',
    '>',
    '\n',
    '\r',
    '\r\n',
    '<!--',
    '</p>',
    '![',
    ']:',
    '---',
    '=',
    ' ',
    'a',
    '\t',
    '1. ',
  );
  const nasty = fc.string({ unit: piece });
  await fc.assert(
    fc.asyncProperty(nasty, nasty, nasty, async (key, output, errorMessage) => {
      const rows = [rowOf({ key, output }), { ...failedRow, key, errorMessage }];
      const body = (await written('markdown', rows)).split('## Results\n')[1] ?? '';
      expect(linesOutside(body).map((line) => line.replace(/ .*/, ''))).toEqual(['###', '###', 'Error:']);
    }),
    { numRuns: 1000 },
  );
});

/** The lines that are neither in a quotation, a fence nor our own words in italics. */
function linesOutside(text: string): string[] {
  let fence: string | undefined;
  const outside: string[] = [];
  for (const line of text.split(/\r\n|\r|\n/)) {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence) {
      if (mark?.startsWith(fence) && line.trim() === mark) fence = undefined;
    } else if (mark) fence = mark;
    else if (line !== '' && !line.startsWith('>') && !line.startsWith('_The answer')) outside.push(line);
  }
  return outside;
}
