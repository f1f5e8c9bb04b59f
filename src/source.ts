import type { ModelRequest } from './request.ts';
import type { Description } from './run.ts';

/**
 * PORT: where items come from. `items` yields in a stable order, streams (a million files are never held), and may be
 * called again: the same input gives the same keys. It throws only when the whole source is unusable (no such folder);
 * one bad item is yielded with `skip`.
 */
export interface Source {
  /** From which any process can build this source again, to go on after a crash. */
  readonly description: Description;
  items(signal?: AbortSignal): AsyncIterable<Item>;
}

export interface Item {
  /** Names the item inside its run, for people and for matching: the path as the user knows it, a row's id. */
  key: string;
  /** Its place in the source, from 1: line number or ordinal. */
  position: number;
  /** What was read, or why it cannot be. */
  content: ItemContent;
}

export type ItemContent =
  | { type: 'text'; name: string; text: string }
  | { type: 'image'; name: string; mediaType: string; base64: string }
  /** The item is a request already (a line of a JSONL file). */
  | { type: 'request'; request: ModelRequest }
  | { type: 'skip'; code: SkipCode; message: string };

/** Why an item is never sent. */
export type SkipCode =
  | 'missing'
  | 'unreadable'
  | 'empty'
  | 'binary'
  | 'too_large'
  | 'unsupported'
  | 'malformed'
  | 'duplicate';
