/** One piece of a file of assignments: mostly one line, more where a quoted value goes over several. */
export interface KeyValueEntry {
  /** The bytes as they stand in the file, without the line break at the end. */
  readonly raw: string;
  /** Number of its first line, from 1. */
  readonly line: number;
  /** `other` is whatever a shell would do something else with: `. file`, `A=1 B=2`, `A=(1 2)`, a command. */
  readonly kind: 'assignment' | 'comment' | 'blank' | 'other';
  /** True for what is more than assignments of variables, and so may set any key or run any command; and for an open quote. */
  readonly isCode?: true;
  /** The key of an assignment. */
  readonly key?: string;
  /** The value that a shell which sources the file ends up with; undefined where the shell would expand or execute something. */
  readonly value?: string;
  /** Where the value stands in `raw`, quotes included. */
  readonly span?: readonly [from: number, to: number];
}

/** A file of assignments that a shell sources, such as `ifcfg-eth0`. {@link formatKeyValue} gives back its bytes. */
export interface KeyValueFile {
  readonly entries: readonly KeyValueEntry[];
  /** False if the last line lacks its line break, so that text appended to the file would be joined to it. */
  readonly endsInNewline: boolean;
}

/** How a value is written: in double quotes always, or where it needs them. */
export type Quoting = 'always' | 'needed';

/** Characters that end a word and a command's words (metacharacter in bash(1)). */
const operators = /[;&|<>()]/;

const assignmentStart = /^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=/;

/**
 * Reads the plain subset of what bash sources: one assignment a line, with bare, single-quoted and double-quoted parts.
 * Nothing is ever expanded or executed.
 *
 * The package `ini` cannot read or write this format: it drops comments and order, which an edited file must keep, and reads
 * `NAME=a"b c"` as `a"b c"`, where the shell gets `ab c`.
 * @param text the file; its line breaks are `\n`, and a carriage return is part of a value, as it is to bash
 */
export function parseKeyValue(text: string): KeyValueFile {
  if (text === '') return { entries: [], endsInNewline: true };
  const endsInNewline = text.endsWith('\n');
  const body = endsInNewline ? text.slice(0, -1) : text;
  const entries: KeyValueEntry[] = [];
  let line = 1;
  for (let from = 0; from <= body.length; ) {
    const entry = parseEntry(body, from, line);
    entries.push(entry);
    from += entry.raw.length + 1;
    line += entry.raw.split('\n').length;
  }
  return { entries, endsInNewline };
}

/** Writes a file back: what was not edited comes out byte for byte. */
export function formatKeyValue(file: KeyValueFile): string {
  if (file.entries.length === 0) return '';
  return file.entries.map((entry) => entry.raw).join('\n') + (file.endsInNewline ? '\n' : '');
}

/** Finds the assignment of a key that counts: the last one. */
export function lookUp(file: KeyValueFile, key: string): KeyValueEntry | undefined {
  return file.entries.findLast((entry) => entry.key === key);
}

/**
 * Gives the value that a key has once the file is sourced.
 * @returns undefined when it is not set, or when the shell would have to expand or execute something to know it
 */
export function getValue(file: KeyValueFile, key: string): string | undefined {
  return lookUp(file, key)?.value;
}

/**
 * Sets a key: its last assignment is edited in place, with what stands before and behind the value, and any earlier one is
 * taken out; without one a line is added at the end. Every other line stays as it is.
 * @param quoting how a new line's value is written; an edited one keeps its quotes
 * @throws RangeError when the value has a control character or the key is none
 */
export function setValue(file: KeyValueFile, key: string, value: string, quoting: Quoting): KeyValueFile {
  const last = lookUp(file, key);
  if (last === undefined) return addLine(file, assignment(key, value, quoting));
  const [from, to] = last.span ?? [0, 0];
  const wasQuoted = /^["']/.test(last.raw.slice(from));
  const written = last.raw.slice(0, from) + quote(value, wasQuoted ? 'always' : 'needed') + last.raw.slice(to);
  const entries = file.entries
    .filter((entry) => entry.key !== key || entry === last)
    .flatMap((entry) => (entry === last ? parseKeyValue(written).entries : [entry]));
  return { entries, endsInNewline: file.endsInNewline };
}

/** Takes every assignment of a key out. */
export function removeKey(file: KeyValueFile, key: string): KeyValueFile {
  return { ...file, entries: file.entries.filter((entry) => entry.key !== key) };
}

/** Adds a line at the end, after the line break that a last line may lack. */
export function addLine(file: KeyValueFile, raw: string): KeyValueFile {
  return { entries: [...file.entries, ...parseKeyValue(raw).entries], endsInNewline: true };
}

/**
 * Writes one assignment, so that a shell which sources it ends up with exactly this value.
 * @throws RangeError when the value has a control character or the key is none
 */
export function assignment(key: string, value: string, quoting: Quoting): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key)) throw new RangeError(`${JSON.stringify(key)} is no name of a variable`);
  return `${key}=${quote(value, quoting)}`;
}

/** Tells whether lines end in carriage returns, which bash takes for a part of the values. */
export function hasCarriageReturns(file: KeyValueFile): boolean {
  return file.entries.some((entry) => entry.raw.includes('\r'));
}

function quote(value: string, quoting: Quoting): string {
  if (/[\u0000-\u001f\u007f]/.test(value)) {
    throw new RangeError(`a value must not hold control characters, and is ${JSON.stringify(value)}`);
  }
  if (quoting === 'needed' && /^[A-Za-z0-9_./:@%+,=-]*$/.test(value)) return value;
  return `"${value.replace(/[\\"$`]/g, '\\$&')}"`;
}

