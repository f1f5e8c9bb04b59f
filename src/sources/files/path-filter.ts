import picomatch from 'picomatch';

/** Which paths of a walk are wanted. Paths are relative to the walk's root, with `/`. */
export interface PathFilter {
  wantsFile(path: string, name: string): boolean;
  /** Whether anything below this folder can be wanted; a whole tree is left unread when not. */
  wantsBelow(path: string, name: string, depth: number): boolean;
}

export interface PathFilterOptions {
  patterns: readonly string[];
  exclude: readonly string[];
  recursive: boolean;
  hidden: boolean;
}

type Test = (text: string) => boolean;

export function createPathFilter(options: PathFilterOptions): PathFilter {
  const wanted = options.patterns.map((pattern) => compilePattern(pattern, options));
  const excluded = options.exclude.map(compileExclude);
  return {
    wantsFile: (path, name) =>
      wanted.some((pattern) => pattern.file(path, name)) && !excluded.some((exclude) => exclude.file(path, name)),
    wantsBelow: (path, name, depth) =>
      wanted.some((pattern) => pattern.below(path, name, depth)) &&
      !excluded.some((exclude) => exclude.folder(path, name)),
  };
}

interface WantedPattern {
  file(path: string, name: string): boolean;
  below(path: string, name: string, depth: number): boolean;
}

function compilePattern(given: string, options: PathFilterOptions): WantedPattern {
  const pattern = given.replace(/^(\.\/)+/, '');
  const dot = options.hidden;
  const matches = picomatch(pattern, { dot });
  if (!pattern.includes('/') && !pattern.includes('**')) {
    return {
      file: (_path, name) => matches(name),
      below: (_path, name) => options.recursive && (dot || !name.startsWith('.')),
    };
  }
  return { file: (path) => matches(path), below: belowTest(pattern, dot) };
}

/**
 * A folder `a/b` can hold matches when its names match the pattern's first parts one by one, up to a part with `**`,
 * from which on anything may follow. A brace or group that holds a `/` cannot be cut in parts: walk everything.
 */
function belowTest(pattern: string, dot: boolean): WantedPattern['below'] {
  const parts = pattern.split('/');
  const visible: Test = (name) => dot || !name.startsWith('.');
  if (parts.some(isUnbalanced)) return (_path, name) => visible(name) || pattern.includes('.');
  const deep = parts.findIndex((part) => part.includes('**'));
  const fixed = (deep === -1 ? parts.slice(0, -1) : parts.slice(0, deep)).map((part) => picomatch(part, { dot }));
  const namesDots = deep !== -1 && parts.slice(deep).some((part) => part.includes('.'));
  return (_path, name, depth) => {
    const test = fixed[depth];
    if (test) return test(name);
    return deep !== -1 && (visible(name) || namesDots);
  };
}

function isUnbalanced(part: string): boolean {
  const count = (char: string) => part.split(char).length;
  return count('{') !== count('}') || count('(') !== count(')') || count('[') !== count(']');
}

function compileExclude(given: string): { file(path: string, name: string): boolean; folder: WantedPattern['file'] } {
  const foldersOnly = given.endsWith('/');
  const pattern = given.replace(/^(\.\/)+/, '').replace(/\/+$/, '');
  const matches = picomatch(pattern, { dot: true });
  const test = pattern.includes('/') ? (path: string) => matches(path) : (_path: string, name: string) => matches(name);
  return { file: foldersOnly ? () => false : test, folder: test };
}
