import { applyEdits } from '../../../lib/formats/yaml_edit.ts';
import { isMapping, isSameValue, type YamlMapping, type YamlValue } from '../../../lib/formats/yaml_value.ts';
import { configuration, isAfter, mappingIn, type NetplanFile, type NetplanFiles, network } from './files.ts';
import { editWithMarks, removeMarks } from './marks.ts';

/** Keys that leave a definition. */
export interface Removal {
  /** `ethernets`, `bridges`, … */
  readonly type: string;
  readonly id: string;
  readonly keys: readonly string[];
  /** Keys that leave only the files after the bridge's own, which otherwise has the last word. */
  readonly lateKeys: readonly string[];
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
 * @param own the path of the bridge's own file, which is not touched
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
      const { keys, lateKeys } = removal;
      const found = keysHeld(file.value, removal, isAfter(file.path, own) ? [...keys, ...lateKeys] : keys);
      return found.length === 0 ? [] : [{ ...removal, keys: found }];
    });
    if (held.length === 0) continue;
    const what = held.map(({ id, keys }) => `${keys.join(', ')} of ${id}`).join(' and ');
    const why = whyNotEdited(file);
    if (why !== undefined) {
      refusals.push(`${what} must leave ${file.path}, and ${why}`);
      continue;
    }
    const wanted = held.reduce(
      (value, { type, id, keys }) => setKeys(value, type, id, keys, placeholder(value, type, id, keys)),
      file.value,
    );
    const edits = yaml.edit(file.text.text, wanted);
    const text = typeof edits === 'string' ? '' : editWithMarks(bridge, file.text.text, edits);
    const parsed = yaml.parse(text);
    const isRight =
      'value' in parsed &&
      isSameValue(parsed.value, wanted) &&
      removeMarks(bridge, text) === removeMarks(bridge, file.text.text);
    if (isRight) edited.push({ file, text });
    else {
      const problem = typeof edits === 'string' ? edits : 'stands where kvm-play cannot take it out';
      refusals.push(`${what} must leave ${file.path}, and ${problem}; write it in lines of its own, without aliases`);
    }
  }
  return { files: edited, refusals };
}

/**
 * Has a file say something else, and leaves all lines that need not change as they are.
 * @returns a sentence that says why that cannot be done
 */
export function editFile({ yaml }: NetplanFiles, file: NetplanFile, wanted: YamlMapping): EditedFile | string {
  const why = whyNotEdited(file);
  if (why !== undefined) return `${file.path} must change, and ${why}`;
  const edits = yaml.edit(file.text.text, wanted);
  if (typeof edits !== 'string') return { file, text: applyEdits(file.text.text, edits) };
  return `${file.path} must change, and what must ${edits}; write it in lines of its own, without aliases`;
}

/** A file's value with a definition whose keys are other ones. @param gone the keys that it loses @param put those that it gets */
export function setKeys(
  value: YamlMapping,
  type: string,
  id: string,
  gone: readonly string[],
  put: YamlMapping,
): YamlMapping {
  const below = network(value);
  const links = below[type];
  const definition = isMapping(links) ? links[id] : undefined;
  const kept = Object.entries(isMapping(definition) ? definition : {}).filter(([key]) => !gone.includes(key));
  const changed = { ...Object.fromEntries(kept), ...put };
  return { ...value, network: { ...below, [type]: { ...(isMapping(links) && links), [id]: changed } } };
}

/**
 * What a port's definition gets that would be empty otherwise. netplan takes no header without anything below it, and `{}` behind the
 * header would let nobody add a line below. That the port asks no DHCP server is what the bridge's own file says too.
 */
function placeholder(value: YamlMapping, type: string, id: string, gone: readonly string[]): YamlMapping {
  const isLeft = Object.keys(mappingIn(mappingIn(network(value), type), id)).some((key) => !gone.includes(key));
  return isLeft || type === 'bridges' ? {} : { dhcp4: 'false' };
}

function keysHeld(value: YamlMapping, { type, id }: Removal, keys: readonly string[]): readonly string[] {
  const links = network(value)[type];
  const definition = isMapping(links) ? links[id] : undefined;
  return isMapping(definition) ? keys.filter((key) => definition[key] !== undefined) : [];
}

/** Says why a file is not to be edited; undefined where it may be. */
export function whyNotEdited({ path, value }: NetplanFile): string | undefined {
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
