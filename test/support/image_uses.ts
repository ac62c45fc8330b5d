import type { FakeAnswer } from '../../lib/testing/index.ts';
import { surveyQueries } from '../../modules/libvirt/guest_survey.ts';
import { imagesQuery } from '../../modules/libvirt/image_files.ts';
import { processesQuery } from '../../modules/libvirt/image_users.ts';

const uri = 'qemu:///system';

/** A text about a guest or a pool: what it is (`running`, `defined`, `saved`, `snapshot`, `checkpoint`, `pool`), and its XML. */
export type SurveyEntry = readonly [kind: string, xml: string];

/** An image on a fake host. */
export interface FakeImage {
  /** Device and inode; those of one file are the same. */
  readonly id: string;
  /** What it says of itself, as od(1) prints it; default: it is no qcow2 image. */
  readonly header?: string;
  readonly kind?: string;
}

/** What a fake host's guests, pools, images and processes are. */
export interface FakeUses {
  /** What virsh says. */
  readonly entries?: readonly SurveyEntry[];
  /** What libvirt's own files say. */
  readonly files?: readonly (readonly [kind: string, file: string, xml: string])[];
  readonly images?: Readonly<Record<string, FakeImage>>;
  /** Lines of a process's number and name. */
  readonly processes?: string;
}

/** Answers the queries by which everything that uses an image is found; `undefined` for any other. */
export function answerUses(uses: FakeUses): (argv: readonly string[]) => FakeAnswer | undefined {
  const { entries = [], files = [], images = {}, processes = '' } = uses;
  const [askVirsh = [], askFiles = []] = surveyQueries({ uri, look: 'virsh', lacks: [] });
  const [at, inside, open] = [imagesQuery('at', []), imagesQuery('in', []), processesQuery('')];
  return (argv) => {
    if (argv[0] !== 'sh') return undefined;
    const [, , script, , how] = argv;
    if (script === askVirsh[2]) return { stdout: entries.map(([kind, xml]) => `${kind}\0${uri}\0${xml}\0`).join('') };
    if (script === askFiles[2])
      return { stdout: files.map((entry) => entry.map((field) => `${field}\0`).join('')).join('') };
    if (script === open[2]) return { stdout: processes };
    if (script !== at[2] || inside[2] !== at[2]) return undefined;
    const paths = argv
      .slice(5)
      .flatMap((path) =>
        how === 'in' ? Object.keys(images).filter((image) => image.slice(0, image.lastIndexOf('/')) === path) : [path],
      );
    return { stdout: paths.map((path) => printed(path, images[path])).join('') };
  };
}

function printed(path: string, image: FakeImage | undefined): string {
  if (image === undefined) return '';
  const { id, header = '', kind = 'regular file' } = image;
  const status = kind === 'regular file' ? `${kind}|${id}|0:0` : `${kind}|0:6|${id}`;
  return [path, status, header === '' ? '' : `${path}\n`, header].map((field) => `${field}\0`).join('');
}

/** The header of a qcow2 image that stands on another, as od(1) prints it. */
export function headerOn(backing: string, { version = 3, snapshots = 0 } = {}): string {
  const bytes = Buffer.alloc(512 + backing.length);
  bytes.write('QFI\xfb', 0, 'latin1');
  bytes.writeUInt32BE(version, 4);
  if (backing !== '') bytes.writeBigUInt64BE(512n, 8);
  bytes.writeUInt32BE(backing.length, 16);
  bytes.writeUInt32BE(snapshots, 60);
  bytes.writeUInt32BE(104, 100);
  bytes.write(backing, 512);
  return bytes.toString('hex').replaceAll(/../g, ' $&');
}
