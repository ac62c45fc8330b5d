import { type Location, PlaybookError } from '../errors.ts';
import { type HostSpec, hostName, parseHost } from '../hosts/ssh/host_spec.ts';
import { type HostReference, type Inventory, type InventoryHost, makeInventory } from './inventory.ts';
import { chooseHosts } from './pattern.ts';

/** The hosts of a run: where they come from, and which of them take part. */
export interface TargetOptions {
  /** Hosts in place of the plays' own. */
  readonly hosts?: readonly HostReference[];
  /** An inventory in which the plays' hosts are names and patterns; a play that names none is for all of its hosts. */
  readonly inventory?: Inventory;
  /** A pattern that leaves only some of the hosts, e.g. `web:&dc1:!old`. */
  readonly limit?: string;
  /** Groups that the limit may name besides those of the inventory. Names of unknown hosts are ignored. */
  readonly limitGroups?: Readonly<Record<string, readonly string[]>>;
}

/** The parts of a play that are needed: the hosts that it names, and its place in the site. */
export interface PlayHosts {
  /** undefined where it names none. */
  readonly hosts: readonly HostReference[] | undefined;
  readonly location: Location | undefined;
}

/**
 * Gives the hosts of a play.
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

/** Reads a host without an inventory. @throws PlaybookError for a group or a pattern, which only an inventory can resolve */
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
