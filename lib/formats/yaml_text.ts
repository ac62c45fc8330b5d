import type { Document, Node, Pair, YAMLMap } from 'yaml';

/** A value of YAML whose scalars are all text: each program gives them types of its own. */
export type YamlValue = string | readonly YamlValue[] | YamlMapping;

/** A mapping of YAML. */
export interface YamlMapping {
  readonly [key: string]: YamlValue;
}

/** A YAML file that was read. */
export interface YamlText {
  readonly text: string;
  /** What it says; empty for an empty file. Aliases stand for what they name. */
  readonly value: YamlMapping;
}

/** Why a YAML file could not be read. */
export interface YamlProblem {
  /** From 1 on. */
  readonly line: number;
  readonly problem: string;
}

/** A change of a text: the characters from `start` up to `end` become `text`. */
export interface TextEdit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Reads and writes YAML. It is loaded when it is needed: most hosts have no YAML. */
export interface YamlFormat {
  parse(text: string): YamlText | YamlProblem;
  /** Writes a mapping in block style. */
  format(value: YamlMapping): string;
  /**
   * Makes the edits that take keys out of a mapping and leave everything else as it is.
   * @param path the keys that lead to the mapping
   * @returns a sentence's end that says why that cannot be done, e.g. `uses anchors`
   */
  withoutKeys(text: string, path: readonly string[], keys: readonly string[]): readonly TextEdit[] | string;
}

/** Loads the parser. */
export async function loadYaml(): Promise<YamlFormat> {
  const yaml = await import('yaml');
  const document = (text: string): Document.Parsed =>
    yaml.parseDocument(text, { schema: 'failsafe', version: '1.1', prettyErrors: false });

  function parse(text: string): YamlText | YamlProblem {
    const lines = new yaml.LineCounter();
    const documents = yaml.parseAllDocuments(text, {
      schema: 'failsafe',
      version: '1.1',
      prettyErrors: false,
      lineCounter: lines,
    });
    const [first, second] = Array.isArray(documents) ? documents : [];
    if (first === undefined) return { text, value: {} };
    const [error] = first.errors;
    if (error !== undefined) return { line: lines.linePos(error.pos[0]).line, problem: error.message };
    if (second !== undefined) {
      return { line: lines.linePos(second.range[0]).line, problem: 'a second document begins in the same file' };
    }
    if (yaml.isScalar(first.contents) && first.contents.value === '') return { text, value: {} };
    if (!yaml.isMap(first.contents)) return { line: 1, problem: 'it is no mapping' };
    const value = plainValue(first.toJS());
    return isMapping(value) ? { text, value } : { line: 1, problem: 'it is no mapping' };
  }

  function withoutKeys(text: string, path: readonly string[], keys: readonly string[]): readonly TextEdit[] | string {
    const root = document(text);
    const [parents, name] = [path.slice(0, -1), path.at(-1) ?? ''];
    const above: unknown = parents.length === 0 ? root.contents : root.getIn(parents, true);
    if (!yaml.isMap(above)) return 'stands behind an alias';
    const own = above.items.find(({ key }) => yaml.isScalar(key) && key.value === name);
    const mapping: unknown = own?.value;
    if (!yaml.isMap(mapping)) return 'stands behind an alias';
    const isRemoved = ({ key }: Pair): boolean =>
      yaml.isScalar(key) && typeof key.value === 'string' && keys.includes(key.value);
    const removed = mapping.items.filter(isRemoved);
    if (removed.length === 0) return [];
    if (removed.some(hasAnchor)) return 'is named by an alias elsewhere in the file';
    const kept = mapping.items.filter((pair) => !isRemoved(pair));
    if (mapping.flow === true) return flowEdits(text, mapping, kept);
    const lines = removed.map((pair) => wholeLines(text, pair));
    if (kept.length > 0) return lines;
    // A key without a value is no mapping to its readers.
    const colon = text.indexOf(':', endOf(own?.key));
    return [{ start: colon + 1, end: colon + 1, text: ' {}' }, ...lines];
  }

  function hasAnchor(pair: Pair): boolean {
    let has = false;
    yaml.visit(new yaml.Document(pair), {
      Node: (_key, node) => {
        if (node.anchor !== undefined) has = true;
      },
    });
    return has;
  }

  /** The pairs that are kept, as they are written. */
  function flowEdits(text: string, { items }: YAMLMap, kept: readonly Pair[]): readonly TextEdit[] {
    const source = (pair: Pair): string => text.slice(startOf(pair.key), endOfPair(pair));
    const [first, last] = [items[0], items.at(-1)];
    if (first === undefined || last === undefined) return [];
    return [{ start: startOf(first.key), end: endOfPair(last), text: kept.map(source).join(', ') }];
  }

  function wholeLines(text: string, pair: Pair): TextEdit {
    const start = text.lastIndexOf('\n', startOf(pair.key) - 1) + 1;
    const last = text.slice(0, endOfPair(pair)).trimEnd().length;
    const next = text.indexOf('\n', last);
    return { start, end: next === -1 ? text.length : next + 1, text: '' };
  }

  function startOf(node: unknown): number {
    return rangeOf(node)?.[0] ?? 0;
  }

  function endOf(node: unknown): number {
    return rangeOf(node)?.[1] ?? 0;
  }

  function endOfPair({ key, value }: Pair): number {
    return Math.max(endOf(key), endOf(value));
  }

  function rangeOf(node: unknown): Node['range'] {
    return yaml.isNode(node) ? node.range : undefined;
  }

  return {
    parse,
    withoutKeys,
    format: (value) => new yaml.Document(value, { schema: 'failsafe' }).toString({ lineWidth: 0 }),
  };
}

/** Tells whether a value is a mapping. */
export function isMapping(value: YamlValue | undefined): value is YamlMapping {
  return typeof value === 'object' && !Array.isArray(value);
}

function plainValue(found: unknown): YamlValue {
  if (Array.isArray(found)) return found.map(plainValue);
  if (typeof found !== 'object' || found === null) return String(found ?? '');
  return Object.fromEntries(Object.entries(found).map(([key, value]) => [key, plainValue(value)]));
}
