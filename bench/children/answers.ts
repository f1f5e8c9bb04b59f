import { textOf } from '../material.ts';
import { type VendorName, vendors } from '../vendors.ts';

/** What a provider says of an ended batch, for a server that has nothing else to say. */
export interface Answers {
  /** Its batch object, whatever is asked about it. */
  batch(rows: number, url: string): object;
  /** Where its results are read. */
  resultsPath: string;
  line(customId: string, seed: number, answerBytes: number): object;
}

const usage = { input: 250, output: 256 };

const openai: Answers = {
  batch: (rows) => ({
    id: 'batch_bench',
    object: 'batch',
    endpoint: vendors.openai.endpoint,
    input_file_id: 'file-input',
    completion_window: '24h',
    status: 'completed',
    output_file_id: 'file-output',
    error_file_id: null,
    created_at: 1,
    request_counts: { total: rows, completed: rows, failed: 0 },
    metadata: null,
  }),
  resultsPath: '/v1/files/file-output/content',
  line: (customId, seed, answerBytes) => ({
    id: `batch_req_${seed}`,
    custom_id: customId,
    response: {
      status_code: 200,
      request_id: `req_${seed}`,
      body: {
        id: `chatcmpl-${seed}`,
        object: 'chat.completion',
        created: 1_790_000_000,
        model: 'gpt-5-mini-2025-08-07',
        choices: [
          {
            index: 0,
            message: { role: 'assistant', content: textOf(seed, answerBytes), refusal: null, annotations: [] },
            finish_reason: 'stop',
          },
        ],
        usage: {
          prompt_tokens: usage.input,
          completion_tokens: usage.output,
          total_tokens: usage.input + usage.output,
          prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
          completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
        },
        system_fingerprint: null,
      },
    },
    error: null,
  }),
};

const anthropic: Answers = {
  batch: (rows, url) => ({
    id: 'batch_bench',
    type: 'message_batch',
    processing_status: 'ended',
    request_counts: { processing: 0, succeeded: rows, errored: 0, canceled: 0, expired: 0 },
    created_at: '2026-11-20T10:00:00Z',
    expires_at: '2026-11-21T10:00:00Z',
    ended_at: '2026-11-20T11:00:00Z',
    cancel_initiated_at: null,
    archived_at: null,
    results_url: `${url}${anthropic.resultsPath}`,
  }),
  resultsPath: '/v1/messages/batches/batch_bench/results',
  line: (customId, seed, answerBytes) => ({
    custom_id: customId,
    result: {
      type: 'succeeded',
      message: {
        id: `msg_${seed}`,
        type: 'message',
        role: 'assistant',
        model: vendors.anthropic.model,
        content: [{ type: 'text', text: textOf(seed, answerBytes) }],
        stop_reason: 'end_turn',
        stop_sequence: null,
        stop_details: null,
        container: null,
        diagnostics: null,
        usage: {
          input_tokens: usage.input,
          cache_creation_input_tokens: 0,
          cache_read_input_tokens: 0,
          cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
          output_tokens: usage.output,
          output_tokens_details: { thinking_tokens: 0 },
          server_tool_use: null,
          service_tier: 'batch',
          inference_geo: 'global',
          speed: null,
        },
      },
    },
  }),
};

const gemini: Answers = {
  batch: (rows) => ({
    name: 'batches/batch_bench',
    metadata: {
      name: 'batches/batch_bench',
      model: `models/${vendors.gemini.model}`,
      displayName: 'bench',
      state: 'BATCH_STATE_SUCCEEDED',
      createTime: '2026-11-20T10:00:00Z',
      endTime: '2026-11-20T11:00:00Z',
      batchStats: { requestCount: String(rows), successfulRequestCount: String(rows) },
      output: { responsesFile: 'files/output' },
    },
    done: true,
    response: { responsesFile: 'files/output' },
  }),
  resultsPath: '/download/v1beta/files/output:download',
  line: (customId, seed, answerBytes) => ({
    key: customId,
    response: {
      candidates: [
        {
          content: { role: 'model', parts: [{ text: textOf(seed, answerBytes) }] },
          finishReason: 'STOP',
          index: 0,
        },
      ],
      usageMetadata: {
        promptTokenCount: usage.input,
        candidatesTokenCount: usage.output,
        totalTokenCount: usage.input + usage.output,
        promptTokensDetails: [{ modality: 'TEXT', tokenCount: usage.input }],
      },
      modelVersion: vendors.gemini.model,
      responseId: `response-${seed}`,
    },
  }),
};

export const answersOf: Readonly<Record<VendorName, Answers>> = { openai, anthropic, gemini };
