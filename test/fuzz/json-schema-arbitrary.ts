import fc from 'fast-check';
import { type FuzzDocument, field, record, type Schema } from './openapi-document.ts';

export interface Known {
  schemas: FuzzDocument['schemas'];
  /** Values that mean something, by the name of the field: ids that exist, providers that are configured. */
  values: Readonly<Record<string, readonly string[]>>;
}

/** Values that fit a JSON schema, as far as the document uses the language; an unknown word is an error, not ignored. */
export function fitting(schema: Schema, known: Known, depth = 0): fc.Arbitrary<unknown> {
  const reference = field(schema, '$ref');
  if (typeof reference === 'string') {
    const name = reference.split('/').at(-1) ?? '';
    return fitting(known.schemas[name] ?? {}, known, depth);
  }
  const choices = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(choices)) return fc.oneof(...choices.map((each) => fitting(record(each), known, depth)));
  if (Array.isArray(schema.enum)) return fc.constantFrom(...schema.enum);
  if ('const' in schema) return fc.constant(schema.const);
  if (Array.isArray(schema.type)) {
    return fc.oneof(...schema.type.map((type) => fitting({ ...schema, type }, known, depth)));
  }
  switch (schema.type) {
    case undefined:
      return fc.jsonValue({ maxDepth: 3 });
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({ min: bound(schema.minimum, -1000), max: bound(schema.maximum, 100_000) });
    case 'number':
      return fc.double({ min: bound(schema.minimum, -1000), max: bound(schema.maximum, 100_000), noNaN: true });
    case 'string':
      return textOf(schema);
    case 'array': {
      const lengths = { minLength: bound(schema.minItems, 0), maxLength: Math.max(3, bound(schema.minItems, 0)) };
      return fc.array(fitting(record(schema.items), known, depth + 1), lengths);
    }
    case 'object':
      return objectOf(schema, known, depth);
    default:
      throw new Error(`The fuzz does not know the type ${String(schema.type)}`);
  }
}

function textOf(schema: Schema): fc.Arbitrary<string> {
  switch (schema.format) {
    case 'date-time':
      return fc.date({ noInvalidDate: true, min: new Date(0) }).map((date) => date.toISOString());
    case 'date':
      return fc
        .date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-01-01') })
        .map((date) => date.toISOString().slice(0, 10));
    case 'uri':
      return fc.webUrl();
    case 'email':
      return fc.emailAddress();
    default:
      if (typeof schema.pattern === 'string') return fc.stringMatching(new RegExp(schema.pattern));
      return fc.string({
        minLength: bound(schema.minLength, 0),
        maxLength: Math.min(bound(schema.maxLength, 40), 250),
        unit: 'grapheme',
      });
  }
}

function objectOf(schema: Schema, known: Known, depth: number): fc.Arbitrary<unknown> {
  const required = Array.isArray(schema.required) ? schema.required.map(String) : [];
  const properties = Object.entries(record(schema.properties)).map(([name, each]) => {
    const any = fitting(record(each), known, depth + 1);
    const values = known.values[name] ?? [];
    if (values.length === 0) return [name, any] as const;
    const some = { weight: 5, arbitrary: fc.constantFrom<unknown>(...values) };
    return [name, fc.oneof(some, { weight: 1, arbitrary: any })] as const;
  });
  const named = fc.record(Object.fromEntries(properties), { requiredKeys: required });
  const others = schema.additionalProperties;
  if (typeof others !== 'object' || depth > 4) return named;
  const more = fc.dictionary(fc.string({ maxLength: 20 }), fitting(record(others), known, depth + 1), { maxKeys: 4 });
  return fc.tuple(named, more).map(([one, two]) => ({ ...two, ...one }));
}

function bound(value: unknown, otherwise: number): number {
  return typeof value === 'number' && Math.abs(value) < Number.MAX_SAFE_INTEGER ? value : otherwise;
}

/** Texts that have broken something somewhere. */
export const hostileTexts: readonly string[] = [
  '',
  ' ',
  '\u0000',
  '\uD800',
  '\uFEFF',
  '\u2028',
  '__proto__',
  'constructor',
  'toString',
  'null',
  'NaN',
  '-0',
  '1e309',
  '9007199254740993',
  '99999999999999999999',
  '../../../../etc/passwd',
  '..%2f..%2fetc%2fpasswd',
  "' OR 1=1 --",
  "'; DROP TABLE jobs; --",
  '"><script>alert(1)</script>',
  '{{7*7}}',
  '$(id)',
  '%00',
  '%',
  '*',
  'a'.repeat(201),
  'x'.repeat(5_000),
  'İ',
  '🦊'.repeat(50),
  '\r\nX-Injected: 1',
  'http://169.254.169.254/latest/meta-data',
];

/** Values that fit nothing in particular, and such as nearly fit. */
export function strange(): fc.Arbitrary<unknown> {
  return fc.oneof(
    fc.jsonValue({ maxDepth: 4 }),
    fc.constantFrom<unknown>(...hostileTexts),
    fc.constantFrom<unknown>(null, true, -1, 0, 1.5, 1e308, Number.MAX_SAFE_INTEGER, [], {}, [[]]),
  );
}

/** A value that fits, spoiled in one place: a field more, one fewer, one of another kind. */
export function spoiled(value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc
    .tuple(
      value,
      fc.constantFrom('more', 'fewer', 'other', 'list'),
      fc.nat(20),
      strange(),
      fc.constantFrom(...hostileTexts),
    )
    .map(([given, how, at, other, name]) => {
      if (how === 'list') return [given];
      const entries = Object.entries(record(given));
      if (how === 'more') return Object.fromEntries([...entries, [name, other]]);
      const place = entries.length === 0 ? 0 : at % entries.length;
      if (how === 'fewer') return Object.fromEntries(entries.filter((_, index) => index !== place));
      return Object.fromEntries(entries.map((entry, index) => (index === place ? [entry[0], other] : entry)));
    });
}
