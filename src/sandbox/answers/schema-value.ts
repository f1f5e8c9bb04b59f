import { asArray, asNumber, asString, isObject, type JsonObject } from '../json.ts';
import { keywordsOf, languageOf, sentimentOf } from './keywords.ts';

/** The material that fills a schema's text fields. */
export interface SchemaMaterial {
  summary: string;
  document: string;
}

interface Context {
  root: unknown;
  material: SchemaMaterial;
  keywords: string[];
}

/** Deeper than this only what is required is filled: recursive schemas must end. */
const MAX_DEPTH = 6;
const GIVE_UP_DEPTH = 40;

/** A value that satisfies a JSON schema, its texts taken from the material. */
export function valueForSchema(schema: unknown, material: SchemaMaterial): unknown {
  const keywords = keywordsOf(material.document, 12);
  return valueFor(schema, 'summary', { root: schema, material, keywords }, 0);
}

function valueFor(schema: unknown, name: string, context: Context, depth: number): unknown {
  if (!isObject(schema) || depth > GIVE_UP_DEPTH) return context.material.summary;
  if (typeof schema.$ref === 'string') {
    return valueFor(resolve(context.root, schema.$ref), name, context, depth + 1);
  }
  if ('const' in schema) return schema.const;
  const choices = asArray(schema.enum);
  if (choices.length > 0) return chooseFrom(choices, name, context);
  const alternatives = [...asArray(schema.anyOf), ...asArray(schema.oneOf)];
  if (alternatives.length > 0) return valueFor(pickBranch(alternatives, depth), name, context, depth + 1);
  const parts = asArray(schema.allOf);
  if (parts.length > 0) return valueFor(mergeAll(schema, parts, context.root), name, context, depth + 1);
  switch (typeOf(schema, depth)) {
    case 'object':
      return objectFor(schema, context, depth);
    case 'array':
      return arrayFor(schema, name, context, depth);
    case 'integer':
      return numberFor(schema, 1);
    case 'number':
      return numberFor(schema, undefined);
    case 'boolean':
      return true;
    case 'null':
      return null;
    default:
      return textFor(schema, name, context);
  }
}

function typeOf(schema: JsonObject, depth: number): string {
  const types = Array.isArray(schema.type) ? (schema.type as unknown[]) : [schema.type];
  if (depth > MAX_DEPTH && types.includes('null')) return 'null';
  const type = types.find((candidate) => candidate !== 'null') ?? types[0];
  if (typeof type === 'string') return type;
  if (isObject(schema.properties)) return 'object';
  return isObject(schema.items) ? 'array' : 'string';
}

/** The first branch; deep inside, one that ends the recursion if there is one. */
function pickBranch(branches: unknown[], depth: number): unknown {
  if (depth <= MAX_DEPTH) return branches.find((branch) => !isObject(branch) || branch.type !== 'null') ?? branches[0];
  return branches.find((branch) => isObject(branch) && branch.type === 'null') ?? branches[0];
}

function mergeAll(schema: JsonObject, parts: unknown[], root: unknown): JsonObject {
  const { allOf: _, ...rest } = schema;
  const all = [rest, ...parts].map((part) =>
    isObject(part) && typeof part.$ref === 'string' ? resolve(root, part.$ref) : part,
  );
  const objects = all.filter(isObject);
  const properties = objects.map((part) => part.properties).filter(isObject);
  return {
    ...Object.assign({}, ...objects),
    ...(properties.length > 0 ? { properties: Object.assign({}, ...properties) as JsonObject } : {}),
    required: objects.flatMap((part) => asArray(part.required)),
  };
}

