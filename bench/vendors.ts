import { closeSync, existsSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { jsonlFile, textOf } from './material.ts';

export type VendorName = 'openai' | 'anthropic' | 'gemini';

/** A provider under test: its largest batch, where the sandbox answers for it, and who it is compared with. */
export interface Vendor {
  name: VendorName;
  model: string;
  endpoint: string;
  /** The script that does the same with the vendor's own client. */
  naive: string;
  /** One batch of the vendor, close to a limit of it: rows, and bytes of a body. */
  rows: number;
  bodyBytes: number;
  /** Whether the requests travel in a file of their own, before the batch is created. */
  uploads: boolean;
  /** Our settings, in `config.yaml`. */
  settings(url: string): Record<string, string | number>;
  /** For the vendor's client. */
  env(url: string): Record<string, string>;
  /** JSONL that the command and the script both read; made once per work folder. */
  source(work: string, rows: number, bodyBytes: number): string;
}

const key = 'sk-bench';

export const vendors: Readonly<Record<VendorName, Vendor>> = {
  openai: {
    name: 'openai',
    model: 'gpt-5-mini',
    endpoint: '/v1/chat/completions',
    naive: 'naive-openai.ts',
    // 50,000 rows and 200 MB are both the most.
    rows: 50_000,
    bodyBytes: 3880,
    uploads: true,
    settings: (url) => ({ api_key: key, base_url: `${url}/v1` }),
    env: (url) => ({ OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: key }),
    source: jsonlFile,
  },
  anthropic: {
    name: 'anthropic',
    model: 'claude-haiku-4-5',
    endpoint: '/v1/messages',
    naive: 'naive-anthropic.ts',
    // 100,000 rows and 256 MB are the most; each row takes some 60 bytes more than its body.
    rows: 100_000,
    bodyBytes: 2440,
    uploads: false,
    settings: (url) => ({ api_key: key, base_url: url }),
    env: (url) => ({ ANTHROPIC_BASE_URL: url, ANTHROPIC_API_KEY: key }),
    source: (work, rows, bodyBytes) => promptFile(work, rows, bodyBytes - 120),
  },
  gemini: {
    name: 'gemini',
    model: 'gemini-2.5-flash',
    endpoint: '/v1beta/models/gemini-2.5-flash:generateContent',
    naive: 'naive-gemini.ts',
    rows: 50_000,
    bodyBytes: 3940,
    uploads: true,
    settings: (url) => ({ api_key: key, base_url: url }),
    env: (url) => ({ GOOGLE_GEMINI_BASE_URL: url, GEMINI_API_KEY: key }),
    source: (work, rows, bodyBytes) => promptFile(work, rows, bodyBytes - 100),
  },
};

/** Lines of `{"custom_id", "prompt", "max_tokens"}`, for the vendors whose batch format is no JSONL that users write. */
function promptFile(work: string, rows: number, promptBytes: number): string {
  const path = join(work, `${rows}-prompts-of-${promptBytes}.jsonl`);
  if (existsSync(path)) return path;
  const fd = openSync(path, 'w');
  let lines = '';
  for (let row = 1; row <= rows; row++) {
    const id = `job-${String(row).padStart(7, '0')}`;
    lines += `${JSON.stringify({ custom_id: id, prompt: textOf(row, promptBytes), max_tokens: 512 })}\n`;
    if (lines.length > 1e6 || row === rows) {
      writeSync(fd, lines);
      lines = '';
    }
  }
  closeSync(fd);
  return path;
}
