import type { JsonSchema } from '../../request.ts';
import { arrayOf, recordOf } from '../json-values.ts';

/** What OpenAI's strict mode understands; with any other keyword it refuses the whole request. */
const keywords = new Set(
  (
    'type properties required additionalProperties items enum const anyOf $ref $defs definitions title description ' +
    'pattern format minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minItems maxItems'
  ).split(' '),
);
const formats = new Set('date-time time date duration email hostname ipv4 ipv6 uuid'.split(' '));
const deepest = 10;

/**
 * Whether a schema may be sent with `strict: true`: every object closed and all its properties required, an object at
 * the root (https://developers.openai.com/api/docs/guides/structured-outputs). Not strict, the schema is a strong hint,
 * and the answer is checked here anyway.
 */
export function isStrictSchema(schema: JsonSchema): boolean {
  return schema.type === 'object' && schema.anyOf === undefined && isStrict(schema, 0);
}

function isStrict(value: unknown, depth: number): boolean {
  const schema = recordOf(value);
  if (!schema || depth > deepest) return false;
  if (!Object.keys(schema).every((keyword) => keywords.has(keyword))) return false;
  if (schema.format !== undefined && !formats.has(String(schema.format))) return false;
  const isObject =
    schema.type === 'object' || arrayOf(schema.type).includes('object') || schema.properties !== undefined;
  if (isObject && !isClosedObject(schema)) return false;
  const isArray = schema.type === 'array' || arrayOf(schema.type).includes('array');
  if (isArray && schema.items === undefined) return false;
  const children = [
    ...Object.values(recordOf(schema.properties) ?? {}),
    ...Object.values(recordOf(schema.$defs) ?? {}),
    ...Object.values(recordOf(schema.definitions) ?? {}),
    ...arrayOf(schema.anyOf),
    ...(schema.items === undefined ? [] : [schema.items]),
  ];
  return children.every((child) => isStrict(child, depth + 1));
}

function isClosedObject(schema: JsonSchema): boolean {
  const required = new Set(arrayOf(schema.required));
  const names = Object.keys(recordOf(schema.properties) ?? {});
  return schema.additionalProperties === false && names.every((name) => required.has(name));
}
