import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** The marks by which a page says what a block is; each stands alone on the line before the block. */
export type Mark =
  /** Shell commands that are run; `exit` is what they must end with, `server` goes on running behind the page. */
  | { type: 'run'; exit: number; server: boolean }
  /** What the commands before it print. */
  | { type: 'output' }
  /** A file that the commands after it find under this name. */
  | { type: 'file'; name: string };

export interface Block {
  mark: Mark;
  text: string;
  /** Lines of the page, from 0: the first line inside the fence, and the closing fence. */
  from: number;
  to: number;
}

/** Marked blocks in their order. Throws for a mark without a block: it would pass for tested. */
export function blocksOf(page: string, markdown: string): Block[] {
  const lines = markdown.split('\n');
  const blocks: Block[] = [];
  for (const [at, line] of lines.entries()) {
    const mark = markOf(line);
    if (!mark) continue;
    const fence = /^(`{3,})/.exec(lines[at + 1] ?? '')?.[1];
    const to = fence === undefined ? -1 : lines.indexOf(fence, at + 2);
    if (to === -1) throw new Error(`${page}:${at + 1}: no fenced block after ${line}`);
    blocks.push({ mark, text: lines.slice(at + 2, to).join('\n'), from: at + 2, to });
  }
  return blocks;
}

function markOf(line: string): Mark | undefined {
  const words = /^<!-- (run|output|file)(?:: (.+))? -->$/.exec(line);
  if (!words) return undefined;
  const [, type, rest = ''] = words;
  if (type === 'output') return { type };
  if (type === 'file') return { type, name: rest };
  return { type: 'run', exit: Number(/exit (\d+)/.exec(rest)?.[1] ?? 0), server: rest.includes('server') };
}

/** The page with what stands between `<!-- generated: NAME -->` and `<!-- end -->` made anew. */
export function fillGenerated(markdown: string, textOf: (name: string) => string): string {
  return markdown.replace(
    /(<!-- generated: ([\w-]+) -->\n)(?:(?!<!-- generated: )[\s\S])*?(<!-- end -->)/g,
    (_whole, start: string, name: string, end: string) => `${start}${textOf(name)}\n${end}`,
  );
}

/** README and the like, docs and examples: paths relative to the root. */
export function pagesOf(root: string): string[] {
  const inside = ['docs', 'examples'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
      .map((entry) => relative(root, join(entry.parentPath, entry.name))),
  );
  return ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...inside.sort()];
}

export function readPage(root: string, page: string): string {
  return readFileSync(join(root, page), 'utf8');
}

/** Targets of links to files of this repository, without their anchors. */
export function linksOf(markdown: string): string[] {
  const prose = markdown.replace(/^(`{3,})[\s\S]*?^\1$/gm, '').replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => (match[1] ?? '').split('#')[0] ?? '')
    .filter((target) => target !== '' && !/^[a-z]+:/.test(target));
}
