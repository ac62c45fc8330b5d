/** One piece of a file of assignments: mostly one line, more where a quoted value goes over several. */
export interface KeyValueEntry {
  /** The bytes as they stand in the file, without the line break at the end. */
  readonly raw: string;
  /** Number of its first line, from 1. */
  readonly line: number;
  /** `other` is whatever a shell would do something else with: `. file`, `A=1 B=2`, `A=(1 2)`, a command. */
  readonly kind: 'assignment' | 'comment' | 'blank' | 'other';
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
  /** False when the last line lacks its line break, so that whoever appends to the file breaks it. */
  readonly endsInNewline: boolean;
}

/** How a value is written: in double quotes always, or where it needs them. */
export type Quoting = 'always' | 'needed';

const assignmentStart = /^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=/;

/**
 * Reads the plain subset of what bash sources: one assignment a line, with bare, single-quoted and double-quoted parts.
 * Nothing is ever expanded or executed.
 * @param text the file; its line breaks are `\n`, and a carriage return is part of a value, as it is to bash
 */
export function parseKeyValue(text: string): KeyValueFile {
  if (text === '') return { entries: [], endsInNewline: true };
  const endsInNewline = text.endsWith('\n');
  const lines = (endsInNewline ? text.slice(0, -1) : text).split('\n');
  const entries: KeyValueEntry[] = [];
  for (let index = 0; index < lines.length; ) {
    const entry = parseEntry(lines, index);
    entries.push(entry);
    index += entry.raw.split('\n').length;
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

/** Reads the piece that begins at a line; it takes as many lines as its quotes are open for. */
function parseEntry(lines: readonly string[], first: number): KeyValueEntry {
  const start = lines[first] ?? '';
  const line = first + 1;
  if (/^[ \t]*$/.test(start)) return { raw: start, line, kind: 'blank' };
  if (/^[ \t]*#/.test(start)) return { raw: start, line, kind: 'comment' };
  const [head, key] = assignmentStart.exec(start) ?? [];
  if (head === undefined || key === undefined) return { raw: start, line, kind: 'other' };
  let raw = start;
  for (let next = first + 1; ; next += 1) {
    const word = readWord(raw, head.length);
    if (word !== 'open') return { raw, line, ...describe(raw, key, head.length, word) };
    const more = lines[next];
    if (more === undefined) return { raw, line, kind: 'other' };
    raw = `${raw}\n${more}`;
  }
}

/** What was read of a value: where it ends, and its value where it needs no shell to know it. */
interface Word {
  readonly end: number;
  readonly value: string | undefined;
}

function describe(raw: string, key: string, from: number, word: Word): Omit<KeyValueEntry, 'raw' | 'line'> {
  // Behind the value only a comment may stand: anything else is a second assignment, a command or an operator.
  if (!/^(?:[ \t]*|[ \t]+#.*)$/.test(raw.slice(word.end))) return { kind: 'other' };
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
