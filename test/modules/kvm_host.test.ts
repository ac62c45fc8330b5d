import { expect, test } from '@jest/globals';
import type { Facts } from '../../lib/task/facts.ts';
import type { Known } from '../../lib/task/task.ts';
import { type KvmHostOptions, kvmHost } from '../../modules/index.ts';

const debian: Facts = {
  family: 'debian',
  distribution: 'debian',
  version: 12,
  init: 'systemd',
  networkBackend: 'systemd-networkd',
  interfaces: ['ens33'],
  filtersBridges: false,
  virtualisation: 'none',
};
const el9: Facts = { ...debian, family: 'redhat', distribution: 'rocky', version: 9, networkBackend: 'NetworkManager' };

/** Names what is wanted on a host with some facts: modules with their subjects. */
function wanted(facts: Facts, options?: KvmHostOptions): readonly string[] {
  const nobody = (): never => {
    throw new Error('kvmHost uses no results');
  };
  const known: Known = {
    ...{ host: 'kvm1', facts, changed: nobody, failed: nobody, skipped: nobody, before: nobody, after: nobody },
  };
  return kvmHost(options).items.flatMap((item) => {
    if (!('module' in item) || item.when?.(known) === false) return [];
    return [`${item.module} ${'subject' in item ? item.subject : ''}`.trim()];
  });
}

test.each<[string, Facts, readonly string[]]>([
  ['Debian 12', debian, ['libvirt-daemon-system, libvirt-clients, virtinst and 3 more', 'libvirtd']],
  [
    'a Debian with ifupdown',
    { ...debian, networkBackend: 'ifupdown' },
    ['libvirt-daemon-system, libvirt-clients, virtinst and 3 more', 'bridge-utils', 'libvirtd'],
  ],
  [
    'EL7 with the network scripts',
    { ...el9, version: 7, networkBackend: 'network-scripts' },
    ['libvirt, libvirt-client, virt-install and 2 more', 'bridge-utils', 'libvirtd'],
  ],
  ['EL8', { ...el9, version: 8 }, ['libvirt, libvirt-client, virt-install and 2 more', 'libvirtd']],
])('%s', (_name, facts, subjects) => {
  expect(wanted(facts).map((each) => each.slice(each.indexOf(' ') + 1))).toEqual(subjects);
});

test('from EL9 and Fedora 35 on libvirt is split up, unless the site says otherwise', () => {
  expect(wanted(el9)).toEqual([
    'package libvirt, libvirt-client, virt-install and 2 more',
    'service virtqemud.socket',
    'service virtnetworkd.socket',
    'service virtstoraged.socket',
    'service virtnodedevd.socket',
    'service virtsecretd.socket',
    'service virtnwfilterd.socket',
  ]);
  expect(wanted({ ...el9, distribution: 'fedora', version: 41 })).toContain('service virtqemud.socket');
  expect(wanted(el9, { daemons: 'monolithic' })).toContain('service libvirtd');
});

test('the parameters of br_netfilter are set where it is loaded, unless the site leaves them alone', () => {
  const filtering = { ...debian, filtersBridges: true };
  expect(wanted(filtering).at(-1)).toMatch(/^sysctl net\.bridge\.bridge-nf-call-iptables/);
  expect(wanted(filtering, { filtersBridges: true }).at(-1)).toBe('service libvirtd');
});

test('a bare EL9 can be checked: the sockets provide what libvirt modules look for before it is installed', () => {
  const provided = kvmHost().items.flatMap((item) => ('provides' in item ? item.provides : []));
  expect(provided).toEqual(
    expect.arrayContaining(['tool:virsh', 'unit-file:virtqemud.socket', 'unit:libvirtd', 'unit:virtqemud']),
  );
});

test('another family is refused by name', () => {
  expect(wanted({ ...debian, family: 'suse' })).toContain('assert');
});

test('a wrong option is refused at its line', () => {
  const options = { daemons: 'both' };
  expect(() => Reflect.apply(kvmHost, undefined, [options])).toThrow("'daemons' is 'both'");
  expect(() => Reflect.apply(kvmHost, undefined, [{ package: {} }])).toThrow("did you mean 'packages'?");
});
