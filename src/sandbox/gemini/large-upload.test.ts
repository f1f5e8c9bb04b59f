import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { KEY } from './test-client.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const BYTES = 60 * 1024 * 1024;
const PIECE = Buffer.alloc(64 * 1024, 'x');

function residentBytes(pid: number): number {
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(peak) * 1024;
}

// In a process of its own, so that the client's buffers do not count; its peak is what Linux tells.
test.skipIf(process.platform !== 'linux')('takes 60 MB in one request without holding them', async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'offpeak-sandbox-'));
  const child = spawn(process.execPath, [MAIN, '--state', stateDir], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const url = /http:\S+/.exec(line.toString())?.[0] ?? '';
    const started = await fetch(`${url}/upload/v1beta/files?key=${KEY}`, {
      method: 'POST',
      headers: { 'x-goog-upload-protocol': 'resumable', 'x-goog-upload-command': 'start' },
    });
    const before = residentBytes(child.pid ?? 0);
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent >= BYTES) return controller.close();
        sent += PIECE.length;
        controller.enqueue(PIECE);
      },
    });
    const response = await fetch(started.headers.get('x-goog-upload-url') ?? '', {
      method: 'POST',
      headers: { 'x-goog-upload-offset': '0', 'x-goog-upload-command': 'upload, finalize' },
      body,
      duplex: 'half',
    } as RequestInit);
    const { file } = (await response.json()) as { file: { sizeBytes: string } };
    expect(file.sizeBytes).toBe(String(BYTES));
    expect(residentBytes(child.pid ?? 0) - before).toBeLessThan(40 * 1024 * 1024);
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
    rmSync(stateDir, { recursive: true, force: true });
  }
});
