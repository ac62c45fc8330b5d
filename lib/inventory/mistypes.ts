import { nearest } from '../validation/nearest.ts';
import type { Inventory } from './inventory.ts';
import type { Values } from './values.ts';

/** The fewest letters of a name that is compared: shorter names are alike by chance. */
const leastLetters = 4;

/**
 * Finds values of an inventory that are probably meant for a variable of the site and are written otherwise, so that the variable
 * keeps its default. These are warnings only, because an inventory may hold values that are not meant for the site.
 * @returns a sentence for each name
 */
export function likelyMistypes(plays: readonly { readonly vars: Values }[], { hosts }: Inventory): readonly string[] {
  const variables = new Set(plays.flatMap(({ vars }) => Object.keys(vars)));
  const found = new Map<string, string>();
  for (const { name: host, values } of hosts.values()) {
    const unset = [...variables].filter((variable) => !(variable in values) && variable.length >= leastLetters);
    for (const name of Object.keys(values)) {
      if (variables.has(name) || found.has(name) || name.startsWith('ansible_') || name.length < leastLetters) continue;
      const close = nearest(
        name,
        unset.filter((variable) => variable[0]?.toLowerCase() === name[0]?.toLowerCase()),
      );
      if (close !== undefined) {
        found.set(name, `the inventory's '${name}' (of ${host}) is no variable of the site; did you mean '${close}'?`);
      }
    }
  }
  return [...found.values()];
}
