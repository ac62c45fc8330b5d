import { describe, expect, test } from '@jest/globals';
import { parse } from 'ini';
import { KvmPlayError } from '../../../lib/errors.ts';
import { parseIniInventory } from '../../../lib/inventory/ansible/ini_inventory.ts';
import { parseJsonInventory } from '../../../lib/inventory/ansible/json_inventory.ts';
import { expandRange } from '../../../lib/inventory/ansible/range.ts';
import { defineInventory } from '../../../lib/inventory/define.ts';
import { type Inventory, makeInventory } from '../../../lib/inventory/inventory.ts';
import { chooseHosts } from '../../../lib/inventory/pattern.ts';
import { refusal } from '../../support/refusal.ts';

const read = (text: string): Inventory => makeInventory(parseIniInventory(text, '/etc/hosts.ini'));

describe('how a host is reached', () => {
  const spec = (line: string) => read(line).hosts.get('web1')?.spec;

  test('its name, unless the inventory says otherwise', () => {
    expect(spec('web1')).toEqual({ name: 'web1', alias: 'web1' });
    expect(
      spec('web1 ansible_host=192.0.2.7 ansible_port=2222 ansible_user=admin ansible_ssh_private_key_file=/k'),
    ).toEqual({ name: '192.0.2.7', alias: 'web1', port: 2222, user: 'admin', privateKey: '/k' });
    expect(spec('web1 ansible_connection=local')).toEqual({ name: 'localhost', alias: 'web1' });
  });

  test.each([
    ['yes', true],
    ['True', true],
    ['false', false],
    ['no', false],
  ])('ansible_become=%s', (value, become) => {
    expect(read(`web1 ansible_become=${value}`).hosts.get('web1')?.become).toBe(become);
    expect(read('web1').hosts.get('web1')?.become).toBeUndefined();
  });
});

test.each([
  ['[web', 1, "'[web' is no group"],
  ['a\n[web:childern]', 2, "did you mean ':children'?"],
  ['[web:vars]\nno value', 2, "'no value' is no value; one looks like name=value"],
  ['web1 user', 1, "behind the host web1 stands 'user'"],
  ['web1 a="b', 1, 'a quote is not closed'],
  ['web[1:]', 1, "'[1:]' in web[1:] is no range"],
  ['web[1:99999]', 1, 'is no range'],
  ['-oProxyCommand=x', 1, 'cannot be the name of a host'],
])('%j is refused with its file and line %i', (text, line, words) => {
  const error = refusal(() => read(text));
  expect(error.message).toContain(words);
  expect(error.context.location).toEqual({ file: '/etc/hosts.ini', line });
});

test.each([
  ['{', 'hosts.json is no inventory in JSON'],
  ['[]', 'hosts.json must be an object'],
  ['{"web": {"hosts": "web1"}}', 'hosts.json: web.hosts must be a list of names'],
  ['{"_meta": {"hostvars": {"web1": 1}}}', 'hosts.json: _meta.hostvars.web1 must be an object'],
])('%s is refused as JSON', (text, words) => {
  expect(refusal(() => parseJsonInventory(text, 'hosts.json')).message).toContain(words);
});

test('groups that hold each other are named', () => {
  const text = '[a:children]\nb\n[b:children]\nc\n[c:children]\na\n';
  expect(refusal(() => read(text)).message).toBe("the inventory's groups hold each other: a > b > c > a");
});

test('ranges', () => {
  expect(expandRange('a[08:10]b[x:y]')).toEqual(['a08bx', 'a08by', 'a09bx', 'a09by', 'a10bx', 'a10by']);
  expect(expandRange('n[0:6:3]')).toEqual(['n0', 'n3', 'n6']);
  expect(expandRange('plain')).toEqual(['plain']);
});

