/**
 * Files in the form of systemd's units and of NetworkManager's keyfiles: sections, each with lines `KEY=VALUE`. `ini` cannot be used:
 * a section and a key may stand there several times and the order counts, and comments must stay where they are.
 */

/** A line of a section. */
export interface UnitLine {
  /** As it stands in the file, without its line break; a line that goes on in the next one holds that one too. */
  readonly raw: string;
  /** undefined for comments, blank lines, and what is none of the form. */
  readonly key?: string;
  readonly value?: string;
}

/** A section with its lines. The lines before the first section belong to one without a name. */
export interface UnitSection {
  /** undefined for the lines before the first section. */
  readonly name: string | undefined;
  readonly lines: readonly UnitLine[];
}

/** A file of sections. */
export interface UnitFile {
  readonly sections: readonly UnitSection[];
  readonly endsInNewline: boolean;
}

/** Reads a file of systemd. Every text can be read; {@link formatUnitFile} gives it back byte for byte. */
export function parseUnitFile(text: string): UnitFile {
  return parseSections(text, { comment: /^\s*[#;]/, isJoined: true });
}

/**
 * Reads a keyfile of NetworkManager, as GLib does: only `#` begins a comment, and a backslash at the end of a line belongs to the value.
 * {@link formatUnitFile} gives the text back byte for byte.
 */
export function parseKeyfile(text: string): UnitFile {
  return parseSections(text, { comment: /^\s*#/, isJoined: false });
}

function parseSections(text: string, { comment, isJoined }: { comment: RegExp; isJoined: boolean }): UnitFile {
  const endsInNewline = text.endsWith('\n');
  const rows = text === '' ? [] : (endsInNewline ? text.slice(0, -1) : text).split('\n');
  const sections: { name: string | undefined; lines: UnitLine[] }[] = [{ name: undefined, lines: [] }];
  for (let index = 0; index < rows.length; index += 1) {
    let raw = rows[index] ?? '';
    const isComment = comment.test(raw);
    while (isJoined && !isComment && raw.endsWith('\\') && index + 1 < rows.length) {
      index += 1;
      raw = `${raw}\n${rows[index]}`;
    }
    const [, name] = /^\s*\[([^\]\n]+)\]\s*$/.exec(raw) ?? [];
    if (name !== undefined) sections.push({ name, lines: [] });
    else sections.at(-1)?.lines.push(lineOf(raw, isComment));
  }
  return { sections, endsInNewline };
}

/** Writes a file. Headers of sections are written without blanks around them. */
export function formatUnitFile({ sections, endsInNewline }: UnitFile): string {
  const rows = sections.flatMap(({ name, lines }) => [
    ...(name === undefined ? [] : [`[${name}]`]),
    ...lines.map(({ raw }) => raw),
  ]);
  return rows.join('\n') + (endsInNewline && rows.length > 0 ? '\n' : '');
}

/** Returns all values of a key, in order, of all sections of that name. */
export function unitValues(file: UnitFile, section: string, key: string): readonly string[] {
  return sectionsOf(file, section).flatMap(({ lines }) =>
    lines.flatMap((line) => (line.key === key ? [line.value ?? ''] : [])),
  );
}

/** Returns the value of a key that counts: the last one. */
export function unitValue(file: UnitFile, section: string, key: string): string | undefined {
  return unitValues(file, section, key).at(-1);
}

/** Returns the sections of a name, in order. */
export function sectionsOf({ sections }: UnitFile, name: string): readonly UnitSection[] {
  return sections.filter((section) => section.name === name);
}

/** Returns the value of a key in one section: the last one. */
export function valueIn({ lines }: UnitSection, key: string): string | undefined {
  return lines.findLast((line) => line.key === key)?.value;
}

/**
 * Sets a key to some values, one a line: in the place of its first line, or at the end of the first section of that name, or in a new
 * section. Its other lines go. Without values all of them go.
 */
export function setUnitValues(file: UnitFile, section: string, key: string, values: readonly string[]): UnitFile {
  const lines = values.map((value) => ({ raw: `${key}=${value}`, key, value }));
  const isThere = unitValues(file, section, key).length > 0;
  if (!isThere && lines.length === 0) return file;
  let isPlaced = false;
  const place = (): readonly UnitLine[] => {
    const placed = isPlaced ? [] : lines;
    isPlaced = true;
    return placed;
  };
  const sections = file.sections.map((each) => {
    if (each.name !== section) return each;
    if (isThere) return { ...each, lines: each.lines.flatMap((line) => (line.key === key ? place() : [line])) };
    // Behind the last line that is not blank.
    const end = each.lines.findLastIndex(({ raw }) => raw.trim() !== '') + 1;
    return { ...each, lines: [...each.lines.slice(0, end), ...place(), ...each.lines.slice(end)] };
  });
  if (isThere || isPlaced) return { ...file, sections };
  return addSection(file, section, lines);
}

/** Sets a key to one value. */
export function setUnitValue(file: UnitFile, section: string, key: string, value: string): UnitFile {
  return setUnitValues(file, section, key, [value]);
}

/** Adds a section at the end of a file, a blank line before it. */
export function addSection(file: UnitFile, name: string, lines: readonly UnitLine[]): UnitFile {
  const last = file.sections.at(-1);
  const isEmpty = file.sections.every((section) => section.name === undefined && section.lines.length === 0);
  const isSeparated = isEmpty || last?.lines.at(-1)?.raw.trim() === '';
  const blank = last === undefined || isSeparated ? [] : [{ ...last, lines: [...last.lines, { raw: '' }] }];
  const before = blank.length === 0 ? file.sections : [...file.sections.slice(0, -1), ...blank];
  return { sections: [...before, { name, lines }], endsInNewline: true };
}

/** Makes a line of a key and a value. */
export function unitLine(key: string, value: string): UnitLine {
  return { raw: `${key}=${value}`, key, value };
}

function lineOf(raw: string, isComment: boolean): UnitLine {
  const equals = raw.indexOf('=');
  if (isComment || equals < 1) return { raw };
  const value = raw.slice(equals + 1).replaceAll(/\\\n/g, ' ');
  return { raw, key: raw.slice(0, equals).trim(), value: value.trim() };
}
