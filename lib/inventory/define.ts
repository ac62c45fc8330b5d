import { PlaybookError } from '../errors.ts';
import type { HostSpec } from '../hosts/ssh/host_spec.ts';
import { callerLocation } from '../task/location.ts';
import { refuseUnknownKeys } from '../validation/known_keys.ts';
import { refuseWrongTypes } from '../validation/option_types.ts';
import { type Inventory, type InventoryHost, makeInventory } from './inventory.ts';
import { chooseHosts } from './pattern.ts';
import type { Values } from './values.ts';

/** A host of a site's own inventory; ssh_config decides what is left out. */
export interface HostEntry extends Omit<HostSpec, 'name' | 'alias'> {
  /** A host name, an address, or an alias of ssh_config. Default: the name in this inventory. */
  readonly address?: string;
  /** Become root by sudo. Default: as the play says. */
  readonly become?: boolean;
  /** Values for variables of plays. */
  readonly vars?: Values;
}

/** A group of a site's own inventory. */
export interface GroupOptions<Host extends string, Group extends string> {
  readonly hosts?: readonly Host[];
  readonly children?: readonly Group[];
  /** Values for variables of plays; a child group's win over its parent's, and a host's own over both. */
  readonly vars?: Values;
}

/** A site's own inventory: a mistyped host or group does not compile. */
export interface SiteInventory<Host extends string, Group extends string> {
  /** All hosts. */
  readonly all: readonly InventoryHost[];
  /** One host. */
  host(name: Host): InventoryHost;
  /** The hosts of a group, those of its children included. */
  group(name: Group): readonly InventoryHost[];
  /** Hosts by a pattern such as `web:&dc1:!old`. @throws PlaybookError for a part that fits nothing */
  choose(pattern: string): readonly InventoryHost[];
}

/**
 * Defines an inventory in a site.
 * @throws PlaybookError for groups that hold each other
 *
 * @example
 * ```ts
 * const inventory = defineInventory({
 *   hosts: { kvm1: { user: 'root', vars: { memory: 2048 } }, kvm2: { address: '192.0.2.7' } },
 *   groups: { kvm: { hosts: ['kvm1', 'kvm2'], vars: { bridge: 'br0' } } },
 * });
 * play({ name: 'Forward packets', hosts: inventory.group('kvm'), tasks: [sysctl({ values: { 'net.ipv4.ip_forward': 1 } })] });
 * ```
 */
export function defineInventory<Host extends string, Group extends string>(entries: {
  readonly hosts: Readonly<Record<Host, HostEntry>>;
  readonly groups?: Readonly<Record<Group, GroupOptions<NoInfer<Host>, NoInfer<Group>>>>;
}): SiteInventory<Host, Group> {
  const location = callerLocation();
  const inventory = make(entries, location);
  const byName = (name: string): InventoryHost => {
    const host = inventory.hosts.get(name);
    if (host === undefined) throw new PlaybookError(`the inventory has no host '${name}'`).at({ location });
    return host;
  };
  return {
    all: [...inventory.hosts.values()],
    host: byName,
    group: (name) => (inventory.groups.get(name) ?? []).map(byName),
    choose: (pattern) => chooseHosts(inventory, pattern).map(byName),
  };
}

const hostKeys = ['address', 'user', 'port', 'privateKey', 'become', 'vars'];
const groupKeys = ['hosts', 'children', 'vars'];

function make(
  entries: {
    readonly hosts: Readonly<Record<string, HostEntry>>;
    readonly groups?: Readonly<Record<string, GroupOptions<string, string>>>;
  },
  location: ReturnType<typeof callerLocation>,
): Inventory {
  try {
    refuseUnknownKeys('defineInventory', entries, ['hosts', 'groups']);
    refuseWrongTypes('defineInventory', entries, { hosts: 'object', groups: 'object' }, ['hosts']);
    const { hosts, groups = {} } = entries;
    for (const [name, host] of Object.entries(hosts)) {
      refuseUnknownKeys(`host '${name}'`, host, hostKeys);
      refuseWrongTypes(`host '${name}'`, host, {
        address: 'text',
        user: 'text',
        port: 'number',
        privateKey: 'text',
        become: 'boolean',
        vars: 'object',
      });
    }
    for (const [name, group] of Object.entries(groups)) {
      refuseUnknownKeys(`group '${name}'`, group, groupKeys);
      refuseWrongTypes(`group '${name}'`, group, { hosts: 'texts', children: 'texts', vars: 'object' });
    }
    const inventory = makeInventory({
      hosts: Object.fromEntries(Object.entries(hosts).map(([name, { vars = {} }]) => [name, vars])),
      groups: Object.fromEntries(
        Object.entries(groups).map(([name, { hosts: members = [], children = [], vars = {} }]) => [
          name,
          { hosts: members, children, values: vars },
        ]),
      ),
    });
    const own = [...inventory.hosts].map(([name, host]) => [name, asWritten(host, hosts[name] ?? {})] as const);
    return { hosts: new Map(own), groups: inventory.groups };
  } catch (error) {
    throw error instanceof PlaybookError ? error.at({ location }) : error;
  }
}

/** Gives a host its settings as the site writes them. Variables of Ansible's have no effect in a site's own inventory. */
function asWritten(
  { problems: _problems, ...host }: InventoryHost,
  { address, become, vars: _vars, ...spec }: HostEntry,
): InventoryHost {
  return { ...host, become, spec: { ...spec, name: address ?? host.name, alias: host.name } };
}
