/** What the header of a qcow2 image says (QEMU's `docs/interop/qcow2.txt`). */
export interface Qcow2Header {
  /** 2 or 3. */
  readonly version: number;
  /** The image that it stands on, as it was named when it was made: a path, perhaps a relative one, `file:…` or `json:{…}`. */
  readonly backing: string | undefined;
  /** The file that holds its data, where that is not in the image itself. */
  readonly dataFile: string | undefined;
  /** How many snapshots are inside. */
  readonly snapshots: number;
}

/** How many bytes of an image to read: QEMU writes the header, its extensions (600 bytes) and the name (at most 1023) in a row. */
export const qcow2HeaderLength = 4096;

/** The type of the header extension that names the data file. */
const dataFileExtension = 0x44415441;

/**
 * Reads the beginning of an image.
 * @param hex the bytes as `od -An -v -tx1` prints them
 * @returns undefined for what is no qcow2 image
 */
export function parseQcow2Header(hex: string): Qcow2Header | undefined {
  const bytes = Buffer.from(hex.replaceAll(/\s+/g, ''), 'hex');
  if (bytes.length < 72 || bytes.toString('latin1', 0, 4) !== 'QFI\xfb') return undefined;
  const version = bytes.readUInt32BE(4);
  const [at, length] = [Number(bytes.readBigUInt64BE(8)), bytes.readUInt32BE(16)];
  const backing = at === 0 ? '' : bytes.toString('utf8', at, at + length);
  const end = at === 0 ? bytes.length : Math.min(at, bytes.length);
  const dataFile = extension(bytes.subarray(0, end), version >= 3 ? headerLength(bytes) : 72);
  return { version, backing: backing === '' ? undefined : backing, dataFile, snapshots: bytes.readUInt32BE(60) };
}

function headerLength(bytes: Buffer): number {
  return bytes.length < 104 ? bytes.length : bytes.readUInt32BE(100);
}

/** Extensions stand one behind the other: a type, a length, and that many bytes, filled up to eight. */
function extension(bytes: Buffer, start: number): string | undefined {
  for (let at = start; at + 8 <= bytes.length; ) {
    const [type, length] = [bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4)];
    if (type === 0) return undefined;
    if (type === dataFileExtension) return bytes.toString('utf8', at + 8, at + 8 + length);
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return undefined;
}