/** Reads the piece that begins at a place of the text; it takes as many lines as its quotes are open for. */
function parseEntry(text: string, from: number, line: number): KeyValueEntry {
  const lineEnd = text.indexOf('\n', from);
  const start = text.slice(from, lineEnd < 0 ? text.length : lineEnd);
  if (/^[ \t]*$/.test(start)) return { raw: start, line, kind: 'blank' };
  if (/^[ \t]*#/.test(start)) return { raw: start, line, kind: 'comment' };
  const end = commandEnd(text, from);
  if (end === undefined) return { raw: text.slice(from), line, kind: 'other', isCode: true };
  const raw = text.slice(from, end);
  const [head, key] = assignmentStart.exec(start) ?? [];
  const word = head === undefined ? undefined : readWord(raw, head.length);
  if (head === undefined || key === undefined || word === undefined || word === 'open')
    return { raw, line, ...other(raw) };
  return { raw, line, ...describe(raw, key, head.length, word) };
}

/** Finds the line break that ends the command which begins at a place; undefined when a quote is open up to the text's end. */
function commandEnd(text: string, from: number): number | undefined {
  for (let at = from; ; ) {
    while (/[ \t]/.test(text[at] ?? '')) at += 1;
    if (text[at] === '#') at = lineEndFrom(text, at);
    if (at >= text.length || text[at] === '\n') return at;
    const word = operators.test(text[at] ?? '') ? { end: at + 1 } : readWord(text, at);
    if (word === 'open') return undefined;
    at = word.end;
  }
}

function lineEndFrom(text: string, from: number): number {
  const at = text.indexOf('\n', from);
  return at < 0 ? text.length : at;
}

/** Tells of a piece that is no single assignment whether it is more than assignments: such code may do anything. */
function other(raw: string): Pick<KeyValueEntry, 'kind' | 'isCode'> {
  for (let at = 0; at < raw.length; ) {
    while (/[ \t]/.test(raw[at] ?? '')) at += 1;
    if (at >= raw.length || raw[at] === '#') break;
    const name = /^(?:export(?=[ \t])|[A-Za-z_][A-Za-z0-9_]*\+?=)/.exec(raw.slice(at, at + 100))?.[0];
    const word = name === undefined ? 'open' : readWord(raw, at + name.length);
    if (word === 'open' || operators.test(raw[word.end] ?? '')) return { kind: 'other', isCode: true };
    at = word.end;
  }
  return { kind: 'other' };
}

/** What was read of a value: where it ends, and its value where it needs no shell to know it. */
interface Word {
  readonly end: number;
  readonly value: string | undefined;
}

function describe(raw: string, key: string, from: number, word: Word): Omit<KeyValueEntry, 'raw' | 'line'> {
  // Behind the value only a comment may stand: anything else is a second assignment, a command or an operator.
  if (!/^(?:[ \t]*|[ \t]+#.*)$/.test(raw.slice(word.end))) return other(raw);
  const common = { kind: 'assignment' as const, key, span: [from, word.end] as const };
  return word.value === undefined ? common : { ...common, value: word.value };
}

/** Reads one word as bash does (Quoting in bash(1)); `open` when a quote is not closed. */
function readWord(text: string, from: number): Word | 'open' {
  let value = '';
  let plain = text[from] !== '~';
  let index = from;
  while (index < text.length) {
    const character = text[index] ?? '';
    if (/[ \t\n;&|<>()]/.test(character)) break;
    if (character === "'") {
      const close = text.indexOf("'", index + 1);
      if (close < 0) return 'open';
      value += text.slice(index + 1, close);
      index = close + 1;
    } else if (character === '"') {
      const part = readDoubleQuoted(text, index + 1);
      if (part === undefined) return 'open';
      value += part.value ?? '';
      plain &&= part.value !== undefined;
      index = part.end;
    } else if (character === '$' && text[index + 1] === "'") {
      const close = ansiQuoteEnd(text, index + 2);
      if (close === undefined) return 'open';
      plain = false;
      index = close;
    } else if (character === '\\') {
      if (index + 1 >= text.length) return 'open';
      // A backslash before a line break joins the lines.
      if (text[index + 1] !== '\n') value += text[index + 1];
      index += 2;
    } else {
      if (/[$`]/.test(character) || (character === '~' && text[index - 1] === ':')) plain = false;
      value += character;
      index += 1;
    }
  }
  return { end: index, value: plain ? value : undefined };
}

/** In `$'…'` a backslash keeps a quote from ending it. */
function ansiQuoteEnd(text: string, from: number): number | undefined {
  for (let index = from; index < text.length; index += 1) {
    if (text[index] === "'") return index + 1;
    if (text[index] === '\\') index += 1;
  }
  return undefined;
}

function readDoubleQuoted(text: string, from: number): Word | undefined {
  let value = '';
  let plain = true;
  for (let index = from; index < text.length; index += 1) {
    const character = text[index] ?? '';
    const next = text[index + 1] ?? '';
    if (character === '"') return { end: index + 1, value: plain ? value : undefined };
    if (character === '\\' && /[\\"$`\n]/.test(next)) {
      if (next !== '\n') value += next;
      index += 1;
    } else {
      if (/[$`]/.test(character)) plain = false;
      value += character;
    }
  }
  return undefined;
}
