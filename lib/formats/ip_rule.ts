/** A routing rule: where a packet that it matches is looked up. */
export interface IpRule {
  /** Its place among the rules; undefined in a file that leaves it to the kernel. */
  readonly priority: number | undefined;
  /** What it matches and does, in one spelling: equal texts are equal rules. */
  readonly meaning: string;
}

/** A rule of the live system. */
export interface LiveIpRule extends IpRule {
  /** The words of `ip rule del` that name exactly this rule. */
  readonly words: readonly string[];
}

/** Words of `ip rule` that stand alone. */
const flags = new Set(['not', 'blackhole', 'unreachable', 'prohibit']);

const otherNames: Readonly<Record<string, string>> = {
  ...{ dev: 'iif', table: 'lookup', dsfield: 'tos', 'map-to': 'nat', sup_pl: 'suppress_prefixlength' },
  ...{ preference: 'priority', pref: 'priority', order: 'priority', prio: 'priority' },
};

const keysWithValue = new Set([
  ...[
    'from',
    'to',
    'tos',
    'fwmark',
    'iif',
    'oif',
    'priority',
    'lookup',
    'nat',
    'realms',
    'goto',
    'uidrange',
    'ipproto',
  ],
  ...['sport', 'dport', 'suppress_prefixlength', 'suppress_ifgroup', 'protocol', 'l3mdev', 'type', 'tun_id'],
]);

/**
 * Reads the arguments of `ip rule add`, as they stand in a `rule-*` file (ip-rule(8)).
 * @param tables names of routing tables by number, as `/etc/iproute2/rt_tables` gives them
 * @returns undefined where it has words that are not known
 */
export function parseIpRule(text: string, tables: ReadonlyMap<string, string>): IpRule | undefined {
  const words = text.split(/\s+/).filter((word) => word !== '');
  const parts = new Map<string, string>([
    ['from', 'all'],
    ['lookup', 'main'],
  ]);
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    const key = otherNames[word] ?? word;
    if (flags.has(key)) parts.set(key, '');
    else if (keysWithValue.has(key) && index + 1 < words.length) {
      index += 1;
      parts.set(key, canonical(key, words[index] ?? '', tables));
    } else return undefined;
  }
  const priority = parts.get('priority');
  // Who has set a rule does not matter to what it does, and "to all" is every destination.
  for (const key of ['priority', 'protocol']) parts.delete(key);
  if (parts.get('to') === 'all') parts.delete('to');
  const meaning = [...parts].map(([key, value]) => `${key} ${value}`.trim()).sort();
  return { priority: priority === undefined ? undefined : Number(priority), meaning: meaning.join(' ') };
}

/** Reads what `ip rule show` prints: `32765:	from 10.0.0.0/8 iif ens33 [detached] lookup 100`. Unknown lines are left out. */
export function parseIpRules(output: string, tables: ReadonlyMap<string, string>): readonly LiveIpRule[] {
  return output.split('\n').flatMap((line) => {
    const [, priority, rest = ''] = /^(\d+):\s*(.*)$/.exec(line) ?? [];
    if (priority === undefined) return [];
    const words = rest.split(/\s+/).filter((word) => word !== '' && word !== '[detached]');
    const rule = parseIpRule(words.join(' '), tables);
    return rule === undefined ? [] : [{ ...rule, priority: Number(priority), words: ['priority', priority, ...words] }];
  });
}

/** Tells whether a live rule is the one that a line of a file makes. */
export function isSameRule(line: IpRule, live: LiveIpRule): boolean {
  return line.meaning === live.meaning && (line.priority === undefined || line.priority === live.priority);
}

/** Reads `/etc/iproute2/rt_tables`: a number and a name a line. */
export function parseRoutingTables(text: string): ReadonlyMap<string, string> {
  const named = [...text.matchAll(/^\s*(\d+)\s+([^\s#]+)/gm)].map(
    ([, number = '', name = '']) => [number, name] as const,
  );
  return new Map([['255', 'local'], ['254', 'main'], ['253', 'default'], ...named]);
}

function canonical(key: string, value: string, tables: ReadonlyMap<string, string>): string {
  switch (key) {
    case 'from':
    case 'to':
      return /^(?:any|all|default|0\/0|0\.0\.0\.0\/0|::\/0)$/.test(value)
        ? 'all'
        : value.replace(/^([\d.]+)\/32$|^(.*:.*)\/128$/, '$1$2');
    case 'lookup':
      return tables.get(value) ?? value;
    case 'fwmark':
      return value
        .split('/')
        .map((part) => String(Number(part)))
        .join('/');
    default:
      return value;
  }
}
