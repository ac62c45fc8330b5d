import { type Location, PlaybookError } from '../errors.ts';
import type { InventoryHost } from './inventory.ts';
import type { Values } from './values.ts';

/** What is asked of a play: the defaults of its variables, and where it is. */
export interface PlayVariables {
  readonly vars: Values;
  readonly location: Location | undefined;
}

/**
 * Refuses hosts of which the inventory says what cannot be honoured: the wrong user would do what another was to do, another way
 * would be taken to the host, or a variable of the play would keep its default. Hosts that take no part do not matter.
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

/** A site's own inventory has no problems: its types see to that. */
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
