import type { ExpectedLink } from '../task/task.ts';
import { successorOf } from './lockout.ts';
import type { Neighbour } from './neighbours.ts';
import { isIpv6, type NetworkState } from './network_state.ts';

/** What a host's network is compared with after a change. */
export interface NetworkPromises {
  /** The host's network before the change. */
  readonly before: NetworkState;
  /** The gateways of the default routes before the change, as neighbours; undefined where the host cannot ask them. */
  readonly neighbours: readonly Neighbour[] | undefined;
  /** The links as the change is expected to leave them. */
  readonly links: readonly ExpectedLink[];
  /** The host must have one of these addresses: the one that it had before, or one that the site gives it. */
  readonly addresses: readonly string[];
}

/** Lists, in words, what of the network will be proved. */
export function networkInWords(promises: NetworkPromises): readonly string[] {
  const { before, addresses } = promises;
  const hops = hopsToController(promises);
  const hasPorts = [...before.masters.values()].some((master) => master !== '');
  return [
    ...(addresses.length === 0 ? [] : [`it has the address ${addresses.join(' or ')}`]),
    ...promisedGateways(promises).map(
      (any) => `the default route goes via ${any.join(' or ')}${wasWords(any, before)}`,
    ),
    ...askedGateways(promises).map(
      ({ asked }) => `the gateway ${asked.join(' or ')} answers on ${linksAfter(asked, promises).join(' or ')}`,
    ),
    ...(hops.length === 0 ? [] : [`this controller (${before.connection?.peer}) is reached via ${hops.join(' or ')}`]),
    ...(hasPorts ? ['guests are plugged in where they were'] : []),
  ];
}

/** Says which gateway the default route of the same family had, where that changes. */
function wasWords([gateway = '', ...others]: readonly string[], { gateways }: NetworkState): string {
  const was = [...new Set(gateways.map(({ via }) => via))].filter((via) => isIpv6(via) === isIpv6(gateway));
  const stays = [gateway, ...others].some((via) => was.includes(via));
  return stays || was.length === 0 ? '' : ` (was ${was.join(' or ')})`;
}

/** Lists, in words, the promises that the network does not keep. */
export function networkComplaints(state: NetworkState, promises: NetworkPromises): readonly string[] {
  const now = withoutNewPorts(state, promises.before);
  return [
    ...addressComplaints(now, promises),
    ...gatewayComplaints(now, promises),
    ...hopComplaints(now, promises),
    ...portComplaints(now, promises),
  ];
}

/** Lists default routes that are gone and were not promised: no file holds them, or no server announces them any more. */
export function lostGateways(now: NetworkState, { before, links }: NetworkPromises): readonly string[] {
  const has = withoutNewPorts(now, before).gateways.map(({ via }) => via);
  const isReplaced = links.some(({ gateway, ipv6 }) => gateway !== undefined || ipv6?.gateway !== undefined);
  if (isReplaced) return [];
  const gone = before.gateways.filter(({ via }) => !has.includes(via));
  return gone.map(({ link, via }) => `the default route via ${via} (${link}) is gone: nothing has set it again`);
}

/**
 * Leaves out the addresses and the default routes of links that the change has plugged into a bridge. The kernel may have got them from a
 * router's advertisement in the moment before, and nothing renews them there.
 */
function withoutNewPorts(now: NetworkState, before: NetworkState): NetworkState {
  const stays = ({ link }: { readonly link: string }): boolean => !isNewPort(link, now, before);
  return { ...now, addresses: now.addresses.filter(stays), gateways: now.gateways.filter(stays) };
}

function isNewPort(link: string, now: NetworkState, before: NetworkState): boolean {
  const isPort = ({ masters }: NetworkState): boolean => (masters.get(link) ?? '') !== '';
  return isPort(now) && !isPort(before);
}

function addressComplaints(now: NetworkState, { addresses }: NetworkPromises): readonly string[] {
  const has = now.addresses.map(({ address }) => address.split('/')[0] ?? '');
  if (addresses.length === 0 || addresses.some((address) => has.includes(address))) return [];
  const list = now.addresses.map(({ link, address }) => `${link} ${address}`).join(', ');
  return [`the host has no longer the address ${addresses.join(' or ')}, but ${list || 'none'}`];
}

/**
 * Gateways of default routes that must be there, each with those that may stand in for it. One that the tasks name is promised
 * by itself. Which of those of before are known to a file or a server nobody can see here, so one of each family has to be there.
 */
function promisedGateways({ before, links }: NetworkPromises): readonly (readonly string[])[] {
  const ipv4 = before.gateways.filter(({ via }) => !isIpv6(via));
  const ipv6 = before.gateways.filter(({ link, via }) => isIpv6(via) && keepsAdvertisedRoutes(link, links));
  return [
    ...oneOf(
      links.flatMap(({ gateway }) => gateway ?? []),
      ipv4,
    ),
    ...oneOf(
      links.flatMap((link) => link.ipv6?.gateway ?? []),
      ipv6,
    ),
  ];
}

function oneOf(named: readonly string[], before: NetworkState['gateways']): readonly (readonly string[])[] {
  if (named.length > 0) return named.map((gateway) => [gateway]);
  return before.length === 0 ? [] : [[...new Set(before.map(({ via }) => via))]];
}

