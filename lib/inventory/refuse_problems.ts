import { type Location, PlaybookError } from '../errors.ts';
import type { InventoryHost } from './inventory.ts';
import type { Values } from './values.ts';

/** The parts of a play that are needed: the defaults of its variables, and its place in the site. */
export interface PlayVariables {
  readonly vars: Values;
  readonly location: Location | undefined;
}

/**
 * Refuses hosts with settings in the inventory that kvm-play does not support: otherwise tasks would run as the wrong user, over
 * another connection, or with the default of a variable. Hosts that take no part do not matter.
 * @param hosts that take part
 * @param play whose variables the inventory has values for; none where no play is run
 * @throws PlaybookError that names each variable, what to do, and the hosts
 */
export function refuseProblems(hosts: readonly InventoryHost[], play?: PlayVariables): void {
  const byProblem = new Map<string, Set<string>>();
  for (const host of hosts) {
    for (const problem of problemsOf(host, play?.vars ?? {})) {
      byProblem.set(problem, (byProblem.get(problem) ?? new Set()).add(host.name));
    }
  }
  if (byProblem.size === 0) return;
  const lines = [...byProblem].map(([problem, names]) => {
    const [first = '', ...others] = names;
    return `${first}${others.length === 0 ? '' : ` and ${others.length} more`}: ${problem}`;
  });
  throw new PlaybookError(`the inventory says what cannot be honoured\n${lines.join('\n')}`).at({
    location: play?.location,
  });
}

/** Lists the problems of a host. A site's own inventory has none, because its types exclude them. */
function problemsOf({ problems, values }: InventoryHost, vars: Values): readonly string[] {
  if (problems === undefined) return [];
  const unfit = Object.keys(vars).flatMap((name) => {
    const value = values[name];
    if (value === undefined) return [];
    if (typeof value === 'string' && /\{\{|\{%/.test(value)) {
      return [`${name} holds a template (${value}), which only Ansible fills in; write the value itself`];
    }
    if (['string', 'number', 'boolean'].includes(typeof value)) return [];
    const kind = value === null ? 'nothing (null)' : Array.isArray(value) ? 'a list' : 'a mapping';
    return [`${name} is ${kind}, and a variable of a play is a text, a number, true or false`];
  });
  return [...problems, ...unfit];
}
