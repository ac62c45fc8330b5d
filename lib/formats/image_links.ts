import { parseQcow2Header, qcow2HeaderLength } from './qcow2.ts';

/** Formats of images that may stand on other files: the bytes by which QEMU recognizes each, in hex, and how many bytes of it to read. */
export const layeredFormats: readonly { readonly magic: string; readonly headerLength: number }[] = [
  { magic: '514649fb', headerLength: qcow2HeaderLength },
  // QED writes the name behind the header, which is in the first cluster.
  { magic: '51454400', headerLength: 4096 },
  // A VMDK's descriptor has 20 sectors, behind one of its own header, or is a file by itself.
  { magic: '4b444d56', headerLength: 12_288 },
  { magic: '23204469', headerLength: 12_288 },
];

/**
 * Names the files that an image stands on, as its own header does: its backing file, and files that hold its data.
 * @param hex the image's beginning, as `od -An -v -tx1` prints it
 * @returns paths, perhaps relative ones, `file:…` or `json:{…}`; none for an image of any other format
 */
export function linksOf(hex: string): readonly string[] {
  const header = parseQcow2Header(hex);
  if (header !== undefined) return [header.backing, header.dataFile].filter((name) => name !== undefined);
  const bytes = Buffer.from(hex.replaceAll(/\s+/g, ''), 'hex');
  const magic = bytes.toString('latin1', 0, 4);
  if (magic === 'QED\0') return backingOfQed(bytes);
  if (magic === 'KDMV') return parentOfVmdk(bytes.toString());
  return magic === '# Di' ? [...parentOfVmdk(bytes.toString()), ...extentsOfVmdk(bytes.toString())] : [];
}

/** QEMU's `docs/interop/qed_spec.rst`: all numbers are little-endian, and bit 0 of the features says that there is a backing file. */
function backingOfQed(bytes: Buffer): readonly string[] {
  if (bytes.length < 64 || (bytes.readUInt32LE(16) & 1) === 0) return [];
  const [at, length] = [bytes.readUInt32LE(56), bytes.readUInt32LE(60)];
  return [bytes.toString('utf8', at, at + length)];
}

/** The descriptor of a VMDK is text. */
function parentOfVmdk(text: string): readonly string[] {
  return quoted(text, /^parentFileNameHint="([^"\n]+)"/gm);
}

/** Lines of a descriptor that is a file by itself, e.g. `RW 2048 FLAT "disk-flat.vmdk" 0`; one inside of an image names that image. */
function extentsOfVmdk(text: string): readonly string[] {
  return quoted(text, /^(?:RW|RDONLY) \d+ \w+ "([^"\n]+)"/gm);
}

function quoted(text: string, pattern: RegExp): readonly string[] {
  return [...text.matchAll(pattern)].flatMap(([, name]) => name ?? []);
}
