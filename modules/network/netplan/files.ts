import { loadYaml, type YamlFormat } from '../../../lib/formats/yaml_text.ts';
import { isMapping, type YamlMapping, type YamlValue } from '../../../lib/formats/yaml_value.ts';
import type { ReadonlyHost, TextFile } from '../../../lib/task/readonly_host.ts';

/** Where administrators keep their files. */
export const configuration = '/etc/netplan';
/** Of two files with the same name the one in the first of these counts. */
const directories: readonly string[] = [configuration, '/run/netplan', '/lib/netplan'];

/** A file of netplan, with what it says. */
export interface NetplanFile {
  readonly path: string;
  readonly text: TextFile;
  readonly value: YamlMapping;
}

/** All files of netplan, in the order in which it reads them. */
export interface NetplanFiles {
  readonly yaml: YamlFormat;
  readonly files: readonly NetplanFile[];
  /** Sentences that name files that cannot be read. */
  readonly problems: readonly string[];
}

/** The kinds of links that netplan describes, as far as they can be a bridge's port. */
export const portTypes = ['ethernets', 'bonds', 'vlans'] as const;

/** The kind of a port. */
export type PortType = (typeof portTypes)[number];

/** What files say of one link. */
export interface Definition {
  readonly type: PortType;
  /** Its name in the files, which is not always the link's. */
  readonly id: string;
  readonly value: YamlMapping;
}

/** Reads the files, in two turns. */
export async function readNetplanFiles(host: ReadonlyHost): Promise<NetplanFiles> {
  const [yaml, lists] = await Promise.all([
    loadYaml(),
    Promise.all(directories.map((directory) => host.listDirectory(directory))),
  ]);
  const paths = new Map<string, string>();
  lists.forEach((names, index) => {
    for (const name of names.filter((each) => each.endsWith('.yaml'))) {
      if (!paths.has(name)) paths.set(name, `${directories[index]}/${name}`);
    }
  });
  const sorted = [...paths].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, path]) => path);
  const texts = (await Promise.all(sorted.map((path) => host.readFile(path)))).filter((text) => text !== undefined);
  const read = texts.map((text) => ({ text, parsed: yaml.parse(text.text) }));
  return {
    yaml,
    files: read.flatMap(({ text, parsed }) =>
      'problem' in parsed ? [] : [{ path: text.path, text, value: parsed.value }],
    ),
    problems: read.flatMap(({ text, parsed }) =>
      'problem' in parsed
        ? [
            `${text.path} cannot be read, and netplan would load none of its files: line ${parsed.line}: ${parsed.problem}`,
          ]
        : [],
    ),
  };
}

/** Tells whether netplan reads a file after another one: it goes by their names, whatever directories they lie in. */
export function isAfter(path: string, other: string): boolean {
  return nameOf(path) > nameOf(other);
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Says what files say together: of two scalars that of the later file counts, mappings and lists add up. */
export function merged(files: readonly NetplanFile[]): YamlMapping {
  return network(files.reduce<YamlMapping>((all, { value }) => mergeMappings(all, value), {}));
}

/** What one file says below `network`. */
export function network(value: YamlMapping): YamlMapping {
  return mappingIn(value, 'network');
}

/** The mapping below a key; an empty one where there is none. */
export function mappingIn(value: YamlMapping, key: string): YamlMapping {
  const found = value[key];
  return isMapping(found) ? found : {};
}

/** The list below a key; an empty one where there is none. */
export function listIn(value: YamlMapping, key: string): readonly YamlValue[] {
  const found = value[key];
  return Array.isArray(found) ? found : [];
}

/** The texts in the list below a key. */
export function textsIn(value: YamlMapping, key: string): readonly string[] {
  return listIn(value, key).filter((each) => typeof each === 'string');
}

/** The text below a key. */
export function textIn(value: YamlMapping, key: string): string | undefined {
  const found = value[key];
  return typeof found === 'string' ? found : undefined;
}

/** Finds what describes a link. @param id its name in the files, where the daemon that runs it has said so */
export function definitionOf(
  all: YamlMapping,
  link: string,
  id: string | undefined,
  mac: string | undefined,
): Definition | undefined {
  const every = portTypes.flatMap((type) =>
    Object.entries(mappingIn(all, type)).flatMap(([name, value]): readonly Definition[] =>
      isMapping(value) ? [{ type, id: name, value }] : [],
    ),
  );
  return every.find((each) => each.id === id) ?? every.find((each) => isOf(each, link, mac));
}

/** Tells whether a definition is meant for more links than one that is there now: `match: {name: en*}`. */
export function isShared({ value }: Definition): boolean {
  const match = mappingIn(value, 'match');
  if (Object.keys(match).length === 0 || textIn(match, 'macaddress') !== undefined) return false;
  return match.name === undefined || /[*?[]/.test(textIn(match, 'name') ?? '');
}

function isOf({ id, value }: Definition, link: string, mac: string | undefined): boolean {
  if (!isMapping(value.match)) return id === link;
  const [name, address] = [textIn(value.match, 'name'), textIn(value.match, 'macaddress')?.toLowerCase()];
  if (textIn(value, 'set-name') === link) return true;
  if (address !== undefined) return address === mac;
  return name !== undefined && glob(name).test(link);
}

function glob(pattern: string): RegExp {
  const source = [...pattern].map((character) =>
    character === '*' ? '.*' : character === '?' ? '.' : character.replace(/[\\^$.|+(){}]/, '\\$&'),
  );
  try {
    return new RegExp(`^${source.join('')}$`);
  } catch {
    return /^$/;
  }
}

function mergeMappings(one: YamlMapping, other: YamlMapping): YamlMapping {
  const result: Record<string, YamlValue> = { ...one };
  for (const [key, value] of Object.entries(other)) {
    const before = result[key];
    // The one list that does not add up.
    if (key === 'link-local') result[key] = value;
    else if (isMapping(before) && isMapping(value)) result[key] = mergeMappings(before, value);
    else if (Array.isArray(before) && Array.isArray(value)) result[key] = added(before, value);
    else result[key] = value;
  }
  return result;
}

function added(before: readonly YamlValue[], more: readonly YamlValue[]): readonly YamlValue[] {
  const known = new Set(before.map((each) => JSON.stringify(each)));
  return [...before, ...more.filter((each) => !known.has(JSON.stringify(each)))];
}
