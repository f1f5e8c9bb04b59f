import type { FileRecord } from './file-store.ts';

/** The file as the client sees it (contract section 1.2). */
export function fileObject(file: FileRecord): { id: string } & Record<string, unknown> {
  return {
    id: file.id,
    object: 'file',
    bytes: file.bytes,
    created_at: Math.floor(file.createdMs / 1000),
    expires_at: file.expiresMs === null ? null : Math.floor(file.expiresMs / 1000),
    filename: file.filename,
    purpose: file.purpose,
    status: 'processed',
    status_details: null,
  };
}