function resolve(root: unknown, reference: string): unknown {
  let value: unknown = root;
  for (const step of reference.replace(/^#\/?/, '').split('/')) {
    if (step === '') continue;
    const key = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
    value = isObject(value) ? value[key] : undefined;
  }
  return value;
}

function objectFor(schema: JsonObject, context: Context, depth: number): JsonObject {
  const properties = isObject(schema.properties) ? schema.properties : {};
  const required = asArray(schema.required);
  const value: JsonObject = {};
  for (const [key, property] of Object.entries(properties)) {
    if (depth > MAX_DEPTH && !required.includes(key)) continue;
    // Not by assignment: a schema may name a property `__proto__`.
    define(value, key, valueFor(property, key, context, depth + 1));
  }
  for (const key of required) {
    if (typeof key === 'string' && !Object.hasOwn(value, key)) define(value, key, context.material.summary);
  }
  return value;
}

function define(target: JsonObject, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}

function arrayFor(schema: JsonObject, name: string, context: Context, depth: number): unknown[] {
  const least = asNumber(schema.minItems) ?? 0;
  const most = asNumber(schema.maxItems) ?? Number.POSITIVE_INFINITY;
  const items = schema.items;
  const wanted =
    depth > MAX_DEPTH ? least : Math.max(least, isTextSchema(items) ? Math.min(5, context.keywords.length) : 1);
  const length = Math.min(wanted, most);
  return Array.from({ length }, (_, i) => {
    const keyword = context.keywords[i % Math.max(1, context.keywords.length)];
    if (!isTextSchema(items) || keyword === undefined) return valueFor(items, name, context, depth + 1);
    const text = i < context.keywords.length ? keyword : `${keyword} ${i + 1}`;
    return fitLength(text, items);
  });
}

/** Free text: no constraint but length, so a keyword will do. */
function isTextSchema(schema: unknown): schema is JsonObject {
  return isObject(schema) && schema.type === 'string' && !('enum' in schema || 'const' in schema || 'format' in schema);
}

function numberFor(schema: JsonObject, step: number | undefined): number {
  const multiple = asNumber(schema.multipleOf) ?? step;
  const above = asNumber(schema.exclusiveMinimum);
  const below = asNumber(schema.exclusiveMaximum);
  const least = asNumber(schema.minimum) ?? (above === undefined ? undefined : above + (multiple ?? 1e-3));
  const most = asNumber(schema.maximum) ?? (below === undefined ? undefined : below - (multiple ?? 1e-3));
  const wanted = least ?? Math.min(1, most ?? 1);
  if (multiple === undefined) return wanted;
  const rounded = Math.ceil(wanted / multiple) * multiple;
  return most !== undefined && rounded > most ? Math.floor(most / multiple) * multiple : rounded;
}

const FORMATS: Record<string, string> = {
  'date-time': '2026-01-01T00:00:00Z',
  date: '2026-01-01',
  time: '00:00:00Z',
  email: 'someone@example.com',
  uri: 'https://example.com/',
  url: 'https://example.com/',
  uuid: '00000000-0000-4000-8000-000000000000',
  ipv4: '127.0.0.1',
};

function textFor(schema: JsonObject, name: string, context: Context): string {
  const format = asString(schema.format);
  const fixed = format !== undefined && Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined;
  return fixed ?? fitLength(textNamed(name.toLowerCase(), context), schema);
}

function textNamed(name: string, { material, keywords }: Context): string {
  if (/title|name|topic|subject|category|label|keyword|tag|heading/.test(name)) {
    const words = keywords.slice(0, 3).join(' ');
    return words === '' ? 'Untitled' : words;
  }
  if (name.includes('sentiment')) return sentimentOf(material.document);
  if (name.includes('language')) return languageOf(material.document);
  return material.summary;
}

/** Lengths in JSON schema count code points, not UTF-16 units. */
function fitLength(text: string, schema: JsonObject): string {
  const least = asNumber(schema.minLength) ?? 0;
  const most = asNumber(schema.maxLength) ?? Number.POSITIVE_INFINITY;
  const points = [...text];
  if (points.length > most) return points.slice(0, most).join('');
  return points.length < least ? text + '.'.repeat(least - points.length) : text;
}

function chooseFrom(choices: unknown[], name: string, { material }: Context): unknown {
  const sentiment = name.toLowerCase().includes('sentiment') ? sentimentOf(material.document) : undefined;
  return choices.includes(sentiment) ? sentiment : choices[0];
}
