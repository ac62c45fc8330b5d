import type { Node, Pair, YAMLMap, YAMLSeq } from 'yaml';
import { isMapping, isSameValue, plainValue, type YamlMapping, type YamlValue } from './yaml_value.ts';

/** The parser, which is loaded when it is needed. */
type Yaml = typeof import('yaml');

/** A change of a text: the characters from `start` up to `end` become `text`. */
export interface TextEdit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Makes edits of a text. */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  return edits
    .toSorted((one, other) => one.start - other.start || one.end - other.end)
    .reduceRight((now, edit) => now.slice(0, edit.start) + edit.text + now.slice(edit.end), text);
}

const behindAlias = 'stands behind an alias';
const namedByAlias = 'is named by an alias elsewhere in the file';

/**
 * Makes the edits after which a YAML text says what is wanted. All lines that need not change stay as they are, comments included.
 * @param wanted what the text is to say; keys that are new come last
 * @returns a sentence's end that says why there are no such edits, e.g. `stands behind an alias`
 */
export function editYaml(yaml: Yaml, text: string, wanted: YamlMapping): readonly TextEdit[] | string {
  const parse = (source: string) =>
    yaml.parseDocument(source, { schema: 'failsafe', version: '1.1', prettyErrors: false });
  const root = parse(text);
  const edits: TextEdit[] = [];
  const problems: string[] = [];

  function changeMapping(mapping: YAMLMap, value: YamlMapping, owner?: Pair): void {
    const pairs = mapping.items.filter((pair) => keyOf(pair) !== '<<');
    for (const pair of pairs) {
      const own = value[keyOf(pair)];
      if (own === undefined) remove(pair, wholeLines(startOf(pair.key), endOfPair(pair)));
      else if (!isSameValue(plainOf(pair.value), own)) change(pair, own);
    }
    const before = plainOf(mapping);
    const added = Object.entries(value).filter(([key]) => !isMapping(before) || before[key] === undefined);
    const isEmptied = pairs.length > 0 && Object.keys(value).length === 0;
    // A key without a value is no mapping to its readers.
    if (isEmptied && owner !== undefined) insert(afterColon(owner), ' {}');
    const last = mapping.items.at(-1);
    if (added.length === 0 || last === undefined) return;
    const column = columnOf(startOf(last.key));
    insertLines(
      wholeLines(startOf(last.key), endOfPair(last)).end,
      indented(format(Object.fromEntries(added)), column),
    );
  }

  function change(pair: Pair, value: YamlValue): void {
    const node = pair.value;
    if (yaml.isCollection(node) && node.flow === true) edits.push({ ...rangeOf(node), text: flowText(node, value) });
    else if (yaml.isMap(node) && isMapping(value)) changeMapping(node, value, pair);
    else if (yaml.isSeq(node) && Array.isArray(value)) changeList(node, value, pair);
    else replace(pair, value);
  }

  /** Lines of items that stay are kept where these stay in their order. */
  function changeList(list: YAMLSeq, wantedItems: readonly YamlValue[], pair: Pair): void {
    const items = list.items.map((node) => ({ node, value: plainOf(node) }));
    const isWanted = ({ value }: { value: YamlValue }): boolean => wantedItems.some((each) => isSameValue(each, value));
    const kept = items.filter(isWanted);
    const inOrder = wantedItems.filter((each) => kept.some(({ value }) => isSameValue(each, value)));
    const values = kept.map(({ value }) => value);
    const [first] = items;
    if (first === undefined || kept.length === 0 || !isSameValue(values, inOrder)) {
      replace(pair, wantedItems);
      return;
    }
    const linesOf = (node: unknown): TextEdit => wholeLines(startOf(node), endOf(node));
    for (const { node } of items.filter((item) => !isWanted(item))) remove(node, linesOf(node));
    const column = columnOf(text.lastIndexOf('-', startOf(first.node)));
    let position = linesOf(first.node).start;
    for (const value of wantedItems) {
      const stays = kept.find((each) => isSameValue(each.value, value));
      if (stays === undefined) insertLines(position, indented(format([value]), column));
      else position = linesOf(stays.node).end;
    }
  }

  function replace(pair: Pair, value: YamlValue): void {
    const node = pair.value;
    if (yaml.isAlias(node)) problems.push(behindAlias);
    else if (hasAnchor(pair)) problems.push(namedByAlias);
    const isOneLine = yaml.isScalar(node) && !text.slice(startOf(node), endOf(node)).includes('\n');
    if (isOneLine && typeof value === 'string' && endOf(node) > startOf(node)) {
      edits.push({ ...rangeOf(node), text: scalar(value) });
      return;
    }
    const start = startOf(pair.key);
    const column = columnOf(start);
    const end = Math.max(afterColon(pair), text.slice(0, endOfPair(pair)).trimEnd().length);
    edits.push({
      start,
      end,
      text: indented(format({ [keyOf(pair)]: value }), column)
        .slice(column)
        .trimEnd(),
    });
  }

  /** What is written in braces or brackets, with the source of all that stays. */
  function flowText(node: unknown, value: YamlValue): string {
    if (yaml.isNode(node) && isSameValue(plainOf(node), value)) return sourceOf(startOf(node), endOf(node));
    if (yaml.isAlias(node)) problems.push(behindAlias);
    if (!yaml.isCollection(node) || node.flow !== true) return flow(value);
    if (yaml.isMap(node) && isMapping(value)) {
      const pairs: readonly Pair[] = node.items;
      for (const pair of pairs) if (value[keyOf(pair)] === undefined && hasAnchor(pair)) problems.push(namedByAlias);
      const kept = pairs.flatMap((pair) => {
        const own = value[keyOf(pair)];
        if (own === undefined) return [];
        if (isSameValue(plainOf(pair.value), own)) return [sourceOf(startOf(pair.key), endOfPair(pair))];
        return [`${sourceOf(startOf(pair.key), endOf(pair.key))}: ${flowText(pair.value, own)}`];
      });
      const added = Object.entries(value).filter(([key]) => !pairs.some((pair) => keyOf(pair) === key));
      const [first, last] = [pairs[0], pairs.at(-1)];
      return between(node, startOf(first?.key), last === undefined ? 0 : endOfPair(last), [
        ...kept,
        ...added.map(([key, each]) => `${scalar(key)}: ${flow(each)}`),
      ]);
    }
    if (yaml.isSeq(node) && Array.isArray(value)) {
      const items: readonly unknown[] = node.items;
      const words = value.map((each) => {
        const same = items.find((item) => isSameValue(plainOf(item), each));
        return same === undefined ? flow(each) : sourceOf(startOf(same), endOf(same));
      });
      return between(node, startOf(items[0]), endOf(items.at(-1)), words);
    }
    return flow(value);
  }

  /** Keeps what stands before the first item and behind the last one. */
  function between(node: Node, start: number, end: number, words: readonly string[]): string {
    const [open, close] = yaml.isMap(node) ? ['{', '}'] : ['[', ']'];
    const inner = words.join(', ');
    return end === 0 ? `${open}${inner}${close}` : sourceOf(startOf(node), start) + inner + sourceOf(end, endOf(node));
  }

  function remove(node: Pair | unknown, lines: TextEdit): void {
    if (hasAnchor(node)) problems.push(namedByAlias);
    edits.push(lines);
  }

  function insert(at: number, put: string): void {
    edits.push({ start: at, end: at, text: put });
  }

  function insertLines(at: number, lines: string): void {
    const isWhole = at === 0 || text[at - 1] === '\n';
    insert(at, isWhole ? lines : `\n${lines.trimEnd()}`);
  }

  function hasAnchor(node: Pair | unknown): boolean {
    let has = false;
    yaml.visit(new yaml.Document(node), {
      Node: (_key, each) => {
        if (each.anchor !== undefined) has = true;
      },
    });
    return has;
  }

  function wholeLines(from: number, to: number): TextEdit {
    const start = lineStart(from);
    const last = text.slice(0, to).trimEnd().length;
    const next = text.indexOf('\n', last);
    return { start, end: next === -1 ? text.length : next + 1, text: '' };
  }

  const lineStart = (position: number): number => text.lastIndexOf('\n', position - 1) + 1;
  const columnOf = (position: number): number => position - lineStart(position);
  const sourceOf = (start: number, end: number): string => text.slice(start, end);
  const afterColon = ({ key }: Pair): number => text.indexOf(':', endOf(key)) + 1;
  const keyOf = ({ key }: Pair): string => String(yaml.isScalar(key) ? key.value : key);
  const plainOf = (node: unknown): YamlValue => (yaml.isNode(node) ? plainValue(node.toJS(root)) : '');
  const startOf = (node: unknown): number => (yaml.isNode(node) ? (node.range?.[0] ?? 0) : 0);
  const endOf = (node: unknown): number => (yaml.isNode(node) ? (node.range?.[1] ?? 0) : 0);
  const endOfPair = ({ key, value }: Pair): number => Math.max(endOf(key), endOf(value));
  const rangeOf = (node: unknown): { start: number; end: number } => ({ start: startOf(node), end: endOf(node) });
  const format = (value: YamlValue): string => formatYaml(yaml, value);
  const scalar = (value: string): string => format([value]).slice('- '.length).trimEnd();
  const flow = (value: YamlValue): string =>
    typeof value === 'string' ? scalar(value) : formatYaml(yaml, value, true).trimEnd();

  if (!yaml.isMap(root.contents)) return 'is no mapping';
  if (root.contents.flow === true) edits.push({ ...rangeOf(root.contents), text: flowText(root.contents, wanted) });
  else changeMapping(root.contents, wanted);
  if (problems[0] !== undefined) return problems[0];
  const lineBreak = text.includes('\r\n') ? '\r\n' : '\n';
  const whole = edits.map((edit) => ({ ...edit, text: edit.text.replaceAll(/\r?\n/g, lineBreak) }));
  const after = parse(applyEdits(text, whole));
  const isRight = after.errors.length === 0 && isSameValue(plainValue(after.toJS()), wanted);
  return isRight ? whole : 'stands where it cannot be changed without the lines around it';
}

/** Writes a value in block style. @param isFlow in braces and brackets, in one line */
export function formatYaml(yaml: Yaml, value: YamlValue, isFlow = false): string {
  return new yaml.Document(value, { schema: 'failsafe' }).toString({
    lineWidth: 0,
    ...(isFlow && { collectionStyle: 'flow', flowCollectionPadding: false }),
  });
}

function indented(text: string, column: number): string {
  return text.replace(/^(?=.)/gm, ' '.repeat(column));
}
