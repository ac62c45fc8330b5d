import type { InterfacesLine } from '../../../lib/formats/interfaces.ts';
import { inSubnet, parseIpv4, parseIpv4Network } from '../../../lib/formats/ipv4.ts';
import { inIpv6Subnet, parseIpv6, parseIpv6Network } from '../../../lib/formats/ipv6.ts';
import type { Route } from '../bridge_state.ts';
import { addsRoute } from './hooks.ts';
import { canonical, isHook, optionsOf, type Stanza } from './lines.ts';

/** Routes that hooks of stanzas add. Those which the host's way out needs are not the task's: the default ones, and on-link ones to gateways. */

const routePattern =
  /^(?:(?:\/usr)?\/s?bin\/)?ip\s+(-[46]\s+)?r(?:oute)?\s+(?:add|replace|append)\s+(\S+)((?:\s+(?:via|dev|metric|table)\s+\S+|\s+onlink)*)(?:\s+\|\|\s+(?:true|:))?$/;

/** Reads `up ip route add 10.0.0.0/8 via 192.168.221.1 dev $IFACE metric 5`. */
export function routeIn(line: InterfacesLine): Route | undefined {
  if (line.key !== 'up' && line.key !== 'post-up') return undefined;
  const [, family = '', to, rest = ''] = routePattern.exec((line.value ?? '').trim()) ?? [];
  if (to === undefined) return undefined;
  const after = (word: string): string | undefined => new RegExp(`\\s${word}\\s+(\\S+)`).exec(rest)?.[1];
  const [via, metric, table] = ['via', 'metric', 'table'].map(after);
  const isMain = table === undefined || table === 'main' || table === '254';
  if (!isMain && !/^\d+$/.test(table)) return undefined;
  return {
    to: destination(to, family.startsWith('-6') || (via?.includes(':') ?? false)),
    ...(via !== undefined && { via: canonical(via) }),
    ...(metric !== undefined && { metric: Number(metric) }),
    ...(!isMain && { table: Number(table) }),
  };
}

function destination(to: string, isIpv6: boolean): string {
  if (to === 'default') return isIpv6 ? '::/0' : '0.0.0.0/0';
  return to.includes('/') ? canonical(to) : `${canonical(to)}/${to.includes(':') ? 128 : 32}`;
}

/**
 * Returns the routes that a task manages: those that commands of the stanzas add, without default routes and on-link routes to gateways
 * unless the task names them. They stand in the task's order, because their order has no meaning.
 */
export function routesOf(stanzas: readonly Stanza[], wanted: readonly Route[] = []): readonly Route[] {
  const isManaged = managedRoutes(stanzas, wanted);
  const found = stanzas.flatMap(({ lines }) => lines.flatMap((line) => routeIn(line) ?? [])).filter(isManaged);
  const place = (route: Route): number => {
    const at = wanted.findIndex((each) => isSameRoute(each, route));
    return at === -1 ? wanted.length : at;
  };
  return found.sort((one, other) => place(one) - place(other));
}

/** Tells whether two routes are the same in all that they say. */
export function isSameRoute(one: Route, other: Route): boolean {
  return isInPlaceOf(one, other) && one.via === other.via;
}

/** Makes the test for routes that a task with a list of routes manages. */
export function managedRoutes(stanzas: readonly Stanza[], wanted: readonly Route[]): (route: Route) => boolean {
  const hooks = stanzas.flatMap(({ lines }) => lines.filter(isHook)).flatMap(({ value = '' }) => commandsIn(value));
  const vias = hooks.filter(isDefaultText).flatMap((text) => /\b(?:via|gw)\s+(\S+)/.exec(text)?.[1] ?? []);
  const gateways = [...optionsOf(stanzas, 'gateway'), ...vias, ...wanted.flatMap(({ via }) => via ?? [])];
  return (route) => {
    if (wanted.some((each) => isInPlaceOf(each, route))) return true;
    const isToGateway = route.via === undefined && gateways.some((gateway) => isWithin(gateway, route.to));
    return !isToGateway && !isDefault(route);
  };
}

/**
 * Tells whether a line adds a route in words that {@link routeIn} does not know. Those of default routes, and of on-link routes to their
 * gateways, need not be known: they stay whatever the task says.
 */
export function isOtherRoute(line: InterfacesLine): boolean {
  if (!isHook(line) || routeIn(line) !== undefined) return false;
  const commands = commandsIn(line.value ?? '').filter(addsRoute);
  const isForDefault = commands.some(isDefaultText);
  return commands.some((text) => !isDefaultText(text) && !(isForDefault && !/\b(?:via|gw)\s/.test(text)));
}

function commandsIn(text: string): readonly string[] {
  return text.split(/;|&&|\|\|/);
}

function isDefaultText(text: string): boolean {
  return addsRoute(text) && /\s(?:default|0\/0|0\.0\.0\.0(?:\/0)?|::\/0)(?:\s|$)/.test(text);
}

function isDefault({ to }: Route): boolean {
  return to === '0.0.0.0/0' || to === '::/0';
}

/** The kernel tells routes apart by these: one of them takes the place of the other. */
function isInPlaceOf(one: Route, other: Route): boolean {
  return one.to === other.to && one.metric === other.metric && one.table === other.table;
}

function isWithin(address: string, network: string): boolean {
  const [ipv4, ipv6] = [parseIpv4(address), parseIpv6(address)];
  const [ipv4Network, ipv6Network] = [parseIpv4Network(network), parseIpv6Network(network)];
  if (ipv4 !== undefined && ipv4Network !== undefined) return inSubnet(ipv4, ipv4Network);
  return ipv6 !== undefined && ipv6Network !== undefined && inIpv6Subnet(ipv6, ipv6Network);
}
