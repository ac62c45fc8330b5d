/**
 * Files in the form of interfaces(5), ifupdown's own: stanzas that begin with a keyword, each option on a line. Every byte is kept:
 * comments and blank lines stay where they are, because administrators write these files by hand.
 */

/** A line, or several of which each but the last ends in a backslash. */
export interface InterfacesLine {
  /** As it stands in the file, without its last line break. */
  readonly raw: string;
  /** Its first word; undefined for comments and blank lines. */
  readonly key?: string;
  /** What follows the first word. */
  readonly value?: string;
}

/** A file as its lines. */
export interface InterfacesFile {
  readonly lines: readonly InterfacesLine[];
  readonly endsInNewline: boolean;
}

/** An `iface` stanza. */
export interface IfaceStanza {
  readonly name: string;
  /** `inet`, `inet6`; empty where the line names none. */
  readonly family: string;
  /** `dhcp`, `static`, `manual`, `auto`; empty where the line names none. */
  readonly method: string;
  /** What stands behind the method, e.g. `inherits office`. */
  readonly rest: string;
  /** Index of its first line, and of the line behind its last option. */
  readonly start: number;
  readonly end: number;
  /** The lines behind the first one, with comments and blank lines between them. */
  readonly lines: readonly InterfacesLine[];
}

/** Reads a file. Every text can be read; {@link formatInterfaces} gives it back byte for byte. */
export function parseInterfaces(text: string): InterfacesFile {
  const endsInNewline = text.endsWith('\n');
  const rows = text === '' ? [] : (endsInNewline ? text.slice(0, -1) : text).split('\n');
  const lines: InterfacesLine[] = [];
  for (let index = 0; index < rows.length; index += 1) {
    let raw = rows[index] ?? '';
    // A comment ends with its line, whatever its last character is.
    while (!isComment(raw) && raw.endsWith('\\') && index + 1 < rows.length) {
      index += 1;
      raw = `${raw}\n${rows[index]}`;
    }
    lines.push(interfacesLine(raw));
  }
  return { lines, endsInNewline };
}

/** Writes a file. */
export function formatInterfaces({ lines, endsInNewline }: InterfacesFile): string {
  return lines.map(({ raw }) => raw).join('\n') + (endsInNewline && lines.length > 0 ? '\n' : '');
}

/** Reads one line, which may go on in further ones behind backslashes. */
export function interfacesLine(raw: string): InterfacesLine {
  if (isComment(raw)) return { raw };
  const text = raw.replaceAll('\\\n', '').trim();
  if (text === '') return { raw };
  const [key = ''] = text.split(/\s/, 1);
  return { raw, key, value: text.slice(key.length).trim() };
}

/** Returns the `iface` stanzas of a file, of one link where it is named. */
export function ifaceStanzas({ lines }: InterfacesFile, link?: string): readonly IfaceStanza[] {
  return lines.flatMap((line, start) => {
    if (line.key !== 'iface') return [];
    const [name = '', family = '', method = '', ...rest] = (line.value ?? '').split(/\s+/);
    if (link !== undefined && name !== link) return [];
    const next = lines.findIndex(({ key }, index) => index > start && key !== undefined && startsStanza(key));
    const until = next === -1 ? lines.length : next;
    const last = lines.findLastIndex(({ key }, index) => index < until && key !== undefined);
    const end = last + 1;
    return [{ name, family, method, rest: rest.join(' '), start, end, lines: lines.slice(start + 1, end) }];
  });
}

/** Returns the names that stand behind some keywords, such as `auto`. */
export function namesBehind({ lines }: InterfacesFile, keywords: readonly string[]): readonly string[] {
  return lines.flatMap(({ key, value = '' }) =>
    key !== undefined && keywords.includes(key) ? value.split(/\s+/).filter((name) => name !== '') : [],
  );
}

/** Tells whether a word begins a stanza: it is no option of the one before. */
export function startsStanza(key: string): boolean {
  return stanzaWords.includes(key) || key.startsWith('allow-');
}

const stanzaWords: readonly string[] = [
  ...['iface', 'auto', 'mapping', 'source', 'source-directory', 'no-auto-down', 'no-scripts', 'rename', 'template'],
];

function isComment(raw: string): boolean {
  return /^\s*#/.test(raw);
}
