import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { type Inventory, makeInventory } from '../../lib/inventory/inventory.ts';
import { parseJsonInventory } from '../../lib/inventory/json.ts';
import { loadInventory } from '../../lib/inventory/load.ts';
import { chooseHosts } from '../../lib/inventory/pattern.ts';

const forms: Readonly<Record<string, string>> = {
  'hosts alone': 'web1\nweb2 ansible_host=192.0.2.2 ansible_port=2222 ansible_user=root\n',
  'groups, children and values': `
loose.example.org note="a # b" # a comment
[web]
web[01:03].example.org http_port=80
web9 http_port=8080 flag=True empty='' quoted="it's" number="5" octal=0755 ratio=1.5 nothing=None
; another comment
[db]
db-[a:c] ansible_host=10.0.0.1
[dc1:children]
web
db
[dc1:vars]
region=north
quoted = "two words"
number = 12
hash = a#b
list = ['x', 'y']
[web:vars]
region=west
http_port=1
[all:vars]
region=nowhere
everywhere = yes
[old]
web9
db-b
`,
  'values of a group that is both parent and child': `
[a:children]
b
c
[b:children]
d
[c]
h1
h2
[d]
h1
h3
[a:vars]
v=a
w=a
[b:vars]
v=b
[c:vars]
v=c
x=c
[d:vars]
x=d
`,
  'ports and ranges with steps': 'node[0:10:5]:2200 rack=1\n[more]\nn[08:11]-[a:b]\n',
};

/** What an inventory program prints; a file that holds it is no inventory to Ansible. */
const json = JSON.stringify({
  _meta: { hostvars: { one: { memory: 1, list: [1, 2] }, two: {} } },
  all: { children: ['ungrouped', 'kvm'] },
  kvm: { hosts: ['one'], children: ['inner'], vars: { bridge: 'br0', deep: { a: true } } },
  inner: ['two'],
  ungrouped: { hosts: ['three'] },
});

const program = (json: string): string => `#!/bin/sh\n[ "$1" = --list ] || exit 3\ncat <<'EOF'\n${json}\nEOF\n`;

/** What is said of an inventory's hosts: groups and values. */
function summary(inventory: Inventory): unknown {
  const hosts = [...inventory.hosts.values()].map(({ name, groups, values }) => [
    name,
    { groups: groups.filter((group) => group !== 'ungrouped'), values },
  ]);
  return Object.fromEntries(hosts.toSorted(([one], [other]) => (String(one) < String(other) ? -1 : 1)));
}

const hasAnsible = await execa('ansible-inventory', ['--version'], { reject: false }).then(
  ({ exitCode }) => exitCode === 0,
);

describe('an inventory is read as Ansible reads it', () => {
  if (!hasAnsible && process.env.KVM_PLAY_LAB !== 'required') {
    console.warn('not compared with ansible-inventory: it is not installed (Debian: ansible-core)');
  }
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'kvm-play-inventory-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const cases = Object.entries(forms).map(([name, text]) => ({ name, text }));
  const compared = hasAnsible || process.env.KVM_PLAY_LAB === 'required' ? cases : [];

  test.each([...compared, { name: 'a program', text: program(json) }].filter(() => compared.length > 0))(
    '$name',
    async ({ name, text }) => {
      const path = join(directory, name.replaceAll(/\W/g, '_'));
      writeFileSync(path, text);
      if (text.startsWith('#!')) chmodSync(path, 0o755);
      const env = { ANSIBLE_INVENTORY_ENABLED: 'host_list,script,ini,yaml', ANSIBLE_LOCALHOST_WARNING: 'False' };
      const { stdout } = await execa('ansible-inventory', ['-i', path, '--list'], { env });
      const theirs = makeInventory(parseJsonInventory(stdout, 'ansible-inventory'));
      const ours = await loadInventory(path);
      expect(summary(ours)).toEqual(summary(theirs));
    },
    30_000,
  );

  test.each(compared.slice(1, 2))(
    'patterns choose the same hosts',
    async ({ text }) => {
      const path = join(directory, 'patterns');
      writeFileSync(path, text);
      const ours = await loadInventory(path);
      const patterns = ['web:!old', 'dc1:&old', 'db-*,web*.org', '~web0[12]', 'web[1:2]', 'web[-1]', 'dc1:!web:!db-a'];
      await Promise.all(
        patterns.map(async (pattern) => {
          const { stdout } = await execa('ansible', ['-i', path, pattern, '--list-hosts']);
          const listed = stdout
            .split('\n')
            .slice(1)
            .map((line) => line.trim());
          const theirs = listed.filter((line) => line !== '').toSorted();
          expect({ pattern, hosts: chooseHosts(ours, pattern).toSorted() }).toEqual({ pattern, hosts: theirs });
        }),
      );
    },
    60_000,
  );
});
