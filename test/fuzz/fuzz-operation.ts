import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { fitting, hostileTexts, type Known, spoiled, strange } from './json-schema-arbitrary.ts';
import type { FuzzDocument, Operation } from './openapi-document.ts';

export interface FuzzTarget {
  url: string;
  document: FuzzDocument;
  /** Ids that exist and other values that mean something, by the name of the field or parameter. */
  values: Known['values'];
  /** Must be in no answer. */
  canary: string;
}

interface Sent {
  path: string;
  query: string;
  headers: Record<string, string>;
  body: string | undefined;
}

/** How long an answer without an end is read. */
const streamMs = 50;

/**
 * Sends `runs` requests to an operation, fitting ones and strange ones, and throws at the first answer that is a 5xx,
 * does not fit the document, or tells what it should not; fast-check then finds the smallest such request and its seed.
 */
export async function fuzzOperation(
  target: FuzzTarget,
  operation: Operation,
  options: { runs: number; seed?: number },
): Promise<ReadonlyMap<number, number>> {
  const statuses = new Map<number, number>();
  const check = createCheck(target, operation);
  const property = fc.asyncProperty(requests(target, operation), async (sent) => {
    const status = await check(sent);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  });
  await fc.assert(property, {
    numRuns: options.runs,
    ...(options.seed === undefined ? {} : { seed: options.seed }),
    endOnFailure: false,
    interruptAfterTimeLimit: 3_600_000,
    markInterruptAsFailure: true,
  });
  return statuses;
}

function requests({ document, values }: FuzzTarget, operation: Operation): fc.Arbitrary<Sent> {
  const known = { schemas: document.schemas, values };
  const parameter = ({ name, schema }: Operation['parameters'][number], isGood: boolean): fc.Arbitrary<string> => {
    const fits = fitting(schema, known).map(String);
    const real = values[name] ?? [];
    const good = real.length > 0 ? fc.oneof(fc.constantFrom(...real), fc.constantFrom(...real), fits) : fits;
    return isGood ? good : fc.oneof(good, fc.constantFrom(...hostileTexts));
  };
  const at = (place: string) => operation.parameters.filter((each) => each.place === place);
  const paths = fc.tuple(
    ...at('path').map((each) => parameter(each, true).map((value) => [each.name, value] as const)),
  );
  const strangePaths = fc.tuple(
    ...at('path').map((each) => parameter(each, false).map((value) => [each.name, value] as const)),
  );
  const queryOf = (isGood: boolean) =>
    fc.tuple(
      ...at('query').map((each) => {
        const value = parameter(each, isGood);
        const given = each.isRequired && isGood ? value : fc.option(value, { freq: 2, nil: undefined });
        return given.map((text) => (text === undefined ? [] : [[each.name, text] as const]));
      }),
    );
  const unknown = fc.constantFrom([['unknown', '1'] as const], [], []);
  const query = fc.oneof(
    { weight: 3, arbitrary: queryOf(true).map((pairs) => pairs.flat()) },
    { weight: 1, arbitrary: fc.tuple(queryOf(false), unknown).map(([pairs, more]) => [...pairs.flat(), ...more]) },
  );
  const key = fc.stringMatching(/^[\x20-\x7e]{0,40}$/).map((text) => text.trim());
  const headers = fc.dictionary(fc.constantFrom(...at('header').map(({ name }) => name), 'x-other'), key, {
    maxKeys: 2,
  });
  return fc.record({
    path: fc
      .oneof({ weight: 3, arbitrary: paths }, { weight: 1, arbitrary: strangePaths })
      .map((pairs) =>
        pairs.reduce((path, [name, value]) => path.replace(`{${name}}`, () => encoded(value) || '-'), operation.path),
      ),
    query: query.map((pairs) => pairs.map(([name, value]) => `${name}=${encoded(value)}`).join('&')),
    headers,
    body: bodies(operation, known),
  });
}

/** Lone surrogates cannot stand in a URL. */
function encoded(value: string): string {
  return encodeURIComponent(value.toWellFormed());
}

function bodies({ body, method }: Operation, known: Known): fc.Arbitrary<string | undefined> {
  if (method === 'GET' || method === 'HEAD') return fc.constant(undefined);
  const text = (value: fc.Arbitrary<unknown>) => value.map((each) => JSON.stringify(each) ?? 'null');
  const nothing = fc.constant(undefined);
  if (!body) return fc.oneof({ weight: 3, arbitrary: nothing }, { weight: 1, arbitrary: text(strange()) });
  const good = fitting(body, known);
  return fc.oneof(
    { weight: 6, arbitrary: text(good) },
    { weight: 4, arbitrary: text(spoiled(good)) },
    { weight: 2, arbitrary: text(strange()) },
    { weight: 1, arbitrary: fc.string({ maxLength: 60 }) },
    { weight: 1, arbitrary: nothing },
  );
}

/** Sends one and throws what is wrong with the answer. */
function createCheck({ url, document, canary }: FuzzTarget, operation: Operation): (sent: Sent) => Promise<number> {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema({ $id: 'api', components: { schemas: document.schemas } });
  const validators = new Map(
    [...operation.answers].map(([status, { type, schema }]) => [
      status,
      { type, validate: ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"api#/'))) },
    ]),
  );
  return async (sent) => {
    const { status, type, text } = await send(url, operation.method, sent);
    if (status >= 500) throw new Error(`${status}: ${text.slice(0, 500)}`);
    if (/\n\s+at .+:\d+|node_modules|\.ts:\d+/.test(text)) throw new Error(`It tells a stack: ${text.slice(0, 500)}`);
    if (canary !== '' && text.includes(canary)) throw new Error('It tells a secret');
    const wanted = validators.get(String(status)) ?? validators.get('default');
    if (!wanted) throw new Error(`The document knows no ${status}`);
    if (!type.startsWith(wanted.type)) throw new Error(`${status} is ${type}, not ${wanted.type}`);
    for (const value of valuesOf(type, text)) {
      if (!wanted.validate(value)) {
        throw new Error(`${status} does not fit: ${ajv.errorsText(wanted.validate.errors)}: ${text.slice(0, 500)}`);
      }
    }
    return status;
  };
}

function valuesOf(type: string, text: string): unknown[] {
  if (type.startsWith('application/x-ndjson')) {
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  }
  if (type.includes('json')) return [JSON.parse(text)];
  if (!type.startsWith('text/event-stream')) return [text];
  return [...text.matchAll(/^data: (.*)\n$/gm)].map((match) => JSON.parse(match[1] ?? ''));
}

async function send(url: string, method: string, sent: Sent): Promise<{ status: number; type: string; text: string }> {
  const stop = new AbortController();
  const answer = await fetch(`${url}${sent.path}${sent.query === '' ? '' : `?${sent.query}`}`, {
    method,
    redirect: 'manual',
    signal: stop.signal,
    headers: { ...sent.headers, ...(sent.body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(sent.body === undefined ? {} : { body: sent.body.toWellFormed() }),
  });
  const type = answer.headers.get('content-type') ?? '';
  const endless = type.startsWith('text/event-stream') || sent.query.includes('follow=true');
  if (!endless || !answer.ok) return { status: answer.status, type, text: await answer.text() };
  const timer = setTimeout(() => stop.abort(), streamMs);
  let text = '';
  try {
    for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) text += chunk;
  } catch {
    // We left; what came until then is looked at, whole lines of it.
    text = text.slice(0, text.lastIndexOf('\n') + 1);
  }
  clearTimeout(timer);
  return { status: answer.status, type, text };
}
