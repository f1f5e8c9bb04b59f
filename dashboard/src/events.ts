import type { ServerEvent } from '../../src/service/contract/deliveries.ts';
import { call, problemOf } from './api.ts';
import { createEventParser } from './event-parser.ts';
import { createStore } from './store.ts';

/**
 * The live connection: one for the whole page. It is read with `fetch`, because `EventSource` cannot send a token; it
 * goes on where it was cut, by the id of the last event.
 */

export type LiveState = { type: 'connecting' } | { type: 'live' } | { type: 'waiting'; until: number };

export const liveState = createStore<LiveState>({ type: 'connecting' });

type Listener = (event: ServerEvent | 'resumed') => void;
const listeners = new Set<Listener>();

/** `resumed`: the connection was away for a while, anything may have changed. Returns what ends it. */
export function onServerEvent(listener: Listener): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

const tell: Listener = (event) => {
  for (const listener of [...listeners]) listener(event);
};

const firstWaitMs = 1000;
const longestWaitMs = 30_000;
/** A server that sends comments to keep the line alive is thought gone after so long a silence. */
const silenceMs = 50_000;

/** Connects, and connects again after every loss, until the signal. */
export async function followEvents(signal: AbortSignal): Promise<void> {
  let lastId: string | undefined;
  let losses = 0;
  let hasBeenLive = false;
  while (!signal.aborted) {
    liveState.set({ type: 'connecting' });
    try {
      await readStream(signal, lastId, {
        onOpen() {
          losses = 0;
          liveState.set({ type: 'live' });
          if (hasBeenLive) tell('resumed');
          hasBeenLive = true;
        },
        onEvent(event, id) {
          lastId = id ?? lastId;
          tell(event);
        },
      });
    } catch (error) {
      // Signed out: whoever signs in starts anew.
      if (signal.aborted || problemOf(error).status === 401) return;
    }
    const wait = Math.min(firstWaitMs * 2 ** losses, longestWaitMs) * (0.75 + Math.random() / 2);
    losses += 1;
    liveState.set({ type: 'waiting', until: Date.now() + wait });
    await waitFor(wait, signal);
  }
}

interface StreamHandlers {
  onOpen(): void;
  onEvent(event: ServerEvent, id: string | undefined): void;
}

async function readStream(signal: AbortSignal, lastId: string | undefined, handlers: StreamHandlers): Promise<void> {
  const silence = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isKeptAlive = false;
  const heard = () => {
    clearTimeout(timer);
    if (isKeptAlive) timer = setTimeout(() => silence.abort(), silenceMs);
  };
  const headers = { accept: 'text/event-stream', ...(lastId !== undefined && { 'last-event-id': lastId }) };
  try {
    const response = await call('/batch/events', { headers, signal: AbortSignal.any([signal, silence.signal]) });
    if (!response.body) return;
    handlers.onOpen();
    const parser = createEventParser({
      onEvent({ id, data }) {
        const event = readEvent(data);
        if (event) handlers.onEvent(event, id);
      },
      onComment() {
        isKeptAlive = true;
      },
    });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      parser.push(value);
      heard();
    }
  } finally {
    clearTimeout(timer);
  }
}

function readEvent(data: string): ServerEvent | undefined {
  try {
    return JSON.parse(data) as ServerEvent;
  } catch {
    return undefined;
  }
}

/** Ends early when the browser comes back online, or the user comes back to the page. */
function waitFor(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      window.removeEventListener('online', end);
      document.removeEventListener('visibilitychange', endIfVisible);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const endIfVisible = () => {
      if (document.visibilityState === 'visible') end();
    };
    const timer = setTimeout(end, milliseconds);
    window.addEventListener('online', end);
    document.addEventListener('visibilitychange', endIfVisible);
    signal.addEventListener('abort', end);
  });
}
