/** What stands in the form of a job. */
export interface Draft {
  jobType: string;
  provider: string;
  priority: number | undefined;
  model: string;
  content: 'prompt' | 'json';
  system: string;
  prompt: string;
  temperature: number | undefined;
  maxTokens: number | undefined;
  json: string;
  callbackUrl: string;
}

export const emptyDraft: Draft = {
  jobType: 'creative_scoring',
  provider: '',
  priority: 5,
  model: '',
  content: 'prompt',
  system: '',
  prompt: '',
  temperature: undefined,
  maxTokens: undefined,
  json: '',
  callbackUrl: '',
};

/** The body of `POST /batch/queue`, or why there is none yet. */
export function requestOf(draft: Draft): { body: Record<string, unknown> } | { error: string } {
  const read = dataOf(draft);
  return 'error' in read ? read : { body: bodyOf(draft, read.data) };
}

/** To be shown while the form is being filled in. */
export function previewOf(draft: Draft): Record<string, unknown> {
  const read = dataOf({ ...draft, prompt: draft.prompt.trim() === '' ? '…' : draft.prompt });
  return bodyOf(draft, 'error' in read ? {} : read.data);
}

function bodyOf(draft: Draft, data: Record<string, unknown>): Record<string, unknown> {
  return {
    job_type: draft.jobType,
    provider: draft.provider,
    priority: draft.priority ?? 5,
    data: { ...(draft.model !== '' && { model: draft.model }), ...data },
    ...(draft.callbackUrl !== '' && { callback_url: draft.callbackUrl }),
  };
}

function dataOf(draft: Draft): { data: Record<string, unknown> } | { error: string } {
  if (draft.content === 'json') return readJson(draft.json);
  if (draft.prompt.trim() === '') return { error: 'The prompt is empty.' };
  if (draft.jobType === 'embedding_generation') {
    return { data: { input: draft.prompt.split('\n').filter((text) => text.trim() !== '') } };
  }
  return {
    data: {
      messages: [
        ...(draft.system.trim() === '' ? [] : [{ role: 'system', content: draft.system }]),
        { role: 'user', content: draft.prompt },
      ],
      ...(draft.temperature !== undefined && { temperature: draft.temperature }),
      ...(draft.maxTokens !== undefined && { max_tokens: draft.maxTokens }),
    },
  };
}

function readJson(text: string): { data: Record<string, unknown> } | { error: string } {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { data: { ...value } };
    return { error: 'The data must be a JSON object.' };
  } catch (error) {
    return { error: `The data is not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
}
