/** The import table of the design as data, and the checker that reads a graph of imports against it. */

export interface SourceFile {
  /** Relative to `src/`, with forward slashes. */
  path: string;
  text: string;
}

export interface Import {
  from: string;
  /** As written: `node:fs`, `zod`, or, for a file of ours, its path relative to `src/`. */
  to: string;
  isOurs: boolean;
}

/** Files of one layer; the first that fits names it. */
const layers: readonly (readonly [string, (path: string) => boolean])[] = [
  ['index', (path) => path === 'index.ts'],
  ['offpeak', (path) => path === 'offpeak.ts'],
  ['port', (path) => /^(store|service-store|views|queue|provider|sink|source|recipe)\.ts$/.test(path)],
  ['noun', (path) => /^[a-z-]+\.ts$/.test(path)],
  ['engine', (path) => path.startsWith('engine/')],
  ['stores', (path) => path.startsWith('stores/')],
  ['queues', (path) => path.startsWith('queues/')],
  ['providers', (path) => path.startsWith('providers/')],
  ['sinks', (path) => path.startsWith('sinks/')],
  ['sources', (path) => path.startsWith('sources/')],
  ['recipes', (path) => path.startsWith('recipes/')],
  ['service', (path) => path.startsWith('service/')],
  ['server', (path) => path.startsWith('server/')],
  ['cli', (path) => path.startsWith('cli/')],
  ['sandbox', (path) => path.startsWith('sandbox/')],
  ['testing', (path) => path.startsWith('testing/')],
];

export function layerOf(path: string): string {
  return layers.find(([, fits]) => fits(path))?.[0] ?? 'unknown';
}

interface Rule {
  /** Layers of ours. Its own layer is always allowed. */
  ours: readonly string[];
  /** Node's modules: all, none, or these. */
  node: 'all' | readonly string[];
  /** Whether packages may be imported: none, or these by name. */
  packages: 'all' | readonly string[];
}

const nouns = ['noun', 'port'];
/** Pure helpers of Node: nothing of them touches a file, a socket or a process. */
const pure = ['node:crypto', 'node:buffer', 'node:events', 'node:util'];

export const rules: Readonly<Record<string, Rule>> = {
  // zod reads values, genai-prices is a table: neither does I/O.
  noun: { ours: ['noun'], node: [], packages: ['zod', '@pydantic/genai-prices'] },
  port: { ours: ['noun', 'port'], node: [], packages: [] },
  engine: { ours: nouns, node: pure, packages: [] },
  // Puts together: what stands above the drivers (`sources/sources.ts`), never a driver.
  offpeak: { ours: [...nouns, 'engine', 'recipes', 'sources', 'stores'], node: pure, packages: [] },
  // The public names, wherever they are made.
  index: {
    ours: [...nouns, 'offpeak', 'engine', 'stores', 'queues', 'providers', 'sinks', 'sources', 'recipes', 'sandbox'],
    node: [],
    packages: [],
  },
  stores: { ours: nouns, node: 'all', packages: ['kysely', 'pg'] },
  queues: { ours: nouns, node: 'all', packages: ['bullmq', 'ioredis'] },
  providers: { ours: nouns, node: 'all', packages: ['openai', '@anthropic-ai/sdk', '@google/genai', 'zod'] },
  sinks: { ours: nouns, node: 'all', packages: 'all' },
  sources: { ours: nouns, node: 'all', packages: 'all' },
  // node:module: `createRequire`, by which ajv is loaded only once a schema asks for it.
  recipes: { ours: nouns, node: [...pure, 'node:module'], packages: ['zod', 'ajv'] },
  // Sends webhooks and mail, and looks at the disk.
  service: { ours: [...nouns, 'offpeak'], node: 'all', packages: ['zod', 'croner', 'nodemailer'] },
  server: { ours: [...nouns, 'offpeak', 'service'], node: 'all', packages: 'all' },
  cli: {
    ours: [
      ...nouns,
      'offpeak',
      'engine',
      'stores',
      'queues',
      'providers',
      'sinks',
      'sources',
      'recipes',
      'service',
      'server',
      'sandbox',
    ],
    node: 'all',
    packages: 'all',
  },
  sandbox: { ours: [], node: 'all', packages: [] },
  testing: { ours: nouns, node: pure, packages: ['vitest', 'fast-check'] },
};

/** Where the design speaks of a folder's parts: what each may import of its own layer. */
const apart: readonly string[] = ['stores', 'queues', 'providers', 'sinks', 'sources', 'sandbox'];

