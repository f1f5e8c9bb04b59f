import { createReadStream } from 'node:fs';
import { basename, resolve } from 'node:path';
import { z } from 'zod';
import { OffpeakError } from '../../errors.ts';
import { type Line, splitLineBatches } from '../../lines.ts';
import { parseDescription } from '../../parse-description.ts';
import type { Item, Source } from '../../source.ts';
import { parseRequestLine } from './request-line.ts';
import { SeenIds } from './seen-ids.ts';

/** What `createJsonlSource` takes; with `type: 'jsonl'` it is the source's description. */
export interface JsonlOptions {
  /** Kept absolute. */
  path: string;
  /** For lines that name no model. */
  model?: string;
}

const schema = z.strictObject({
  type: z.literal('jsonl').optional(),
  path: z.string().min(1),
  model: z.string().min(1).optional(),
});

const chunkBytes = 256 * 1024;

/**
 * One request a line: OpenAI batch lines as they are, or our short form with `prompt` or `messages`. A line that cannot
 * be used is an item with the reason; `items` throws `not_found` when there is no such file.
 *
 * @example createJsonlSource({ path: 'requests.jsonl', model: 'gpt-5-mini' })
 */
export function createJsonlSource(options: JsonlOptions): Source {
  const given = parseDescription(schema, options, 'the jsonl source');
  const path = resolve(given.path);
  const { model } = given;
  return {
    description: { type: 'jsonl', path, ...(model === undefined ? {} : { model }) },
    items: (signal) => itemsOf(path, model, signal),
  };
}

async function* itemsOf(
  path: string,
  model: string | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Item> {
  const seen = new SeenIds();
  const stream = createReadStream(path, { highWaterMark: chunkBytes, ...(signal ? { signal } : {}) });
  try {
    for await (const lines of splitLineBatches(stream)) {
      for (const line of lines) {
        const item = itemOf(line, model, seen);
        if (!item) continue;
        signal?.throwIfAborted();
        yield item;
      }
    }
  } catch (error) {
    throw unusable(path, error, signal);
  } finally {
    stream.destroy();
  }
}

/** Undefined for a blank line. */
function itemOf(line: Line, model: string | undefined, seen: SeenIds): Item | undefined {
  const position = line.number;
  if (line.tooLong) {
    const message = `line ${position} is ${line.bytes.toLocaleString('en-US')} bytes long, too long for a request`;
    return { key: `line ${position}`, position, content: { type: 'skip', code: 'too_large', message } };
  }
  // Number 1 may begin with a byte order mark, which trim takes for white space, like the CR of a CRLF.
  const text = line.text.trim();
  if (text === '') return undefined;
  const { id, content } = parseRequestLine(text, position, model);
  if (id === undefined) {
    const key = `line ${position}`;
    return { key: seen.add(key) ? key : `${key} (2)`, position, content };
  }
  // Half a character in an id does not survive a database.
  const key = id.toWellFormed();
  if (seen.add(key)) return { key, position, content };
  const message = `line ${position} has the same id as a line before`;
  return { key: `${key} (line ${position})`, position, content: { type: 'skip', code: 'duplicate', message } };
}

function unusable(path: string, error: unknown, signal: AbortSignal | undefined): unknown {
  if (error instanceof OffpeakError) return error;
  if (signal?.aborted) {
    const message = `reading ${basename(path)} was stopped`;
    return new OffpeakError(message, { code: 'aborted', retryable: true, cause: error });
  }
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return new OffpeakError(`no such file: ${path}`, { code: 'not_found', cause: error });
  if (code === 'EISDIR')
    return new OffpeakError(`${path} is a directory, not a JSONL file`, { code: 'usage', cause: error });
  if (typeof code === 'string')
    return new OffpeakError(`${path} cannot be read: ${code}`, { code: 'usage', cause: error });
  return error;
}
