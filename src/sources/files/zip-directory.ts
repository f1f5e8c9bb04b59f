/** What a zip file says it holds, from its central directory; nothing is unpacked. */

export interface ZipEntry {
  name: string;
  /** 0 stored, 8 deflate. */
  method: number;
  packedBytes: number;
  unpackedBytes: number;
  /** Where the packed bytes begin. */
  dataAt: number;
}

const endMark = 0x06054b50;
const entryMark = 0x02014b50;
const localMark = 0x04034b50;
const maxEntries = 10_000;

export function isZip(bytes: Buffer): boolean {
  return bytes.length >= 4 && bytes.readUInt32LE(0) === localMark;
}

/** Undefined when the file is cut, damaged, above 10,000 entries, or in the ZIP64 form (made for files above 4 GB). */
export function readZipDirectory(bytes: Buffer): ZipEntry[] | undefined {
  const end = endOf(bytes);
  if (end === undefined) return undefined;
  const count = bytes.readUInt16LE(end + 10);
  let at = bytes.readUInt32LE(end + 16);
  if (count > maxEntries) return undefined;
  const entries: ZipEntry[] = [];
  for (let i = 0; i < count; i++) {
    if (at + 46 > end || bytes.readUInt32LE(at) !== entryMark) return undefined;
    const nameBytes = bytes.readUInt16LE(at + 28);
    const local = bytes.readUInt32LE(at + 42);
    const packedBytes = bytes.readUInt32LE(at + 20);
    if (local + 30 > end || bytes.readUInt32LE(local) !== localMark) return undefined;
    const dataAt = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    if (dataAt + packedBytes > end) return undefined;
    entries.push({
      name: bytes.toString('utf8', at + 46, at + 46 + nameBytes),
      method: bytes.readUInt16LE(at + 10),
      packedBytes,
      unpackedBytes: bytes.readUInt32LE(at + 24),
      dataAt,
    });
    at += 46 + nameBytes + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return entries;
}

/** The end record stands last, before a comment of up to 64 KiB. */
function endOf(bytes: Buffer): number | undefined {
  const first = Math.max(0, bytes.length - 22 - 65_535);
  for (let at = bytes.length - 22; at >= first; at--) {
    if (bytes.readUInt32LE(at) === endMark && at + 22 + bytes.readUInt16LE(at + 20) === bytes.length) return at;
  }
  return undefined;
}
