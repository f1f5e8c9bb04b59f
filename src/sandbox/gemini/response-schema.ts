import { asArray, isObject, type JsonObject } from '../json.ts';
import { field } from './field.ts';

/** Words of a schema whose values are numbers; int64 may come as text. */
const NUMBERS = ['minItems', 'maxItems', 'minLength', 'maxLength', 'minimum', 'maximum', 'minProperties'];
const DEEPEST = 40;

/** The JSON schema that says the same as a `responseSchema`, which is OpenAPI with types in capitals (section 3.9). */
export function jsonSchemaOf(schema: unknown, depth = 0): unknown {
  if (!isObject(schema) || depth > DEEPEST) return schema;
  const result: JsonObject = { ...schema };
  if (typeof schema.type === 'string') result.type = schema.type.toLowerCase();
  for (const name of NUMBERS) {
    const value = field(schema, name);
    if (value !== undefined) result[name] = Number(value);
  }
  const alternatives = field(schema, 'anyOf');
  if (Array.isArray(alternatives)) result.anyOf = alternatives.map((branch) => jsonSchemaOf(branch, depth + 1));
  if (schema.items !== undefined) result.items = jsonSchemaOf(schema.items, depth + 1);
  if (isObject(schema.properties)) result.properties = orderedProperties(schema, schema.properties, depth);
  return result;
}

function orderedProperties(schema: JsonObject, properties: JsonObject, depth: number): JsonObject {
  const order = asArray(field(schema, 'propertyOrdering')).filter((name) => typeof name === 'string');
  const named = order.filter((name) => Object.hasOwn(properties, name));
  const names = [...new Set([...named, ...Object.keys(properties)])];
  return Object.fromEntries(names.map((name) => [name, jsonSchemaOf(properties[name], depth + 1)]));
}
