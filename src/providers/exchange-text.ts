import { HttpFailure, type HttpRequest, readAnswer, type SendHttp, type TextAnswer } from './send-http.ts';
import { createTimeLimit } from './time-limit.ts';

/** One exchange, its answer read to the end within `replyMs`; HttpFailure when the line breaks or the time is over. */
export async function exchangeText(
  send: SendHttp,
  request: Omit<HttpRequest, 'signal'>,
  options: { replyMs: number; maxBytes: number; signal: AbortSignal | undefined },
): Promise<TextAnswer> {
  const { replyMs, maxBytes, signal } = options;
  const limit = createTimeLimit(signal);
  limit.start(replyMs);
  try {
    return await readAnswer(await send({ ...request, signal: limit.signal }), maxBytes);
  } catch (error) {
    if (!limit.expired) throw error;
    const sent = !(error instanceof HttpFailure) || error.sent;
    throw new HttpFailure(`no answer within ${replyMs} ms`, sent);
  } finally {
    limit.close();
  }
}
