import { isIPv4 } from 'node:net';
import * as v from 'valibot';
import { defineModule, type Module } from '../lib/engine/define_module.ts';
import type { ModuleReading } from '../lib/engine/module_spec.ts';
import { ArgumentError, UnsupportedChangeError } from '../lib/errors.ts';
import { escapeXml } from '../lib/formats/libvirt_xml.ts';
import type { SchemaEntries } from '../lib/task/argument_types.ts';
import { differences, type Once, once } from '../lib/task/diff.ts';
import type { ReadonlyHost } from '../lib/task/readonly_host.ts';
import type { Step } from '../lib/task/step.ts';
import { found, line } from '../lib/validation/schemas.ts';
import { connect, defineStep, hindrances, objectName, readNetwork, uriSchema, virshStep } from './libvirt/libvirt.ts';
import { networkCollisions } from './virsh_network/collisions.ts';

/** Arguments of {@link virshNetwork}. Of a network that is defined already, only what is named here is compared. */
export interface VirshNetworkArgs {
  /** The network's name. */
  readonly name: string;
  /** The bridge that libvirt makes for it, at most 15 characters. Default for a new network: `virbr0` for `default`, else libvirt's choice. */
  readonly bridge?: string;
  /** The host's IPv4 address in it, with the length of its prefix. Default for a new network named `default`: `192.168.122.1/24`. */
  readonly address?: string;
  /** How guests get out: by NAT, or not at all (`none`). Default for a new network: `nat`. */
  readonly forward?: 'nat' | 'none';
  /** The first and the last address that are handed out to guests, or false for none. Default for a new network: all of its addresses. */
  readonly dhcp?: { readonly start: string; readonly end: string } | false;
  /** Whether it is up now. Default true. */
  readonly active?: boolean;
  /** Whether it comes up with libvirt. Default true. */
  readonly autostart?: boolean;
  /** The URI of libvirt's connection. Default `qemu:///system`. */
  readonly connect?: string;
}

/** The state that {@link virshNetwork} compares. */
export interface VirshNetworkState {
  readonly id: Once<{ readonly name: string; readonly uri: string }>;
  readonly persistent: boolean;
  readonly active: boolean;
  readonly autostart: boolean;
  readonly bridge?: string;
  readonly address?: string;
  readonly forward?: string;
  /** First and last address, e.g. `192.168.122.2-192.168.122.254`, or `none`. */
  readonly dhcp?: string;
}

interface VirshNetworkFound {
  /** Why a network that is to start would not. */
  readonly collisions: readonly string[];
}

const name = objectName("a network's name");
const bridgeName = v.pipe(
  line("a bridge's name"),
  v.regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/, found("a bridge's name has 1 to 15 letters, digits or _ . -")),
);
const ipv4 = v.pipe(line('an address'), v.check(isIPv4, found('an IPv4 address is four numbers, e.g. 192.168.122.2')));

const args = v.strictObject({
  name,
  bridge: v.optional(bridgeName),
  address: v.optional(
    v.pipe(
      line('an address'),
      v.check(
        isAddress,
        found("an address is that of a machine, with a prefix of 8 to 30 bits, e.g. '192.168.122.1/24'"),
      ),
    ),
  ),
  forward: v.optional(v.picklist(['nat', 'none'])),
  dhcp: v.optional(v.union([v.strictObject({ start: ipv4, end: ipv4 }), v.literal(false)])),
  active: v.optional(v.boolean(), true),
  autostart: v.optional(v.boolean(), true),
  connect: uriSchema,
} satisfies SchemaEntries<VirshNetworkArgs>);

/**
 * Keeps a virtual network of libvirt's own: defined, up, started with libvirt. Guests on it reach the host and each other,
 * with NAT also what the host reaches; nothing comes in. What is defined already is compared only where the task names it.
 *
 * @example
 * ```ts
 * virshNetwork({ name: 'default' });
 * ```
 */
export const virshNetwork: Module<VirshNetworkArgs, VirshNetworkState> = defineModule({
  name: 'virsh_network',
  args,
  desired,
  subject: ({ id }) => id.value.name,
  provides: ({ id, active }) => (active ? [`network:${id.value.name}`] : []),
  read,
  plan,
});

function desired({ name, connect: uri, dhcp, ...rest }: v.InferOutput<typeof args>): VirshNetworkState {
  const { active, autostart, bridge, address, forward } = rest;
  if (dhcp) refuseOutside(dhcp, address ?? (name === 'default' ? defaultAddress : undefined));
  return {
    id: once({ name, uri }),
    persistent: true,
    active,
    autostart,
    ...(bridge !== undefined && { bridge }),
    ...(address !== undefined && { address }),
    ...(forward !== undefined && { forward }),
    ...(dhcp !== undefined && { dhcp: dhcp ? `${dhcp.start}-${dhcp.end}` : 'none' }),
  };
}

async function read(
  host: ReadonlyHost,
  wanted: VirshNetworkState,
): Promise<ModuleReading<VirshNetworkState, VirshNetworkFound>> {
  const { name, uri } = wanted.id.value;
  const connection = await connect(host, uri, 'network');
  const network = await readNetwork(host, connection, name);
  const state = network === undefined ? {} : canonical(network);
  const isToStart = wanted.active && network?.active !== true && uri === 'qemu:///system';
  const collisions = isToStart ? await networkCollisions(host, network?.definition ?? madeFor(wanted)) : [];
  return { state, found: { collisions }, missing: hindrances(connection, wanted, state) };
}

