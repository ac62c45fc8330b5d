import { posix } from 'node:path';
import { CommandError } from '../../lib/errors.ts';
import { layeredFormats, linksOf } from '../../lib/formats/image_links.ts';
import { parseQcow2Header, type Qcow2Header } from '../../lib/formats/qcow2.ts';
import { shellProgram } from '../../lib/process/package_files.ts';
import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';

/** An image as it was found. */
export interface ImageFile {
  readonly path: string;
  /** The same for every name of one file or block device: links, bind mounts, doubled slashes. */
  readonly id: string;
  /** undefined for what is no qcow2 image. */
  readonly header: Qcow2Header | undefined;
  /** The paths of what it stands on; a relative name may mean either of two. */
  readonly below: readonly string[];
}

/** Images, and what they stand on. */
export class Images {
  readonly #byPath: ReadonlyMap<string, ImageFile>;

  constructor(files: readonly ImageFile[]) {
    this.#byPath = new Map(files.map((file) => [file.path, file]));
  }

  all(): Iterable<ImageFile> {
    return this.#byPath.values();
  }

  at(path: string): ImageFile | undefined {
    return this.#byPath.get(path);
  }

  /** Says whether two paths name one and the same file; where nothing is there, whether they are spelled alike. */
  same(one: string, other: string): boolean {
    const [a, b] = [this.at(one), this.at(other)];
    return a === undefined || b === undefined ? one === other : a.id === b.id;
  }

  /** The ids of everything that an image stands on, itself not included. */
  below(path: string): ReadonlySet<string> {
    const found = new Set<string>();
    const visit = (at: string): void => {
      for (const next of this.at(at)?.below ?? []) {
        const file = this.at(next);
        if (file === undefined || found.has(file.id)) continue;
        found.add(file.id);
        visit(next);
      }
    };
    visit(path);
    return found;
  }
}

/** The function that tells images of a format that may stand on others. od(1) puts blanks between the bytes. */
function layered(): string {
  const cases = layeredFormats.map(
    ({ magic, headerLength }) => `${magic.replaceAll(/../g, '*$&')}*) length=${headerLength} ;;`,
  );
  return `layered() { length=; case $1 in ${cases.join(' ')} esac; }`;
}

/** Most paths in one command line. */
const most = 500;

/** The query that looks at files (`at`), or at all that are in directories (`in`); see `image_files.sh`. */
export function imagesQuery(how: 'at' | 'in', paths: readonly string[]): readonly string[] {
  const script = `${layered()}\n${shellProgram('modules/libvirt/image_files.sh')}`;
  return ['sh', '-c', script, 'sh', how, ...paths];
}

/** Looks at files, at all files of some directories, and at everything that they stand on. */
export async function readChains(
  host: ReadonlyHost,
  paths: readonly string[],
  directories: readonly string[],
): Promise<Images> {
  const asked = new Set(paths);
  const found = (await Promise.all([look(host, 'at', [...asked]), look(host, 'in', [...new Set(directories)])])).flat();
  const known = new Set(found.map(({ path }) => path));
  for (let fresh: readonly ImageFile[] = found; fresh.length > 0; ) {
    const next = [...new Set(fresh.flatMap(({ below }) => below))].filter(
      (path) => !known.has(path) && !asked.has(path),
    );
    for (const path of next) asked.add(path);
    fresh = await look(host, 'at', next);
    found.push(...fresh);
  }
  return new Images(found);
}

async function look(host: ReadonlyHost, how: 'at' | 'in', paths: readonly string[]): Promise<readonly ImageFile[]> {
  const groups = Array.from({ length: Math.ceil(paths.length / most) }, (_, index) =>
    paths.slice(index * most, (index + 1) * most),
  );
  const answers = await Promise.all(
    groups.map(async (group) => {
      const argv = imagesQuery(how, group);
      const { exitCode, stdout, stderr } = await host.query(argv, { timeLimit: 120 });
      if (exitCode === 0) return parseImages(stdout);
      throw new CommandError(`the images on the host could not be looked at: ${stderr.trim()}`, {
        argv,
        exitCode,
        stderr,
      });
    }),
  );
  return answers.flat();
}

function parseImages(printed: string): readonly ImageFile[] {
  const fields = printed.split('\0');
  const count = Math.floor(fields.length / 4);
  return Array.from({ length: count }, (_, index) => {
    const [path = '', status = '', real = '', hex = ''] = fields.slice(index * 4, index * 4 + 4);
    const [kind = '', file = '', device = ''] = status.split('|');
    return {
      path,
      id: kind === 'block special file' ? `device ${device}` : file,
      header: parseQcow2Header(hex),
      below: [...new Set(linksOf(hex).flatMap((name) => pathsOf(name, path, real.replace(/\n$/, ''))))],
    };
  });
}

/** The local paths that a name in an image's header can mean. `..` is left to the host: where a link leads, nobody else knows. */
function pathsOf(name: string, image: string, real: string): readonly string[] {
  if (name.startsWith('json:')) return fileNames(name.slice(5)).flatMap((file) => pathsOf(file, image, real));
  if (name.startsWith('file:')) return pathsOf(name.slice(5), image, real);
  if (name.startsWith('/')) return [name];
  // A protocol, such as nbd: or rbd:, is no file.
  if (/^[^/]*:/.test(name)) return [];
  return [image, real].filter((path) => path !== '').map((path) => `${posix.dirname(path)}/${name}`);
}

/** All file names in a description of an image such as `{"driver":"qcow2","file":{"driver":"file","filename":"/a"}}`. */
function fileNames(json: string): readonly string[] {
  const names: string[] = [];
  try {
    JSON.parse(json, (key, value: unknown) => {
      if (typeof value === 'string' && /(^|\.)filename$/.test(key)) names.push(value);
      return value;
    });
  } catch {
    return [];
  }
  return names;
}
