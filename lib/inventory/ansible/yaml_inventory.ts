import { PlaybookError } from '../../errors.ts';
import type { GroupEntry, InventoryEntries, InventoryValues } from './entries.ts';
import { asRecord, refuseOtherKeys } from './json_inventory.ts';
import { checkedName, parseHostPattern } from './names.ts';

/**
 * Makes an inventory of data in the form of Ansible's YAML inventories: groups with `hosts`, `children` and `vars`, each of which
 * is a mapping.
 * @param file where it is from, for the message
 * @throws PlaybookError that says what is not as it should be
 */
export function yamlInventory(data: unknown, file: string): InventoryEntries {
  if (data === null || data === undefined)
    throw new PlaybookError(`${file} is empty; a YAML inventory begins with a group, e.g. all:`);
  if (Array.isArray(data)) {
    throw new PlaybookError(
      `${file} holds a list, as a playbook does, and a YAML inventory begins with a group, e.g. all:; what a playbook says is written as a site in TypeScript, see docs/from_ansible.md`,
    );
  }
  const all = asRecord(data, file);
  if (typeof all.plugin === 'string') {
    throw new PlaybookError(
      `${file} sets up the inventory plugin '${all.plugin}', which only Ansible can run; let it: ansible-inventory -i ${file} --list > hosts.json`,
    );
  }
  const gathered = new Gathered();
  for (const [name, group] of Object.entries(all)) gathered.addGroup(name, group, `${file}: ${name}`);
  return gathered.entries();
}

/** What has been read so far: a group may be written in several places. */
class Gathered {
  readonly #groups = new Map<string, GroupEntry>();
  readonly #hosts = new Map<string, InventoryValues>();

  entries(): InventoryEntries {
    return { groups: Object.fromEntries(this.#groups), hosts: Object.fromEntries(this.#hosts) };
  }

  addGroup(name: string, group: unknown, place: string): void {
    checkedName(name);
    const { hosts, children, vars, ...others } = asRecord(group ?? {}, place);
    refuseOtherKeys(others, place);
    const subgroups = asMapping(children, `${place}.children`);
    const before = this.#groups.get(name) ?? { hosts: [], children: [], values: {} };
    this.#groups.set(name, {
      hosts: [...before.hosts, ...this.#addHosts(asMapping(hosts, `${place}.hosts`), `${place}.hosts`)],
      children: [...before.children, ...Object.keys(subgroups)],
      values: { ...before.values, ...asMapping(vars, `${place}.vars`) },
    });
    for (const [child, inner] of Object.entries(subgroups)) this.addGroup(child, inner, `${place}.children.${child}`);
  }

  #addHosts(hosts: InventoryValues, place: string): readonly string[] {
    return Object.entries(hosts).flatMap(([pattern, given]) => {
      const { names, port } = parseHostPattern(pattern);
      const values = asMapping(given, `${place}.${pattern}`);
      for (const name of names) this.#hosts.set(name, { ...this.#hosts.get(name), ...port, ...values });
      return names;
    });
  }
}

/** Nothing, one name, or a mapping. */
function asMapping(value: unknown, place: string): InventoryValues {
  if (typeof value === 'string') return { [value]: null };
  if (Array.isArray(value)) {
    throw new PlaybookError(
      `${place} is a list, and must be a mapping; write each as a key: 'name:' in place of '- name'`,
    );
  }
  return asRecord(value ?? {}, place);
}
