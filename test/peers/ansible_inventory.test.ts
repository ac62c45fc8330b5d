import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { connectionOf } from '../../lib/inventory/ansible/connection.ts';
import { parseJsonInventory } from '../../lib/inventory/ansible/json_inventory.ts';
import { honoured, meantVariable } from '../../lib/inventory/ansible/variables.ts';
import { type Inventory, makeInventory } from '../../lib/inventory/inventory.ts';
import { loadInventory } from '../../lib/inventory/load.ts';
import { chooseHosts } from '../../lib/inventory/pattern.ts';
import { textOf } from '../support/pages.ts';

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
  literals: `
[h]
h1 a=1,2 b="[1, 'x']" c={'k':True} d=0x1F e=1_000 f=1e3 g=-5 h='"quoted"' i=a#b # hidden
h2 mac=52:54:00:12:34:56 v="1.10" w="'1.10'" x="a\\tb"
[h:vars]
a = (1, 2)
b = 'one' 'two'
c = "tab\\there"
d = 5 # five
e = r'raw\\n'
f = {'a': [1, {'b': None}], 2: 'c'}
g = 10.0.0.1
h = 1 2
i = true
j = u'text'
k = --5
l = 09
m = "it's"
n = ''
o =
p = [1, 2,]
q = 'unclosed
`,
  'priorities of groups': `
[b]
h1
[a]
h1
[c]
h1
[a:vars]
v=a
w=a
ansible_group_priority=10
[b:vars]
v=b
w=b
x=b
[c:vars]
x=c
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

/** Directories with inventories in them, by path; what is given to `-i`, in this order. */
const trees: Readonly<
  Record<string, { readonly sources: readonly string[]; readonly files: Readonly<Record<string, string>> }>
> = {
  YAML: {
    sources: ['hosts.yml'],
    files: {
      'hosts.yml': `---
all:
  hosts:
    loose:
    "two[1:2].example.org:2222": {rack: 7}
  vars: &common {shared: yes, octal: 0755, text: "yes", none: ~, when: 2024-01-02, clock: 1:30, mac: 52:54:00:12:34:56, e: 1e3, f: 1.5e+3, y: y, big: 1_000}
  children:
    web:
      hosts:
        web1: {memory: 2048}
        web2:
      vars:
        <<: *common
        memory: 512
        list: [1, two, {three: 3}]
        folded: >-
          one
          two
    db:
      children:
        replicas: {hosts: {db2: {}, web2: {role: both}}}
      hosts: db1
prod:
  children: {web: , db: }
  vars: {memory: 1, region: north}
`,
    },
  },
  'group_vars and host_vars, files and directories': {
    sources: ['inv/hosts'],
    files: {
      'inv/hosts':
        '[web]\nweb1 own=inventory a=host\nweb2\n[dc:children]\nweb\n[web:vars]\na=inline\nb=inline\nc=inline\n[all:vars]\nz=inline\n',
      'inv/group_vars/all': 'z: all\nb: all\n',
      'inv/group_vars/web/10-a.yml': 'b: ten\nd: ten\n',
      'inv/group_vars/web/20-b.json': '{"d": "twenty", "n": 1.0}',
      'inv/group_vars/web/.hidden.yml': 'd: hidden\n',
      'inv/group_vars/web/old.yml~': 'd: old\n',
      'inv/group_vars/web/notes.txt': 'no yaml: [',
      'inv/group_vars/web/sub/x.yml': 'e: sub\n',
      'inv/group_vars/web.yml': 'd: not read\n',
      'inv/group_vars/dc.yaml': 'd: dc\ng: dc\na: dc\n',
      'inv/group_vars/ungrouped.yml': 'u: 1\n',
      'inv/group_vars/empty.yml': '',
      'inv/host_vars/web1.yml': 'own: file\nlist: [yes, no]\n',
      'inv/host_vars/web2.json': '{"own": "json"}',
    },
  },
  'several inventories, of which later ones win': {
    sources: ['a/hosts.ini', 'b/hosts.yaml', 'c'],
    files: {
      'a/hosts.ini': '[web]\nweb1 x=a y=a\nweb2 x=a\n[web:vars]\ng=a\nh=a\n',
      'a/group_vars/web.yml': 'h: a-file\ni: a-file\nj: a-file\n',
      'a/host_vars/web1.yml': 'y: a-file\n',
      'b/hosts.yaml': 'web: {hosts: {web1: {x: b}, web3: }, vars: {g: b}}\ndeep: {children: {web: }}\n',
      'b/group_vars/deep.yml': 'i: b-deep\n',
      'b/group_vars/all.yml': 'j: b-all\nk: b-all\n',
      'c/01': '[web]\nweb4 x=c1\n[late]\nweb1\n',
      'c/02.yml': 'late: {vars: {g: late, k: late}}\n',
      'c/ignored.ini': '[web]\nnever\n',
      'c/readme.md': '# no inventory',
      'c/group_vars/late.yml': 'k: late-file\n',
    },
  },
  'names alone': { sources: ['one,two:2222'], files: {} },
  'an executable INI file': { sources: ['hosts'], files: { hosts: '[web]\nweb1 a=1\n' } },
};

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
  );

  test.each(Object.entries(trees).filter(() => compared.length > 0))('%s', async (name, { sources, files }) => {
    const root = join(directory, name.replaceAll(/\W/g, '_'));
    mkdirSync(root);
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text, { mode: name.includes('executable') ? 0o755 : 0o644 });
    }
    const paths = sources.map((source) => (source.includes(',') ? source : join(root, source)));
    const { stdout } = await execa('ansible-inventory', [...paths.flatMap((path) => ['-i', path]), '--list'], {
      cwd: root,
    });
    const theirs = makeInventory(parseJsonInventory(stdout, 'ansible-inventory'));
    expect(summary(await loadInventory(paths))).toEqual(summary(theirs));
  });

  test.each(compared.slice(1, 2))('patterns choose the same hosts', async ({ text }) => {
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
  });
});

describe('every variable of a connection, of sudo and of the shell', () => {
  const passedOver = /^There is no warning about variables .*?\n\n/ms.exec(textOf('docs/inventory.md'))?.[0] ?? '';

  test.each(
    [
      ['connection', ['ssh', 'paramiko_ssh', 'local']],
      ['become', ['sudo', 'su', 'runas']],
      ['shell', ['sh']],
    ].filter(() => hasAnsible || process.env.KVM_PLAY_LAB === 'required'),
  )('%s %j', async (type, plugins) => {
    const args = ['-t', String(type), '-j', ...plugins];
    const { stdout } = await execa('ansible-doc', args, { env: { LC_ALL: 'C.UTF-8' } });
    const names = [...new Set(stdout.match(/(?<="name": ")ansible_\w+(?=")/g))];
    expect(names.length).toBeGreaterThan(3);
    const silent = names.filter((name) => {
      const { problems, unused } = connectionOf('h', { [name]: 'x' });
      return problems.length + unused.length === 0;
    });
    const known = Object.values<readonly string[]>(honoured).flat();
    expect(silent.filter((name) => !known.includes(name) && !passedOver.includes(`\`${name}\``))).toEqual([]);
    expect(names.filter((name) => meantVariable(name) !== undefined)).toEqual([]);
  });
});
