import { type Location, PlaybookError } from '../errors.ts';
import { type HostSpec, hostName, parseHost } from '../hosts/ssh/host_spec.ts';
import { type HostReference, type Inventory, type InventoryHost, makeInventory } from './inventory.ts';
import { chooseHosts } from './pattern.ts';

/** Where hosts come from, and which of them take part. */
export interface TargetOptions {
  /** Hosts in place of the plays' own. */
  readonly hosts?: readonly HostReference[];
  /** An inventory in which the plays' hosts are names and patterns; a play that names none is for all of its hosts. */
  readonly inventory?: Inventory;
  /** A pattern that leaves only some of the hosts, e.g. `web:&dc1:!old`. */
  readonly limit?: string;
  /** Groups that the limit may name besides those of the inventory. Names of hosts that are not there are passed over. */
  readonly limitGroups?: Readonly<Record<string, readonly string[]>>;
}

/** What is asked of a play: the hosts that it names, and where it is. */
export interface PlayHosts {
  /** undefined where it names none. */
  readonly hosts: readonly HostReference[] | undefined;
  readonly location: Location | undefined;
}

/**
 * Says which hosts a play is for.
 * @throws PlaybookError for a host that cannot be read, and for a pattern that fits nothing
 */
export function targetsOf(play: PlayHosts, { hosts, inventory }: TargetOptions): readonly InventoryHost[] {
  try {
    const references = hosts ?? play.hosts ?? (inventory === undefined ? ['localhost'] : ['all']);
    const targets = references.flatMap((reference): readonly InventoryHost[] => {
      if (typeof reference !== 'string') return ['spec' in reference ? reference : alone(reference)];
      if (inventory === undefined) return [alone(namedHost(reference))];
      return chooseHosts(inventory, reference).flatMap((name) => inventory.hosts.get(name) ?? []);
    });
    return [...new Map(targets.map((target) => [hostName(target.spec), target])).values()];
  } catch (error) {
    throw error instanceof PlaybookError ? error.at({ location: play.location }) : error;
  }
}

/**
 * Chooses among the hosts of all plays.
 * @param options where groups are known; else hosts can be named only
 * @throws PlaybookError when no host is left
 */
export function limited(
  targets: readonly InventoryHost[],
  limit: string,
  { inventory, limitGroups = {} }: TargetOptions,
): ReadonlySet<string> {
  const { hosts, groups } = inventory ?? inventoryOf(targets);
  const known = { hosts, groups: new Map([...groups, ...Object.entries(limitGroups)]) };
  const chosen = chooseHosts(known, limit);
  const left = targets.map(({ spec }) => hostName(spec)).filter((name) => chosen.includes(name));
  if (left.length === 0) throw new PlaybookError(`--limit ${limit}: none of the hosts of this site is among them`);
  return new Set(left);
}

/** @throws PlaybookError for what only an inventory can give a meaning */
function namedHost(reference: string): HostSpec {
  if (/^(?:all|ungrouped)$|[*?!&~,]|[^:@]\[/.test(reference)) {
    throw new PlaybookError(
      `'${reference}' is a group or a pattern of an inventory, and there is none; give one with -i FILE, or name hosts as [user@]name[:port]`,
    );
  }
  return parseHost(reference);
}

function inventoryOf(targets: readonly InventoryHost[]): Inventory {
  const groups = new Map<string, string[]>();
  for (const { spec, groups: names } of targets) {
    for (const group of names) groups.set(group, [...(groups.get(group) ?? []), hostName(spec)]);
  }
  const made = makeInventory({
    groups: {},
    hosts: Object.fromEntries(targets.map(({ spec }) => [hostName(spec), {}])),
  });
  return { ...made, groups: new Map([...made.groups, ...groups]) };
}

function alone(spec: HostSpec): InventoryHost {
  return { name: hostName(spec), spec, become: undefined, groups: [], values: {} };
}
