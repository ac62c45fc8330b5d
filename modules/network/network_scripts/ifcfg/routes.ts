import { parseIpv4, parseIpv4Network, prefixOfNetmask } from '../../../../lib/formats/ipv4.ts';
import { canonicalIpv6 } from '../../../../lib/formats/ipv6.ts';
import { getValue, parseKeyValue } from '../../../../lib/formats/key_value.ts';
import type { Route } from '../../bridge_state.ts';

/** What a file of routes is read with. */
export interface RouteContext {
  /** The link beside whose file it stands. */
  readonly device: string;
  /** Names of routing tables by number. */
  readonly tables: ReadonlyMap<string, string>;
}

/**
 * Returns the routes of a `route-*` or `route6-*` file beside default routes. Its lines are arguments of `ip route add`, or
 * ADDRESS0, NETMASK0, GATEWAY0 and so on (initscripts, ifup-routes). A line with words that a {@link Route} has no place for is given
 * as it is, and so equals no route.
 */
export function routesOf(text: string, context: RouteContext): readonly Route[] {
  return [...routesByKeys(text), ...text.split('\n').flatMap((line) => routeOfLine(line, context) ?? [])].filter(
    ({ to }) => to !== 'default',
  );
}

/** Replaces the routes of a file by others. Comments and default routes stay. */
export function withRoutes(text: string, routes: readonly Route[], context: RouteContext): string {
  const kept = text.split('\n').filter((line) => {
    const isKey = keyOfRoute.test(line);
    return !isKey && line.trim() !== '' && (routeOfLine(line, context)?.to ?? 'default') === 'default';
  });
  const defaults = routesByKeys(text).filter(({ to }) => to === 'default');
  const lines = [...kept, ...[...defaults, ...routes].map((route) => lineOf(route, context))];
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

const keyOfRoute = /^\s*(?:ADDRESS|NETMASK|GATEWAY|METRIC)(\d+)=/;

function routesByKeys(text: string): readonly Route[] {
  if (!/^\s*ADDRESS\d+=/m.test(text)) return [];
  const file = parseKeyValue(text);
  return file.entries.flatMap(({ key, value }) => {
    const [, number] = /^ADDRESS(\d+)$/.exec(key ?? '') ?? [];
    if (number === undefined || value === undefined) return [];
    const mask = getValue(file, `NETMASK${number}`) ?? '';
    const via = getValue(file, `GATEWAY${number}`);
    return [{ to: destination(`${value}/${prefixOfNetmask(mask) ?? 32}`), ...(via !== undefined && { via }) }];
  });
}

/** @returns undefined for a line that is no route: a comment, a blank one, a setting */
function routeOfLine(line: string, { device, tables }: RouteContext): Route | undefined {
  if (/^\s*(?:#|$)/.test(line) || keyOfRoute.test(line)) return undefined;
  const words = line.trim().split(/\s+/);
  const [to = '', ...rest] = words[0] === 'to' ? words.slice(1) : words;
  const unknown: Route = { to: line.trim() };
  const found: { via?: string; metric?: number; table?: number } = {};
  for (let index = 0; index < rest.length; index += 2) {
    const [word, value] = [rest[index], rest[index + 1]];
    if (value === undefined) return unknown;
    if (word === 'via') found.via = canonicalIpv6(value);
    else if (word === 'metric' && /^\d+$/.test(value)) found.metric = Number(value);
    else if (word === 'table') {
      const number = /^\d+$/.test(value) ? value : [...tables].find(([, name]) => name === value)?.[0];
      if (number === undefined) return unknown;
      if (number !== '254') found.table = Number(number);
    } else if (word !== 'dev' || value !== device) return unknown;
  }
  return { to: destination(to), ...found };
}

function destination(text: string): string {
  if (/^(?:default|0\.0\.0\.0\/0|0\/0|::\/0)$/.test(text)) return 'default';
  if (parseIpv4Network(text) !== undefined) return text;
  return parseIpv4(text) === undefined ? canonicalIpv6(text) : `${text}/32`;
}

function lineOf({ to, via, metric, table }: Route, { device }: RouteContext): string {
  const words: readonly (readonly [string, string | number | undefined])[] = [
    ['via', via],
    ['dev', device],
    ['metric', metric],
    ['table', table],
  ];
  return [to, ...words.flatMap(([word, value]) => (value === undefined ? [] : [`${word} ${value}`]))].join(' ');
}
