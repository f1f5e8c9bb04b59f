import { OffpeakError } from '../../errors.ts';

const methods = ['generateContent', 'embedContent', 'batchEmbedContents'] as const;

export interface GeminiEndpoint {
  model: string;
  method: (typeof methods)[number];
}

const pattern = /^\/v1beta\/models\/([A-Za-z0-9._-]+):([A-Za-z]+)$/;

/** The path is put behind the base URL together with the key, so nothing but a known one is let through. */
export function parseEndpoint(endpoint: string): GeminiEndpoint | undefined {
  const [, model, word] = pattern.exec(endpoint) ?? [];
  const method = methods.find((known) => known === word);
  return model && method ? { model, method } : undefined;
}

export function endpointOf(model: string, method: GeminiEndpoint['method']): string {
  return `/v1beta/models/${model}:${method}`;
}

/** `models/gemini-3.8-flash` and `gemini-3.8-flash` are one model. */
export function plainModel(model: string): string {
  return model.replace(/^models\//, '');
}

/** The path that creates a batch of such requests. Several texts in one request can only be embedded in realtime. */
export function batchPathOf(action: string, endpoint: string): string {
  const parsed = parseEndpoint(endpoint);
  if (parsed?.method === 'generateContent') return `/v1beta/models/${parsed.model}:batchGenerateContent`;
  if (parsed?.method === 'embedContent') return `/v1beta/models/${parsed.model}:asyncBatchEmbedContent`;
  throw new OffpeakError(
    `${action}: there are no batches of ${endpoint.slice(0, 200)}; ask for one embedding a request, or in realtime`,
    { code: 'batch_unavailable' },
  );
}