function canonical(network: NonNullable<Awaited<ReturnType<typeof readNetwork>>>): Partial<VirshNetworkState> {
  const { bridge, address, forward, dhcp } = network.definition;
  return {
    persistent: network.persistent,
    active: network.active,
    autostart: network.autostart,
    ...(bridge !== undefined && { bridge }),
    ...(address !== undefined && { address }),
    forward: forward ?? 'none',
    dhcp: dhcp === undefined ? 'none' : `${dhcp.start}-${dhcp.end}`,
  };
}

function plan(
  { state, found }: ModuleReading<VirshNetworkState, VirshNetworkFound>,
  wanted: VirshNetworkState,
): readonly Step[] {
  const { name, uri } = wanted.id.value;
  const isNew = state.persistent === undefined;
  if (!isNew) refuseOther(state, wanted);
  if (found.collisions.length > 0) {
    throw new UnsupportedChangeError(
      `the network '${name}' cannot start: ${found.collisions.join('; ')}; give it another bridge or address`,
    );
  }
  const step = (...args: string[]): Step => virshStep(uri, args);
  return [
    ...(isNew ? [defineStep(uri, 'net-define', render(wanted))] : []),
    ...(wanted.active && !state.active ? [step('net-start', name)] : []),
    // The guests' taps are in its bridge, and are not put back when it comes up again.
    ...(!wanted.active && state.active ? [virshStep(uri, ['net-destroy', name], { disrupts: 'guest' })] : []),
    ...(wanted.autostart && !state.autostart ? [step('net-autostart', name)] : []),
    ...(!wanted.autostart && state.autostart ? [step('net-autostart', name, '--disable')] : []),
  ];
}

function refuseOther(state: Partial<VirshNetworkState>, wanted: VirshNetworkState): void {
  const { name } = wanted.id.value;
  if (state.persistent === false) {
    throw new UnsupportedChangeError(
      `the network '${name}' is there until it stops, and was never defined: stop it with 'virsh net-destroy ${name}' when no guest needs it, and run again`,
    );
  }
  const { bridge, address, forward, dhcp } = wanted;
  const [other] = differences({ bridge, address, forward, dhcp }, state);
  if (other !== undefined) {
    throw new UnsupportedChangeError(
      `the network '${name}' has the ${other.path} ${String(other.actual ?? 'none')}, wanted is ${String(other.wanted)}: ` +
        `that would cut off the guests on it; change it with 'virsh net-edit ${name}' and restart it when they can do without, or name in the task what is there`,
    );
  }
}

const defaultAddress = '192.168.122.1/24';

/** The bridge, address and forwarding of a new network, with defaults for what the task does not name. */
function madeFor({ id, bridge, address, forward }: VirshNetworkState): {
  readonly bridge: string | undefined;
  readonly address: string | undefined;
  readonly forward: string | undefined;
} {
  const isDefault = id.value.name === 'default';
  return {
    bridge: bridge ?? (isDefault ? 'virbr0' : undefined),
    address: address ?? (isDefault ? defaultAddress : undefined),
    forward,
  };
}

/** Renders a new network as libvirt's format (https://libvirt.org/formatnetwork.html) has it. */
function render(wanted: VirshNetworkState): string {
  const { name } = wanted.id.value;
  const { dhcp } = wanted;
  const { bridge: bridgeName, address: host, forward } = madeFor(wanted);
  if (host === undefined) {
    throw new UnsupportedChangeError(
      `there is no network '${name}', and the task does not say its address: name one that is free, e.g. address: '192.168.123.1/24'`,
    );
  }
  const [ip = '', prefix = ''] = host.split('/');
  const [start = '', end = ''] = (dhcp ?? wholeRange(host)).split('-');
  return [
    '<network>',
    `  <name>${escapeXml(name)}</name>`,
    ...(forward === 'none' ? [] : ["  <forward mode='nat'/>"]),
    ...(bridgeName === undefined ? [] : [`  <bridge name='${escapeXml(bridgeName)}' stp='on' delay='0'/>`]),
    `  <ip address='${ip}' prefix='${prefix}'>`,
    ...(dhcp === 'none' ? [] : ['    <dhcp>', `      <range start='${start}' end='${end}'/>`, '    </dhcp>']),
    '  </ip>',
    '</network>',
    '',
  ].join('\n');
}

function isAddress(text: string): boolean {
  const [ip = '', prefix = '', ...more] = text.split('/');
  if (!isIPv4(ip) || !/^([89]|[12]\d|30)$/.test(prefix) || more.length > 0) return false;
  const { first, last, host } = bounds(text);
  return host >= first && host <= last;
}

/** All addresses of a network but its first, its last and the host's own: the longer stretch beside the host's. */
function wholeRange(address: string): string {
  const { first, last, host } = bounds(address);
  return host - first > last - host ? `${inDots(first)}-${inDots(host - 1)}` : `${inDots(host + 1)}-${inDots(last)}`;
}

function refuseOutside({ start, end }: { start: string; end: string }, address: string | undefined): void {
  const [from, to] = [asNumber(start), asNumber(end)];
  if (from > to) throw new ArgumentError(`virsh_network: 'dhcp' begins at ${start}, which is behind its end ${end}`);
  if (address === undefined) return;
  const { first, last } = bounds(address);
  if (from < first || to > last) {
    throw new ArgumentError(
      `virsh_network: 'dhcp' is ${start} to ${end}, and the network of ${address} has ${inDots(first)} to ${inDots(last)}`,
    );
  }
}

/** The first and the last address of a network that a machine can have, and the one that is given. */
function bounds(address: string): { first: number; last: number; host: number } {
  const [ip = '', prefix = ''] = address.split('/');
  const size = 2 ** (32 - Number(prefix));
  const host = asNumber(ip);
  const start = host - (host % size);
  return { first: start + 1, last: start + size - 2, host };
}

function asNumber(ip: string): number {
  return ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function inDots(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}
