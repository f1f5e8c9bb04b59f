import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Types of this package that a public signature speaks of and none of the given files exports: whoever writes a store
 * or wraps a function could not name them. Read from the text: interfaces and types whole, functions up to their body.
 */
export function unexportedTypes(root: string, indexes: readonly string[]): string[] {
  const named = new Map(indexes.flatMap((index) => [...exportsOf(join(root, index))]));
  const missing = new Set<string>();
  for (const [name, from] of named) {
    const { file, text } = declarationOf(name, from);
    if (text === undefined) throw new Error(`The declaration of ${name} was not found in ${file}`);
    const ours = typesKnownIn(readPlain(file));
    for (const word of text.match(/\b[A-Z]\w+\b/g) ?? []) {
      if (ours.has(word) && !named.has(word)) missing.add(`${word} (in ${name})`);
    }
  }
  return [...missing].sort();
}

/** Name -> the file it comes from. */
function exportsOf(file: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, names = '', from = ''] of readPlain(file).matchAll(/export (?:type )?\{([^}]*)\} from '([^']+)'/g)) {
    for (const name of namesIn(names)) found.set(name, join(dirname(file), from));
  }
  return found;
}

/** A file may hand a name on. */
function declarationOf(name: string, file: string): { file: string; text: string | undefined } {
  const further = exportsOf(file).get(name);
  if (further !== undefined) return declarationOf(name, further);
  const source = readPlain(file);
  const start = new RegExp(`^export (?:async )?(interface|type|function|class|const) ${name}\\b`, 'm').exec(source);
  if (!start) return { file, text: undefined };
  const rest = source.slice(start.index);
  const end = { interface: /^\}/m, type: /;\n(?! )/, function: /\{$/m }[start[1] ?? ''] ?? /$/m;
  return { file, text: rest.slice(0, rest.search(end)) };
}

/** Declared in the file, or imported from another one of ours. */
function typesKnownIn(source: string): Set<string> {
  const declared = [...source.matchAll(/^export (?:interface|type|class) (\w+)/gm)].map(([, name = '']) => name);
  const imported = [...source.matchAll(/import (?:type )?\{([^}]*)\} from '\.[^']*'/g)].flatMap(([, names = '']) =>
    namesIn(names),
  );
  return new Set([...declared, ...imported]);
}

function namesIn(list: string): string[] {
  return list
    .split(',')
    .map((name) => name.replace(/^\s*type /, '').trim())
    .filter((name) => name !== '');
}

function readPlain(file: string): string {
  return readFileSync(file, 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '');
}
