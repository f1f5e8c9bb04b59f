import type { Call } from '../call.ts';
import type { GeminiFile } from './file-store.ts';

/** The address the client used: addresses in answers must lead back here. */
export function originOf(call: Pick<Call, 'request'>): string {
  return `http://${call.request.headers.host ?? '127.0.0.1'}`;
}

export function timeText(ms: number): string {
  return new Date(ms).toISOString();
}

/** The file as the client sees it (contract section 3.7): int64 as text, unset fields left out. */
export function fileObject(file: GeminiFile, origin: string): Record<string, unknown> {
  const uri = `${origin}/v1beta/files/${file.id}`;
  return {
    name: `files/${file.id}`,
    ...(file.displayName === null ? {} : { displayName: file.displayName }),
    mimeType: file.mimeType,
    sizeBytes: String(file.bytes),
    createTime: timeText(file.createdMs),
    updateTime: timeText(file.createdMs),
    expirationTime: timeText(file.expiresMs),
    ...(file.sha256 === '' ? {} : { sha256Hash: file.sha256 }),
    uri,
    ...(file.source === 'GENERATED' ? { downloadUri: `${uri}:download?alt=media` } : {}),
    state: 'ACTIVE',
    source: file.source,
  };
}
