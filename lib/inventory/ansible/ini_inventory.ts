import { PlaybookError } from '../../errors.ts';
import { nearest } from '../../validation/nearest.ts';
import type { GroupEntry, InventoryEntries, InventoryValues } from './entries.ts';
import { checkedName, parseHostPattern } from './names.ts';
import { pythonLiteral } from './python_literal.ts';

type Kind = 'hosts' | 'children' | 'vars';

/** A group that is being read. */
interface Draft {
  readonly hosts: Set<string>;
  readonly children: Set<string>;
  readonly values: Map<string, unknown>;
}

/** A group that must be declared by a section of its own, and the line that says so. */
interface Expected {
  readonly line: number;
  readonly words: string;
}

/**
 * Reads an inventory in Ansible's INI form: hosts with `key=value` behind them, `[group]`, `[group:children]`, `[group:vars]`,
 * ranges such as `web[01:20].example.org`, comments with `#` and `;`.
 *
 * The package `ini` cannot read this form, which only looks like INI: of `kvm1 ansible_port=22 memory=2` it makes the key
 * `kvm1 ansible_port` with the value `22 memory=2`, and `kvm1:2222` a flag.
 * @param text what is in the file
 * @param file its name, for the message
 * @throws PlaybookError with file and line for a line that cannot be read, and for a group that no section declares
 */
export function parseIniInventory(text: string, file: string): InventoryEntries {
  const groups = new Map<string, Draft>();
  const hosts = new Map<string, InventoryValues>();
  const declared = new Set(['all', 'ungrouped']);
  const expected = new Map<string, Expected>();
  const group = (name: string): Draft => {
    const known = groups.get(name) ?? { hosts: new Set<string>(), children: new Set<string>(), values: new Map() };
    groups.set(name, known);
    return known;
  };
  const expectGroup = (name: string, line: number, words: string): void => {
    if (!expected.has(name)) expected.set(name, { line, words });
  };
  let section: { name: string; kind: Kind } = { name: 'ungrouped', kind: 'hosts' };
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    try {
      if (line.startsWith('[')) {
        section = parseSection(line);
        group(section.name);
        if (section.kind === 'vars') expectGroup(section.name, index + 1, `[${section.name}:vars] is about`);
        else declared.add(section.name);
      } else if (section.kind === 'vars') {
        const [key, value] = parseVariable(line);
        group(section.name).values.set(key, value);
      } else if (section.kind === 'children') {
        const child = checkedName(withoutComment(line));
        group(section.name).children.add(child);
        expectGroup(child, index + 1, `[${section.name}:children] names`);
      } else {
        const { names, values } = parseHostLine(line);
        for (const name of names) {
          group(section.name).hosts.add(name);
          hosts.set(name, { ...hosts.get(name), ...values });
        }
      }
    } catch (error) {
      if (!(error instanceof PlaybookError)) throw error;
      throw error.at({ location: { file, line: index + 1 } });
    }
  }
  for (const [name, { line, words }] of expected) {
    if (declared.has(name)) continue;
    const close = nearest(name, [...declared]);
    const hint = close === undefined ? `write a section [${name}], which may be empty` : `did you mean '${close}'?`;
    throw new PlaybookError(`${words} the group '${name}', and no section [${name}] is there; ${hint}`).at({
      location: { file, line },
    });
  }
  return {
    groups: Object.fromEntries([...groups].map(([name, draft]) => [name, asEntry(draft)])),
    hosts: Object.fromEntries(hosts),
  };
}

function asEntry({ hosts, children, values }: Draft): GroupEntry {
  return { hosts: [...hosts], children: [...children], values: Object.fromEntries(values) };
}

function parseSection(line: string): { name: string; kind: Kind } {
  const [, name, kind = 'hosts'] = /^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:[#;].*)?$/.exec(line) ?? [];
  if (name === undefined)
    throw new PlaybookError(`'${line}' is no group; one looks like [name], [name:children] or [name:vars]`);
  if (kind === 'hosts' || kind === 'children' || kind === 'vars') return { name, kind };
  const close = nearest(kind, ['children', 'vars', 'hosts']);
  throw new PlaybookError(
    `'${line}': there is no ':${kind}'${close === undefined ? '; write :children or :vars' : `; did you mean ':${close}'?`}`,
  );
}

function parseVariable(line: string): readonly [string, unknown] {
  const [, key, value] = /^([^=\s]+)\s*=\s*(.*)$/.exec(line) ?? [];
  if (key === undefined || value === undefined)
    throw new PlaybookError(`'${line}' is no value; one looks like name=value`);
  return [key, pythonLiteral(value)];
}

function parseHostLine(line: string): { names: readonly string[]; values: InventoryValues } {
  const [host = '', ...rest] = words(line);
  const values = rest.map((word) => {
    const at = word.indexOf('=');
    if (at < 1) throw new PlaybookError(`behind the host ${host} stands '${word}', and a value looks like name=value`);
    return [word.slice(0, at), pythonLiteral(word.slice(at + 1))] as const;
  });
  const { names, port } = parseHostPattern(host);
  return { names, values: { ...port, ...Object.fromEntries(values) } };
}

function withoutComment(line: string): string {
  return line.replace(/\s+[#;].*$/, '');
}

/** Splits a line as a shell does: blanks separate, quotes and backslashes keep together. `#` begins a comment, also inside of a word. */
function words(line: string): readonly string[] {
  const found: string[] = [];
  let rest = line.trimStart();
  while (rest !== '' && !rest.startsWith('#')) {
    const [word] = /^(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\#])+/.exec(rest) ?? [];
    if (word === undefined || !/^[\s#]|^$/.test(rest.slice(word.length))) {
      throw new PlaybookError(`a quote is not closed in '${rest}'`);
    }
    found.push(unquoted(word));
    rest = rest.slice(word.length).trimStart();
  }
  return found;
}

function unquoted(word: string): string {
  return word.replaceAll(
    /"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/g,
    (_whole, double: string | undefined, single: string | undefined, escaped: string | undefined) =>
      double?.replaceAll(/\\(["\\])/g, '$1') ?? single ?? escaped ?? '',
  );
}
