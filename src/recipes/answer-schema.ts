import { createRequire } from 'node:module';
import type { ErrorObject } from 'ajv';
import type { Ajv2020 } from 'ajv/dist/2020.js';
import { messageOf, OffpeakError } from '../errors.ts';
import type { JsonSchema } from '../request.ts';

/** Why an answer breaks the schema, in words for a person; undefined when it keeps to it. */
export type AnswerCheck = (output: string) => string | undefined;

/**
 * Compiles a JSON Schema once: draft 2020-12, or draft-07 and older where its `$schema` says so; formats are not
 * checked. Throws a `usage` error for a schema that is none.
 */
export function createAnswerCheck(schema: JsonSchema): AnswerCheck {
  const validate = compile(schema);
  return (output) => {
    let value: unknown;
    try {
      value = JSON.parse(withoutFence(output));
    } catch {
      return 'answer is not JSON, and the schema asks for it';
    }
    if (validate(value)) return undefined;
    const errors = validate.errors ?? [];
    const shown = [...new Set(errors.map(wordsOf))].slice(0, 3);
    return `answer breaks the schema: ${shown.join('; ')}${errors.length > 3 ? '; and more' : ''}`;
  };
}

function compile(schema: JsonSchema): ReturnType<Ajv2020['compile']> {
  // Not imported at the top: 40 ms at every start, for the runs that have a schema only.
  const require = createRequire(import.meta.url);
  const isOld = typeof schema.$schema === 'string' && /draft-0[467]/.test(schema.$schema);
  const { default: Ajv } = require(isOld ? 'ajv' : 'ajv/dist/2020.js') as { default: typeof Ajv2020 };
  const { $schema: _, ...rest } = schema;
  try {
    const ajv = new Ajv({ allErrors: true, strict: false, validateFormats: false, logger: false });
    return ajv.compile(rest);
  } catch (error) {
    throw new OffpeakError(`the schema cannot be used: ${messageOf(error)}`, { code: 'usage', cause: error });
  }
}

/** Models like to put JSON into a Markdown fence, asked or not. */
function withoutFence(output: string): string {
  const text = output.trim();
  const isFenced = text.length >= 6 && text.startsWith('```') && text.endsWith('```');
  if (!isFenced) return text;
  const inside = text.slice(3, -3);
  const word = inside.slice(0, 4).toLowerCase() === 'json' ? 4 : 0;
  return inside.slice(word);
}

/** `/summary must be string`. The place and a property's name come from the answer, so they are cut and quoted. */
function wordsOf(error: ErrorObject): string {
  const place = error.instancePath === '' ? '' : `${shortened(error.instancePath)} `;
  const extra = error.params.additionalProperty ?? error.params.unevaluatedProperty;
  const name = typeof extra === 'string' ? ` (${shortened(JSON.stringify(extra))})` : '';
  return `${place}${error.message ?? 'is not valid'}${name}`;
}

function shortened(text: string): string {
  const printable = text.replace(/[\x00-\x1f\x7f-\x9f]/g, '?').toWellFormed();
  return printable.length <= 100 ? printable : `${printable.slice(0, 100).toWellFormed()}…`;
}
