import { PlaybookError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import type { GroupEntry, InventoryEntries, InventoryValues } from './inventory.ts';
import { expandRange } from './range.ts';

type Kind = 'hosts' | 'children' | 'vars';

/** A group that is being read. */
interface Draft {
  readonly hosts: Set<string>;
  readonly children: Set<string>;
  readonly values: Record<string, unknown>;
}

/**
 * Reads an inventory in Ansible's INI form: hosts with `key=value` behind them, `[group]`, `[group:children]`, `[group:vars]`,
 * ranges such as `web[01:20].example.org`, comments with `#` and `;`.
 * @param text what is in the file
 * @param file its name, for the message
 * @throws PlaybookError with file and line for a line that cannot be read
 */
export function parseIniInventory(text: string, file: string): InventoryEntries {
  const groups = new Map<string, Draft>();
  const hosts: Record<string, InventoryValues> = {};
  const group = (name: string): Draft => {
    const known = groups.get(name) ?? { hosts: new Set<string>(), children: new Set<string>(), values: {} };
    groups.set(name, known);
    return known;
  };
  let section: { name: string; kind: Kind } = { name: 'ungrouped', kind: 'hosts' };
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    try {
      if (line.startsWith('[')) {
        section = parseSection(line);
        group(section.name);
      } else if (section.kind === 'vars') {
        const [key, value] = parseVariable(line);
        group(section.name).values[key] = value;
      } else if (section.kind === 'children') {
        group(section.name).children.add(parseName(withoutComment(line)));
      } else {
        const { names, values } = parseHostLine(line);
        for (const name of names) {
          group(section.name).hosts.add(name);
          hosts[name] = { ...hosts[name], ...values };
        }
      }
    } catch (error) {
      if (!(error instanceof PlaybookError)) throw error;
      throw error.at({ location: { file, line: index + 1 } });
    }
  }
  return { groups: Object.fromEntries([...groups].map(([name, draft]) => [name, asEntry(draft)])), hosts };
}

function asEntry({ hosts, children, values }: Draft): GroupEntry {
  return { hosts: [...hosts], children: [...children], values };
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
  return [key, literal(value)];
}

function parseHostLine(line: string): { names: readonly string[]; values: InventoryValues } {
  const [host = '', ...rest] = words(line);
  const values = rest.map((word) => {
    const at = word.indexOf('=');
    if (at < 1) throw new PlaybookError(`behind the host ${host} stands '${word}', and a value looks like name=value`);
    return [word.slice(0, at), literal(word.slice(at + 1))] as const;
  });
  // An IPv6 address has more colons than the one before a port.
  const [, range = host, port] = /^([^:]+|\[[0-9A-Fa-f:]+\]|[^:]*\[[^\]]*\][^:]*):(\d+)$/.exec(host) ?? [];
  const names = expandRange(range).map(parseName);
  return {
    names,
    values: { ...(port !== undefined && { ansible_port: Number(port) }), ...Object.fromEntries(values) },
  };
}

function parseName(name: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.:-]*$/.test(name)) return name;
  throw new PlaybookError(`'${name}' cannot be the name of a host or a group`);
}

function withoutComment(line: string): string {
  return line.replace(/\s+[#;].*$/, '');
}

/** Splits a line as a shell does: blanks separate, quotes and backslashes keep together, `#` behind a blank begins a comment. */
function words(line: string): readonly string[] {
  const found: string[] = [];
  let rest = line.trimStart();
  while (rest !== '' && !rest.startsWith('#')) {
    const [word] = /^(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\])+/.exec(rest) ?? [];
    if (word === undefined || !/^\s|^$/.test(rest.slice(word.length))) {
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

/** Reads a value as Ansible does: Python's literals are what they say, everything else is text. */
function literal(text: string): unknown {
  if (text === 'True') return true;
  if (text === 'False') return false;
  if (text === 'None') return null;
  if (/^[+-]?(?:0|[1-9]\d*|0[xX][0-9a-fA-F]+|0[oO][0-7]+)$/.test(text)) return Number(text);
  if (/^[+-]?(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][+-]?\d+)?$/.test(text)) return Number(text);
  const [, , inner] = /^(['"])(.*)\1$/.exec(text) ?? [];
  if (inner !== undefined && !inner.includes(text[0] ?? '')) return inner;
  return /^[[{]/.test(text) ? collection(text) : text;
}

/** A list or a dictionary of Python's, where it can be read as JSON with other quotes and names. */
function collection(text: string): unknown {
  const names: Readonly<Record<string, string>> = { True: 'true', False: 'false', None: 'null' };
  const json = text
    .replaceAll(/'([^'"]*)'/g, '"$1"')
    .replaceAll(/\b(?:True|False|None)\b/g, (name) => names[name] ?? name);
  try {
    return JSON.parse(json);
  } catch {
    return text;
  }
}
