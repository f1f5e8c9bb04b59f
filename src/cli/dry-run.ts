import { isOffpeakError } from '../errors.ts';
import type { PriceList } from '../price-list.ts';
import { costNanoUsd, pricesCheckedOn } from '../prices.ts';
import type { Provider, WireRequest } from '../provider.ts';
import type { Recipe } from '../recipe.ts';
import type { ModelRequest } from '../request.ts';
import type { RunMode } from '../run.ts';
import type { Source } from '../source.ts';
import { exitCodes } from './exit-codes.ts';
import { printData, say } from './output.ts';
import { formatBytes, formatCount, formatUsd } from './terminal.ts';

/** Tokens of an answer when --max-tokens does not bound it: an assumption, and said. */
const assumedOutputTokens = 300;

interface Estimate {
  requests: number;
  skipped: Map<string, number>;
  bytes: number;
  inputTokens: number;
  outputTokens: number;
  batchNanoUsd: number;
  realtimeNanoUsd: number;
  unpriced: number;
}

/** `--dry-run`: reads everything, sends nothing, stores nothing; the count, the tokens and both prices. */
export async function dryRun(input: {
  source: Source;
  recipe: Recipe;
  provider: Provider;
  prices: PriceList;
  mode: RunMode;
  json: boolean;
}): Promise<number> {
  const total: Estimate = {
    requests: 0,
    skipped: new Map(),
    bytes: 0,
    inputTokens: 0,
    outputTokens: 0,
    batchNanoUsd: 0,
    realtimeNanoUsd: 0,
    unpriced: 0,
  };
  const skip = (reason: string) => total.skipped.set(reason, (total.skipped.get(reason) ?? 0) + 1);
  for await (const item of input.source.items()) {
    if (item.content.type === 'skip') skip(item.content.code);
    else {
      try {
        const request = input.recipe.toRequest(item);
        add(total, input, request, input.provider.toWire(request));
      } catch (error) {
        if (!isOffpeakError(error, 'usage')) throw error;
        skip('unsupported');
      }
    }
  }
  const byBatch = input.mode !== 'realtime' && input.provider.batch !== undefined;
  if (input.json) printData(JSON.stringify(toJson(total, byBatch), undefined, 2));
  else for (const line of toLines(total, byBatch)) say(line);
  return total.requests === 0 ? exitCodes.usage : exitCodes.succeeded;
}

function add(
  total: Estimate,
  { provider, prices }: { provider: Provider; prices: PriceList },
  request: ModelRequest,
  { body, size }: WireRequest,
): void {
  const { inputTokens } = size;
  const outputTokens = request.type === 'embedding' ? 0 : (size.maxOutputTokens ?? assumedOutputTokens);
  total.requests += 1;
  total.bytes += Buffer.byteLength(body);
  total.inputTokens += inputTokens;
  total.outputTokens += outputTokens;
  const price = prices.priceOf(provider.name, request.model);
  if (!price) {
    total.unpriced += 1;
    return;
  }
  total.batchNanoUsd += costNanoUsd(price, { inputTokens, outputTokens }, true);
  total.realtimeNanoUsd += costNanoUsd(price, { inputTokens, outputTokens }, false);
}

function toLines(total: Estimate, byBatch: boolean): string[] {
  const skipped = [...total.skipped].map(([reason, count]) => `${formatCount(count)} ${reason}`).join(', ');
  const lines = [
    `Dry run, nothing is sent: ${formatCount(total.requests)} requests, ${formatBytes(total.bytes)}.`,
    ...(skipped ? [`Skipped: ${skipped}.`] : []),
    `Estimated ${formatCount(total.inputTokens)} tokens in, ${formatCount(total.outputTokens)} out (answers without --max-tokens counted as ${assumedOutputTokens}).`,
  ];
  if (total.unpriced > 0) return [...lines, `Price unknown for ${formatCount(total.unpriced)} requests.`];
  const batch = `batch ${formatUsd(total.batchNanoUsd)}`;
  const realtime = `realtime ${formatUsd(total.realtimeNanoUsd)}`;
  const prices = byBatch ? `${batch}, where ${realtime}` : `${realtime} (this run does not use a batch API)`;
  return [...lines, `Estimated price: ${prices} (list prices of ${pricesCheckedOn}).`];
}

function toJson(total: Estimate, byBatch: boolean) {
  const usd = (nano: number) => (total.unpriced > 0 ? null : nano / 1e9);
  return {
    requests: total.requests,
    skipped: Object.fromEntries(total.skipped),
    bytes: total.bytes,
    estimated_input_tokens: total.inputTokens,
    estimated_output_tokens: total.outputTokens,
    estimated_batch_usd: byBatch ? usd(total.batchNanoUsd) : null,
    estimated_realtime_usd: usd(total.realtimeNanoUsd),
    prices_checked_on: pricesCheckedOn,
  };
}
