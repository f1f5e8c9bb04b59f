import type { IncomingMessage } from 'node:http';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { Clock } from '../../clock.ts';
import { type Address, checkPublicUrl, type Lookup, resolvePublic } from '../public-address.ts';
import { retryAfterOf } from './retry-after.ts';

export interface PostOptions {
  allowPrivate: boolean;
  clock: Clock;
  /** Names to addresses; by default the system's. */
  lookup?: Lookup;
  /** From the look-up of the name to the end of the answer. */
  timeoutMs?: number;
}

export interface Post {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string;
}

/** What came of one POST. `refused`: nothing was sent, for the address is not one that may be sent to. */
export type Posted = { status: number; retryAfterMs?: number } | { error: string; refused?: 'address' };

const usualTimeoutMs = 15_000;
/** Of the answer nothing but the status counts: what is longer is broken off. */
const mostAnswerBytes = 4_096;

/**
 * One POST to an address that somebody else gave us: to the address that was looked at and no other, along no redirect.
 * Never throws.
 */
export async function postWebhook(post: Post, options: PostOptions, signal: AbortSignal): Promise<Posted> {
  const problem = checkPublicUrl(post.url, options);
  if (problem !== undefined) return { error: `the address ${problem}`, refused: 'address' };
  const timeoutMs = options.timeoutMs ?? usualTimeoutMs;
  const done = new AbortController();
  const late = new AbortController();
  void options.clock.sleep(timeoutMs, done.signal).then(() => late.abort());
  const over = AbortSignal.any([signal, late.signal]);
  const url = new URL(post.url);
  try {
    const resolved = await unlessOver(resolvePublic(url, options), over);
    if ('refused' in resolved) return { error: resolved.refused };
    return await exchange({ url, post, address: resolved.address, clock: options.clock, signal: over });
  } catch (error) {
    if (signal.aborted) return { error: 'the service was stopped' };
    return { error: late.signal.aborted ? `no answer in ${timeoutMs / 1000} seconds` : faultOf(error) };
  } finally {
    done.abort();
  }
}

/** A look-up cannot be broken off; what it finds too late is not waited for. */
function unlessOver<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

interface Exchange {
  url: URL;
  post: Post;
  address: Address;
  clock: Clock;
  signal: AbortSignal;
}

function exchange({ url, post, address, clock, signal }: Exchange): Promise<Posted> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    const request = send(url, {
      method: 'POST',
      headers: { ...post.headers, 'content-length': Buffer.byteLength(post.body) },
      // The name is not looked up a second time: it could stand for another address by now.
      lookup: always(address),
      agent: false,
      signal,
    });
    let answer: IncomingMessage | undefined;
    // Once there is a status it counts, however the rest of the answer goes.
    const fail = (error: Error) => (answer ? resolve(answered(answer, clock)) : reject(error));
    request.on('error', fail);
    request.on('close', () => fail(new Error('the connection was closed without an answer')));
    request.on('response', (response) => {
      answer = response;
      void readSome(response).then(() => {
        resolve(answered(response, clock));
        request.destroy();
      });
    });
    request.end(post.body);
  });
}

function always({ address, family }: Address): LookupFunction {
  return (_hostname, options, callback) => {
    if (options.all) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
}

/** Reads the answer to its end, as is polite, but not beyond a few kB. */
function readSome(response: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > mostAnswerBytes) resolve();
    });
    response.on('error', () => resolve());
    response.on('close', () => resolve());
    response.on('end', () => resolve());
  });
}

function answered({ statusCode = 0, headers }: IncomingMessage, clock: Clock): Posted {
  const retryAfterMs = retryAfterOf(headers['retry-after'], clock.now());
  return { status: statusCode, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** A word that tells what failed; never the other side's text, nor the address we found. */
function faultOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  if (code === undefined) return error instanceof Error ? error.message : 'the connection failed';
  return words[code] ?? `the connection failed (${code})`;
}

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens at the address',
  ECONNRESET: 'the connection was broken off',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'the name could not be looked up',
  ETIMEDOUT: 'the connection timed out',
  EHOSTUNREACH: 'the address cannot be reached',
  ENETUNREACH: 'the address cannot be reached',
};
