/** Values by key in lower case, by section. */
export type PythonConfig = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** The section whose values every other section falls back to. */
const defaultSection = 'DEFAULT';

/**
 * Reads a file as Python's `configparser` does with `;` for comments behind values, which is how Ansible reads `ansible.cfg`; values
 * are not interpolated. What configparser refuses (a line before the first section or without a separator, a key or section that
 * stands twice) is read as far as possible: such a line is skipped, and the later value counts.
 *
 * The package `ini` cannot read this format: it takes `remote_user: ops` for a flag, cuts `key = id#1` at the `#`, and makes a key of
 * an indented line, which continues the value above it.
 */
export function parsePythonConfig(text: string): PythonConfig {
  const sections = new Map<string, Map<string, string[]>>();
  let section: Map<string, string[]> | undefined;
  let value: string[] | undefined;
  let keyIndent = 0;
  for (const line of text.split(/\r\n|\r|\n/)) {
    const content = withoutComment(line);
    const words = content.trim();
    if (words === '') {
      // An empty line is part of a value that goes on below it; a comment is not.
      if (content === line) value?.push('');
      continue;
    }
    const indent = line.search(/\S/);
    if (value !== undefined && indent > keyIndent) {
      value.push(words);
      continue;
    }
    keyIndent = indent;
    const [, header] = /^\[(.+)\]/.exec(words) ?? [];
    if (header !== undefined) {
      section = sections.get(header) ?? new Map();
      sections.set(header, section);
      value = undefined;
      continue;
    }
    const [, key = '', start = ''] = /^(.*?)\s*[=:]\s*(.*)$/.exec(words) ?? [];
    if (section === undefined || key === '') continue;
    value = [start];
    section.set(key.toLowerCase(), value);
  }
  const defaults = sections.get(defaultSection) ?? [];
  sections.delete(defaultSection);
  return new Map(
    [...sections].map(([name, values]) => [
      name,
      new Map([...defaults, ...values].map(([key, lines]) => [key, lines.join('\n').trimEnd()])),
    ]),
  );
}

/** A comment takes a whole line that begins with `#` or `;`, or begins at a `;` after a blank. */
function withoutComment(line: string): string {
  return /^\s*[#;]/.test(line) ? '' : line.replace(/(?<=\s);.*$/, '');
}
