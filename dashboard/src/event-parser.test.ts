import { expect, test } from 'vitest';
import { createEventParser, type StreamEvent } from './event-parser.ts';

function read(pieces: readonly string[]): { events: StreamEvent[]; comments: number } {
  const events: StreamEvent[] = [];
  let comments = 0;
  const parser = createEventParser({
    onEvent: (event) => events.push(event),
    onComment: () => {
      comments += 1;
    },
  });
  for (const piece of pieces) parser.push(piece);
  return { events, comments };
}

const stream = 'retry: 2000\n\n: still here\n\nid: 7\ndata: {"a":1}\n\nevent: run\nid: 8\ndata: one\ndata: two\n\n';
const wanted = [
  { id: '7', type: 'message', data: '{"a":1}' },
  { id: '8', type: 'run', data: 'one\ntwo' },
];

test('reads events, and comments as a sign of life', () => {
  expect(read([stream])).toEqual({ events: wanted, comments: 1 });
});

test('wherever the text is cut', () => {
  for (let at = 0; at <= stream.length; at += 1) {
    expect(read([stream.slice(0, at), stream.slice(at)]).events).toEqual(wanted);
  }
  expect(read([...stream]).events).toEqual(wanted);
});

test('with the line ends of any system, and half of one at the end of a piece', () => {
  expect(read([stream.replaceAll('\n', '\r\n')]).events).toEqual(wanted);
  expect(read([...stream.replaceAll('\n', '\r\n')]).events).toEqual(wanted);
});

test('an event that has not ended is not told', () => {
  expect(read(['id: 9\ndata: half\n']).events).toEqual([]);
});