const importPattern =
  /(?:^|[\n;])\s*(?:import|export)\s+(?:type\s+)?(?:[^'"`;]*?\s+from\s+)?(['"])([^'"\n]+)\1|\bimport\s*\(\s*(['"])([^'"\n]+)\3\s*\)/g;

/** Static, dynamic, type, side-effect imports and re-exports; comments are not looked at. */
export function importsOf({ path, text }: SourceFile): Import[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/[^\n]*/g, '$1');
  return [...code.matchAll(importPattern)].map((match) => {
    const written = match[2] ?? match[4] ?? '';
    const isOurs = written.startsWith('.');
    return { from: path, to: isOurs ? resolve(path, written) : written, isOurs };
  });
}

function resolve(from: string, to: string): string {
  const parts = from.split('/').slice(0, -1);
  for (const part of to.split('/')) {
    if (part === '..') parts.length === 0 ? parts.push('..') : parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}

/** Every breach of the table, as a sentence. */
export function breaches(files: readonly SourceFile[]): string[] {
  const known = new Set(files.map((file) => file.path));
  return files.flatMap((file) => importsOf(file).flatMap((each) => breachesOf(each, known)));
}

function breachesOf({ from, to, isOurs }: Import, known: ReadonlySet<string>): string[] {
  const layer = layerOf(from);
  const rule = rules[layer];
  if (!rule) return [`${from} is in no layer that the table knows`];
  const breach = (why: string) => [`${from} imports ${to}: ${why}`];
  if (!isOurs) {
    const name =
      to.startsWith('node:') || to.startsWith('@') ? to.split('/').slice(0, 2).join('/') : (to.split('/')[0] ?? to);
    const allowed = to.startsWith('node:') ? rule.node : rule.packages;
    if (allowed === 'all' || allowed.includes(name)) return [];
    return breach(`${layer} may not import ${to.startsWith('node:') ? 'this module of Node' : 'this package'}`);
  }
  if (!to.endsWith('.ts')) return breach('written without .ts');
  if (!known.has(to)) return breach('there is no such file');
  if (to === 'index.ts' || to.endsWith('/index.ts')) return breach('nothing inside src imports a barrel');
  const target = layerOf(to);
  if (layer === 'offpeak' && isDriver(to)) return breach('drivers are chosen by the caller');
  if (target !== layer) return rule.ours.includes(target) ? [] : breach(`${layer} may not import ${target}`);
  return siblings(from, to) ? breach('drivers do not import each other') : [];
}

/** A file in a folder of its own inside a layer of drivers, or a provider. */
function isDriver(path: string): boolean {
  const [layer = '', ...rest] = path.split('/');
  return apart.includes(layer) && (rest.length > 1 || layer === 'providers' || layer === 'sandbox');
}

/** Two folders inside a layer of drivers: `providers/openai` and `providers/ollama`; shared helpers stand above them. */
function siblings(from: string, to: string): boolean {
  const [layer, a, ...restOfA] = from.split('/');
  const [, b, ...restOfB] = to.split('/');
  const isApart = layer !== undefined && apart.includes(layer) && layer !== 'sandbox';
  return isApart && restOfA.length > 0 && restOfB.length > 0 && a !== b && b !== 'sql';
}

/** Circles of imports, values and types alike: each as the list of its files. */
export function circles(files: readonly SourceFile[]): string[][] {
  const edges = new Map(
    files.map((file) => [
      file.path,
      importsOf(file)
        .filter((each) => each.isOurs)
        .map((each) => each.to),
    ]),
  );
  const done = new Set<string>();
  const found: string[][] = [];
  const visit = (path: string, way: readonly string[]): void => {
    const at = way.indexOf(path);
    if (at >= 0) {
      found.push([...way.slice(at), path]);
      return;
    }
    if (done.has(path)) return;
    for (const next of edges.get(path) ?? []) visit(next, [...way, path]);
    done.add(path);
  };
  for (const { path } of files) visit(path, []);
  return found;
}

/** What rule 7 and 9 of the house say about single files. */
export function shapeFaults({ path, text }: SourceFile): string[] {
  const faults: string[] = [];
  const lines = text.split('\n').length - 1;
  if (lines > 300) faults.push(`${path} has ${lines} lines; about 300 is the most`);
  if (/^export\s+default\b/m.test(text) || /\bas\s+default\b/.test(text)) faults.push(`${path} has a default export`);
  if (/(^|[/-])(utils?|helpers?|misc|common)([./-]|$)/.test(path)) faults.push(`${path} is named after nothing`);
  if (!/^([a-z0-9]+(-[a-z0-9]+)*\/)*[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.ts$/.test(path))
    faults.push(`${path} is not kebab-case`);
  return faults;
}