describe('a pattern', () => {
  const inventory = read('[web]\nweb1\nweb2\n[old]\nweb2\n');

  test.each([
    ['wbe', "no host and no group fits 'wbe'; did you mean 'web'?"],
    ['web:!odl', "no host and no group fits 'odl' (in 'web:!odl'); did you mean 'old'?"],
    [':', "the pattern ':' names no hosts"],
    ['~(', "'~(' is no regular expression"],
    ['web[7]', 'there is no such place among 2 hosts'],
    ['~web[', "'~web[' is no regular expression"],
    ['web[', "no host and no group fits 'web['"],
    ['web1:2223', "no host and no group fits '2223' (in 'web1:2223')"],
  ])('%s is refused', (pattern, words) => {
    expect(refusal(() => chooseHosts(inventory, pattern)).message).toContain(words);
  });
});

test.each([
  ['kvm1:2222', 'kvm1:2222'],
  ['kvm1:2222:kvm2', 'kvm1:2222 kvm2'],
  ['kvm*:!kvm1:2222', 'kvm1:22 kvm2'],
  ['kvm1:22', 'kvm1:22'],
  ['2001:db8::7:kvm2', 'kvm2 2001:db8::7'],
  ['!kvm2:&~kvm(1:22|2)', 'kvm1:2222 kvm1:22'],
  ['~kvm[12](:22)$', 'kvm1:22'],
  ['kvm1:2222,kvm2', 'kvm1:2222 kvm2'],
  ['[fe80::1]:22', '[fe80::1]:22'],
])('of hosts with colons in their names %s chooses %s', (pattern, chosen) => {
  const names = ['kvm1:2222', 'kvm1:22', 'kvm2', '2001:db8::7', '[fe80::1]:22'];
  const inventory = makeInventory({ groups: {}, hosts: Object.fromEntries(names.map((name) => [name, {}])) });
  expect(chooseHosts(inventory, pattern).join(' ')).toBe(chosen);
});

describe('an inventory in the site', () => {
  const inventory = defineInventory({
    hosts: { kvm1: { user: 'root', port: 2222, vars: { memory: 2048 } }, kvm2: { address: '192.0.2.7', become: true } },
    groups: {
      kvm: { hosts: ['kvm1', 'kvm2'], vars: { memory: 512, bridge: 'br0' } },
      all_of_them: { children: ['kvm'], vars: { bridge: 'br1' } },
    },
  });

  test('gives hosts with their values', () => {
    expect(inventory.group('all_of_them')).toEqual(inventory.all);
    expect(inventory.host('kvm1')).toMatchObject({
      spec: { name: 'kvm1', alias: 'kvm1', user: 'root', port: 2222 },
      groups: ['all_of_them', 'kvm'],
      values: { memory: 2048, bridge: 'br0' },
    });
    expect(inventory.host('kvm2')).toMatchObject({
      spec: { name: '192.0.2.7' },
      become: true,
      values: { memory: 512 },
    });
    expect(inventory.choose('kvm:!kvm1').map(({ name }) => name)).toEqual(['kvm2']);
  });

  test('does not compile with a host or a group that it does not have', () => {
    const wrong = () => {
      // @ts-expect-error: there is no host kvm3
      inventory.host('kvm3');
      // @ts-expect-error: there is no such group
      inventory.group('kmv');
      // @ts-expect-error: a group holds hosts of the inventory
      defineInventory({ hosts: { a: {} }, groups: { g: { hosts: ['b'] } } });
      // @ts-expect-error: a child is a group of the inventory
      defineInventory({ hosts: { a: {} }, groups: { g: { children: ['h'] } } });
    };
    expect(wrong).toThrow(KvmPlayError);
  });
});

test('a line of a host holds several values and a port, which the package ini does not read', () => {
  const text = 'kvm1 ansible_port=22 memory=2\nkvm2:2222\n';
  expect(parseIniInventory(text, 'hosts').hosts).toEqual({
    kvm1: { ansible_port: 22, memory: 2 },
    kvm2: { ansible_port: 2222 },
  });
  expect({ ...parse(text) }).toEqual({ 'kvm1 ansible_port': '22 memory=2', 'kvm2:2222': true });
});