/** A link of the change that will not listen to router advertisements, or of which no task says so, promises no route of theirs. */
function keepsAdvertisedRoutes(link: string, links: readonly ExpectedLink[]): boolean {
  const own = links.find((each) => each.link === link);
  return own === undefined || successorOf(own, links)?.ipv6?.isAutomatic === true;
}

function gatewayComplaints(now: NetworkState, promises: NetworkPromises): readonly string[] {
  const has = now.gateways.map(({ via }) => via);
  return promisedGateways(promises)
    .filter((any) => !any.some((gateway) => has.includes(gateway)))
    .map((any) => `the default route via ${any.join(' or ')} is gone; there is ${has.join(', ') || 'none'}`);
}

/**
 * Promised gateways of which one must answer on its link: those that the host did not have before, and those that answered before.
 * A route alone proves nothing, because the kernel takes one via a gateway that does not exist.
 */
function askedGateways(promises: NetworkPromises): readonly {
  /** All that may stand in for each other. */
  readonly any: readonly string[];
  readonly asked: readonly string[];
}[] {
  const { before, neighbours } = promises;
  if (neighbours === undefined) return [];
  const answered = neighbours.filter(({ answer }) => answer === 'answers').map(({ via }) => via);
  const had = before.gateways.map(({ via }) => via);
  const mustAnswer = (via: string): boolean => answered.includes(via) || !had.includes(via);
  return promisedGateways(promises)
    .map((any) => ({ any, asked: any.filter(mustAnswer) }))
    .filter(({ asked }) => asked.length > 0);
}

/** Lists the gateways that have to be asked whether they answer. */
export function gatewaysToAsk(promises: NetworkPromises): readonly string[] {
  return askedGateways(promises).flatMap(({ asked }) => asked);
}

/**
 * Lists, in words, the promised gateways that do not answer. Where the default route itself is gone, {@link networkComplaints} says so.
 * @param seen those of {@link gatewaysToAsk} to which a default route leads now
 */
export function neighbourComplaints(
  now: NetworkState,
  seen: readonly Neighbour[],
  promises: NetworkPromises,
): readonly string[] {
  const { before } = promises;
  const answering = seen.filter(({ link, answer }) => answer !== 'silent' && !isNewPort(link, now, before));
  const routes = withoutNewPorts(now, before).gateways;
  return askedGateways(promises).flatMap(({ any, asked }) => {
    const isGone = !routes.some(({ via }) => any.includes(via));
    if (isGone || answering.some(({ via }) => asked.includes(via))) return [];
    const links = linksAfter(asked, promises).join(' or ');
    return [`the gateway ${asked.join(' or ')} does not answer on ${links}: no link-layer address was found for it`];
  });
}

/** The links on which gateways are expected: those whose tasks name them, or those that take the place of the links of before. */
function linksAfter(gateways: readonly string[], { before, links }: NetworkPromises): readonly string[] {
  const after = gateways.flatMap((gateway) => {
    const named = links.filter((each) => each.gateway === gateway || each.ipv6?.gateway === gateway);
    if (named.length > 0) return named.map(({ link }) => link);
    return before.gateways
      .filter(({ via }) => via === gateway)
      .map(({ link }) => {
        const own = links.find((each) => each.link === link);
        return (own && successorOf(own, links)?.link) ?? link;
      });
  });
  return [...new Set(after)];
}

/**
 * Next hops by which packets of the connection may leave: the one of before, by whatever rule and table it was found, or a
 * gateway that the tasks name. Empty where the controller is on the link itself.
 */
function hopsToController({ before, links }: NetworkPromises): readonly string[] {
  if (before.way?.via === undefined || before.connection === undefined) return [];
  const named = isIpv6(before.connection.peer)
    ? links.flatMap(({ ipv6 }) => ipv6?.gateway ?? [])
    : links.flatMap(({ gateway }) => gateway ?? []);
  return [...new Set([before.way.via, ...named])];
}

/** From another address the host may take another way, which the new connection itself has proved. */
function hopComplaints(now: NetworkState, promises: NetworkPromises): readonly string[] {
  const { connection } = promises.before;
  const hops = hopsToController(promises);
  const isSame = now.connection?.local === connection?.local && now.connection?.peer === connection?.peer;
  if (connection === undefined || hops.length === 0 || !isSame || hops.includes(now.way?.via ?? '')) return [];
  const way = now.way === undefined ? 'there is no route' : `it goes via ${now.way.via ?? `${now.way.link} itself`}`;
  return [`the route to this controller (${connection.peer}) via ${hops.join(' or ')} is gone; ${way}`];
}

function portComplaints(now: NetworkState, { before, links }: NetworkPromises): readonly string[] {
  const touched = new Set(links.map(({ link }) => link));
  return [...before.masters].flatMap(([link, master]) => {
    // A guest that was stopped meanwhile has taken its tap with it.
    const isGone = !now.masters.has(link);
    if (master === '' || touched.has(link) || isGone || now.masters.get(link) === master) return [];
    return [`${link} is no longer plugged into ${master}`];
  });
}
