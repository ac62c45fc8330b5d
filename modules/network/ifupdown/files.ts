import {
  type IfaceStanza,
  type InterfacesFile,
  ifaceStanzas,
  namesBehind,
  parseInterfaces,
} from '../../../lib/formats/interfaces.ts';
import type { ReadonlyHost, TextFile } from '../../../lib/task/readonly_host.ts';

/** The file that ifupdown reads; it names the others. */
export const mainFile = '/etc/network/interfaces';

/** A file of ifupdown, with what it says. */
export interface IfupdownFile {
  readonly path: string;
  readonly text: TextFile;
  readonly content: InterfacesFile;
}

/** All files that ifupdown reads. */
export interface IfupdownFiles {
  readonly files: readonly IfupdownFile[];
  /** `source` lines that are not followed, as sentences. */
  readonly unread: readonly string[];
}

/** An `iface` stanza, and the file in which it stands. */
export interface PlacedStanza extends IfaceStanza {
  readonly file: IfupdownFile;
}

/** Keywords behind which stand the links that are brought up at boot. */
export const autoWords: readonly string[] = ['auto', 'allow-auto'];
/** Keywords behind which stand the links that are brought up at boot, or once they are plugged in. */
export const upWords: readonly string[] = [...autoWords, 'allow-hotplug'];

/** Reads `/etc/network/interfaces` and the files that it names. A file that is named twice is read once. */
export async function readIfupdownFiles(host: ReadonlyHost): Promise<IfupdownFiles> {
  const files: IfupdownFile[] = [];
  const unread: string[] = [];
  const known = new Set<string>([mainFile]);
  let next: readonly string[] = [mainFile];
  while (next.length > 0) {
    const read = (await Promise.all(next.map((path) => readInterfacesFile(host, path)))).filter(
      (file) => file !== undefined,
    );
    files.push(...read);
    const named = await Promise.all(read.map((file) => namedFiles(host, file)));
    unread.push(...named.flatMap((each) => each.unread));
    next = [...new Set(named.flatMap(({ paths }) => paths))].filter((path) => !known.has(path));
    for (const path of next) known.add(path);
  }
  return { files, unread };
}

/** Returns the `iface` stanzas of a link, in the order in which they stand. */
export function stanzasOf({ files }: IfupdownFiles, link: string): readonly PlacedStanza[] {
  return files.flatMap((file) => ifaceStanzas(file.content, link).map((stanza) => ({ ...stanza, file })));
}

/** Tells whether a link stands behind one of some keywords. */
export function isNamedBehind({ files }: IfupdownFiles, keywords: readonly string[], link: string): boolean {
  return files.some(({ content }) => namesBehind(content, keywords).includes(link));
}

/** Writes the stanzas of a link as a file of its own, for `ifdown -i`. */
export function stanzasText(stanzas: readonly Pick<IfaceStanza, 'name' | 'family' | 'method' | 'lines'>[]): string {
  return stanzas
    .map(({ name, family, method, lines }) =>
      [`iface ${name} ${family} ${method}`, ...lines.map(({ raw }) => raw), ''].join('\n'),
    )
    .join('');
}

async function readInterfacesFile(host: ReadonlyHost, path: string): Promise<IfupdownFile | undefined> {
  const text = await host.readFile(path);
  return text && { path, text, content: parseInterfaces(text.text) };
}

async function namedFiles(
  host: ReadonlyHost,
  { path, content }: IfupdownFile,
): Promise<{ readonly paths: readonly string[]; readonly unread: readonly string[] }> {
  const directory = path.slice(0, path.lastIndexOf('/'));
  const absolute = (name: string): string => (name.startsWith('/') ? name : `${directory}/${name}`);
  const unread: string[] = [];
  const follow = async (pattern: string, isDirectory: boolean): Promise<readonly string[]> => {
    const full = absolute(pattern).replace(/\/+$/, '');
    const [parent, last] = isDirectory
      ? [full, '']
      : [full.slice(0, full.lastIndexOf('/')), full.split('/').at(-1) ?? ''];
    if (/[*?[\]~$`"'{}\\]/.test(parent) || /[~$`"'{}\\]/.test(last)) {
      unread.push(
        `${path} sources ${pattern}, and only patterns in the last part of a path are followed; name the files`,
      );
      return [];
    }
    if (!isDirectory && !/[*?[]/.test(last)) return [full];
    const matches = isDirectory ? /^[A-Za-z0-9_-]+$/ : globPattern(last);
    return (await host.listDirectory(parent)).filter((name) => matches.test(name)).map((name) => `${parent}/${name}`);
  };
  const found = content.lines.flatMap(({ key, value = '' }) =>
    key === 'source' || key === 'source-directory'
      ? value.split(/\s+/).map((pattern) => follow(pattern, key === 'source-directory'))
      : [],
  );
  return { paths: (await Promise.all(found)).flat(), unread };
}

/** A shell's pattern as a regular expression. A leading dot is matched by a dot alone. */
function globPattern(glob: string): RegExp {
  const body = glob.replaceAll(/\[!|[.+^(){}|]|\*|\?/g, (found) =>
    found === '*' ? '.*' : found === '?' ? '.' : found === '[!' ? '[^' : `\\${found}`,
  );
  return new RegExp(`^${glob.startsWith('.') ? '' : '(?!\\.)'}${body}$`);
}
