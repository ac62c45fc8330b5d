import { isMapping, type TextEdit, type YamlMapping, type YamlValue } from '../../../lib/formats/yaml_text.ts';
import { configuration, type NetplanFile, type NetplanFiles, network } from './files.ts';
import { editWithMarks, removeMarks } from './marks.ts';

/** Keys that leave a definition. */
export interface Removal {
  /** `ethernets`, `bridges`, … */
  readonly type: string;
  readonly id: string;
  readonly keys: readonly string[];
}

/** A file with the text that it gets. */
export interface EditedFile {
  readonly file: NetplanFile;
  readonly text: string;
}

/** What edits come to. */
export interface Edits {
  readonly files: readonly EditedFile[];
  /** Sentences that say which of them cannot be made. */
  readonly refusals: readonly string[];
}

/**
 * Takes keys out of all files that hold them, and leaves all other bytes as they are. What is taken out stays as comments.
 * @param own the path of the bridge's own file, which is written as a whole
 */
export function removeFromFiles(
  bridge: string,
  { yaml, files }: NetplanFiles,
  own: string,
  removals: readonly Removal[],
): Edits {
  const edited: EditedFile[] = [];
  const refusals: string[] = [];
  for (const file of files.filter(({ path }) => path !== own)) {
    const held = removals.flatMap((removal) => {
      const keys = keysHeld(file.value, removal);
      return keys.length === 0 ? [] : [{ ...removal, keys }];
    });
    if (held.length === 0) continue;
    const what = held.map(({ id, keys }) => `${keys.join(', ')} of ${id}`).join(' and ');
    const why = whyNotEdited(file);
    if (why !== undefined) {
      refusals.push(`${what} must leave ${file.path}, and ${why}`);
      continue;
    }
    const edits: TextEdit[] = [];
    const problems: string[] = [];
    for (const { type, id, keys } of held) {
      const found = yaml.withoutKeys(file.text.text, ['network', type, id], keys);
      if (typeof found === 'string') problems.push(found);
      else edits.push(...found);
    }
    const text = editWithMarks(bridge, file.text.text, edits);
    const parsed = yaml.parse(text);
    const isRight =
      'value' in parsed &&
      JSON.stringify(parsed.value) === JSON.stringify(held.reduce(withoutKeys, file.value)) &&
      removeMarks(bridge, text) === removeMarks(bridge, file.text.text);
    const [problem = isRight ? undefined : 'stands where kvm-play cannot take it out'] = problems;
    if (problem === undefined) edited.push({ file, text });
    else
      refusals.push(`${what} must leave ${file.path}, and ${problem}; write it in lines of its own, without aliases`);
  }
  return { files: edited, refusals };
}

function keysHeld(value: YamlMapping, { type, id, keys }: Removal): readonly string[] {
  const links = network(value)[type];
  const definition = isMapping(links) ? links[id] : undefined;
  return isMapping(definition) ? keys.filter((key) => definition[key] !== undefined) : [];
}

function whyNotEdited({ path, value }: NetplanFile): string | undefined {
  if (!path.startsWith(`${configuration}/`)) {
    return `a program writes that file anew at every boot; write them into a file of the same name in ${configuration}`;
  }
  const secret = secretIn(value);
  return secret === undefined
    ? undefined
    : `that file holds a secret (${secret}), which a copy kept for the way back would hold too; give the link a file of its own first`;
}

function secretIn(value: YamlValue): string | undefined {
  if (typeof value === 'string') return undefined;
  if (!isMapping(value)) return value.map(secretIn).find((each) => each !== undefined);
  return (
    Object.keys(value).find((key) => /^(?:password|psk|client-key-password|keys?|private)$/.test(key)) ??
    Object.values(value)
      .map(secretIn)
      .find((each) => each !== undefined)
  );
}

function withoutKeys(value: YamlMapping, { type, id, keys }: Removal): YamlMapping {
  return atPath(value, ['network', type, id], (definition) =>
    Object.fromEntries(Object.entries(definition).filter(([key]) => !keys.includes(key))),
  );
}

function atPath(
  value: YamlMapping,
  [key, ...rest]: readonly string[],
  change: (found: YamlMapping) => YamlMapping,
): YamlMapping {
  if (key === undefined) return change(value);
  const below = value[key];
  return isMapping(below) ? { ...value, [key]: atPath(below, rest, change) } : value;
}
