import { PlaybookError } from '../errors.ts';
import { nearest } from '../validation/nearest.ts';
import type { Inventory } from './inventory.ts';

/**
 * Chooses hosts as Ansible's patterns do: names of hosts and groups, `*` and `?`, `~` and a regular expression, a place or a range
 * of places in a group (`web[0]`, `web[1:3]`, `web[-1]`); several of them with `:` or `,` between, those with `&` must hold too,
 * those with `!` must not.
 * @param pattern e.g. `web:&dc1:!old`
 * @returns the hosts' names, in the inventory's order
 * @throws PlaybookError for a part that fits nothing, and names the nearest that would
 */
export function chooseHosts(inventory: Inventory, pattern: string): readonly string[] {
  const parts = splitPattern(pattern, inventory);
  const wanted = parts.filter((part) => !/^[&!]/.test(part));
  const chosen = new Set((wanted.length > 0 ? wanted : ['all']).flatMap((part) => hostsOf(inventory, part, pattern)));
  for (const part of parts.filter((each) => each.startsWith('&'))) {
    const both = new Set(hostsOf(inventory, part.slice(1), pattern));
    for (const name of chosen) if (!both.has(name)) chosen.delete(name);
  }
  for (const part of parts.filter((each) => each.startsWith('!'))) {
    for (const name of hostsOf(inventory, part.slice(1), pattern)) chosen.delete(name);
  }
  return [...inventory.hosts.keys()].filter((name) => chosen.has(name));
}

/**
 * Splits a pattern at commas where it has any, and else at colons: not inside brackets, not inside the parentheses of a regular
 * expression, and not in a name that is known with its colons (`kvm1:2222`, an IPv6 address).
 */
function splitPattern(pattern: string, { hosts, groups }: Inventory): readonly string[] {
  const parts = pattern.includes(',')
    ? pattern.split(',')
    : splitAtColons(pattern, [...hosts.keys(), ...groups.keys()]);
  const trimmed = parts.map((part) => part.trim()).filter((part) => part !== '');
  if (trimmed.length === 0) throw new PlaybookError(`the pattern '${pattern}' names no hosts`);
  return trimmed;
}

function splitAtColons(pattern: string, names: readonly string[]): readonly string[] {
  const known = names.filter((name) => name.includes(':')).toSorted((one, other) => other.length - one.length);
  const lastClosing = pattern.lastIndexOf(']');
  const parts: string[] = [];
  let start = 0;
  while (start < pattern.length) {
    let base = start;
    while (/[\s&!]/.test(pattern.charAt(base))) base += 1;
    const name = known.find((each) => pattern.startsWith(each, base) && isEnd(pattern.charAt(base + each.length)));
    const end = name === undefined ? nextColon(pattern, base, lastClosing) : base + name.length;
    parts.push(pattern.slice(start, end));
    const colon = pattern.indexOf(':', end);
    start = colon === -1 ? pattern.length : colon + 1;
  }
  return parts;
}

function isEnd(character: string): boolean {
  return character === '' || /[:\s]/.test(character);
}

/** Finds the colon that ends a part. A bracket that nothing closes is a character as any other. */
function nextColon(pattern: string, from: number, lastClosing: number): number {
  const isExpression = pattern.charAt(from) === '~';
  let depth = 0;
  for (let at = from; at < pattern.length; at += 1) {
    const character = pattern.charAt(at);
    if (character === '[' && at < lastClosing) at = pattern.indexOf(']', at);
    else if (character === ':' && depth === 0) return at;
    else if (isExpression && character === '\\') at += 1;
    else if (isExpression && character === '(') depth += 1;
    else if (isExpression && character === ')') depth -= 1;
  }
  return pattern.length;
}

function hostsOf(inventory: Inventory, part: string, pattern: string): readonly string[] {
  const isName = inventory.hosts.has(part) || inventory.groups.has(part);
  const [, base = part, place] = isName ? [] : (/^([^[~]+)\[(-?\d*(?::-?\d*)?)\]$/.exec(part) ?? []);
  const found = namesMatching(inventory, base);
  if (found.length === 0 && !inventory.groups.has(base)) {
    const where = part === pattern ? '' : ` (in '${pattern}')`;
    throw new PlaybookError(`no host and no group fits '${base}'${where}${hintFor(inventory, base, pattern)}`);
  }
  return place === undefined ? found : pick(found, place, part);
}

function hintFor({ hosts, groups }: Inventory, part: string, pattern: string): string {
  const withPort = [...hosts.keys()].find((name) => /^\d+$/.test(part) && pattern.includes(`${name}:${part}`));
  if (withPort !== undefined) {
    return `; a colon stands between names, and an inventory's host is named without its port: '${withPort}'`;
  }
  if (/\s/.test(part)) return `; a comma or a colon stands between names: '${part.trim().split(/\s+/).join(',')}'`;
  const inFull = [...hosts.keys()].find((name) => name.replace(/^[^@]*@|:\d+$/g, '') === part);
  const close = inFull ?? nearest(part, [...groups.keys(), ...hosts.keys()]);
  return close === undefined ? '' : `; did you mean '${close}'?`;
}

function namesMatching({ hosts, groups }: Inventory, name: string): readonly string[] {
  const own = groups.get(name);
  if (own !== undefined) return own;
  if (hosts.has(name)) return [name];
  const matches = matcher(name);
  if (matches === undefined) return [];
  const inGroups = [...groups].filter(([group]) => matches(group)).flatMap(([, members]) => members);
  return [...new Set([...inGroups, ...[...hosts.keys()].filter(matches)])];
}

function matcher(name: string): ((text: string) => boolean) | undefined {
  if (name.startsWith('~')) {
    const expression = compile(name.slice(1));
    return (text) => expression.test(text);
  }
  if (!/[*?]/.test(name)) return undefined;
  const source = name
    .replaceAll(/[.+^${}()|\\[\]]/g, '\\$&')
    .replaceAll(/\*+/g, '.*')
    .replaceAll('?', '.');
  const expression = new RegExp(`^${source}$`);
  return (text) => expression.test(text);
}

function compile(source: string): RegExp {
  try {
    return new RegExp(`^(?:${source})`);
  } catch (error) {
    throw new PlaybookError(`'~${source}' is no regular expression: ${error instanceof Error ? error.message : error}`);
  }
}

/** A range includes its last place, as in Ansible. */
function pick(names: readonly string[], place: string, part: string): readonly string[] {
  const [first = '', last] = place.split(':');
  if (last !== undefined) {
    const from = first === '' ? 0 : Number(first);
    const to = last === '' ? names.length - 1 : Number(last);
    return names.slice(from, to < 0 ? names.length + to + 1 : to + 1);
  }
  const name = names.at(Number(first));
  if (first === '' || name === undefined)
    throw new PlaybookError(`'${part}': there is no such place among ${names.length} hosts`);
  return [name];
}
