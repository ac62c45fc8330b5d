import { beforeAll, describe, expect, test } from '@jest/globals';
import {
  escapeXml,
  loadXmlParser,
  parseDomain,
  parseNetwork,
  parsePool,
  parseVolume,
} from '../../../lib/formats/libvirt_xml.ts';
import { capture } from '../../support/libvirt_captures.ts';

beforeAll(loadXmlParser);

describe('parseDomain', () => {
  const gibbon = {
    type: 'qemu',
    name: 'gibbon',
    uuid: 'fffe6270-988a-4e69-b41c-13a2feed8282',
    memory: 512 * 2 ** 20,
    currentMemory: 512 * 2 ** 20,
    vcpus: { maximum: 2, current: 2 },
    interfaces: [{ type: 'bridge', source: 'br0', mac: '52:54:00:c5:3b:8c', model: 'virtio' }],
    graphics: [{ type: 'vnc', listen: '0.0.0.0', port: undefined, hasPassword: false }],
    emulator: '/usr/bin/qemu-system-x86_64',
    hasNvram: false,
    hasTpmState: false,
  };
  const disk = {
    device: 'disk',
    source: { kind: 'path', path: '/var/lib/libvirt/images/gibbon-centos74.img' },
    format: 'qcow2',
    bus: 'virtio',
    target: 'vda',
  };
  const emptyDrive = { device: 'cdrom', source: undefined, format: 'raw', bus: 'ide', target: 'hda' };

  test.each(['gibbon.inactive.xml', 'gibbon.file.xml'])('reads the definition %s', (name) => {
    expect(parseDomain(capture(name))).toEqual({ ...gibbon, disks: [disk, emptyDrive] });
  });

  test.each(['gibbon.live.xml', 'gibbon.status.xml'])('reads the live state %s', (name) => {
    const medium = { ...emptyDrive, source: { kind: 'path', path: '/var/lib/libvirt/images/CentOS.iso' } };
    expect(parseDomain(capture(name))).toEqual({ ...gibbon, disks: [disk, medium] });
  });

  test('reads interfaces of networks, and no console', () => {
    const { interfaces, graphics, disks, vcpus } = parseDomain(capture('second.live.xml'));
    expect(interfaces).toEqual([
      { type: 'network', source: 'default', mac: '52:54:00:11:22:33', model: 'e1000' },
      { type: 'bridge', source: 'br0', mac: '52:54:00:57:30:07', model: 'virtio' },
    ]);
    expect(graphics).toEqual([]);
    expect(disks.map(({ target }) => target)).toEqual(['vda', 'sda', 'hda']);
    expect(vcpus).toEqual({ maximum: 1, current: 1 });
  });

  test('says that there is a password, and not which', () => {
    const domain = parseDomain(capture('transient.inactive.xml'));
    expect(domain.graphics).toEqual([{ type: 'vnc', listen: '127.0.0.1', port: undefined, hasPassword: true }]);
    expect(JSON.stringify(domain)).not.toContain('geheim');
  });

  test('tells what a guest has from what it may have', () => {
    const xml = capture('gibbon.inactive.xml')
      .replace("<currentMemory unit='KiB'>524288", "<currentMemory unit='MiB'>256")
      .replace("<vcpu placement='static'>2", "<vcpu placement='static' current='1'>2");
    const { memory, currentMemory, vcpus } = parseDomain(xml);
    expect([memory, currentMemory]).toEqual([512 * 2 ** 20, 256 * 2 ** 20]);
    expect(vcpus).toEqual({ maximum: 2, current: 1 });
  });

  test('reads a chosen port, a disk in a pool, entities', () => {
    const xml = capture('gibbon.inactive.xml')
      .replace("port='-1' autoport='yes'", "port='5990' autoport='no'")
      .replace(
        "<source file='/var/lib/libvirt/images/gibbon-centos74.img'/>",
        "<source pool='a&amp;b' volume='&#x31;.img'/>",
      );
    const { graphics, disks } = parseDomain(xml);
    expect(graphics[0]?.port).toBe(5990);
    expect(disks[0]?.source).toEqual({ kind: 'volume', pool: 'a&b', volume: '1.img' });
  });

  test('refuses XML that was cut off, and other XML', () => {
    const whole = capture('gibbon.inactive.xml');
    const cuts = [500, 1000, 2000, 3000, whole.indexOf('</devices>'), whole.indexOf('</domain>')];
    for (const length of cuts) expect(() => parseDomain(whole.slice(0, length))).toThrow(/^(?!libvirt's XML)/);
    expect(() => parseDomain(capture('pool-default.xml'))).toThrow("libvirt's XML holds no <domain>");
  });
});

test.each(['pool-default.xml', 'pool-default.file.xml', 'pool-default.status.xml'])('parsePool reads %s', (name) => {
  expect(parsePool(capture(name))).toEqual({ type: 'dir', name: 'default', path: '/var/lib/libvirt/images' });
});

test('parseVolume reads bytes and format', () => {
  expect(parseVolume(capture('vol-gibbon.xml'))).toEqual({
    name: 'gibbon-centos74.img',
    capacity: expect.any(Number),
    allocation: 200704,
    path: '/var/lib/libvirt/images/gibbon-centos74.img',
    format: 'qcow2',
  });
  expect(parseVolume(capture('vol-raw0.xml'))).toMatchObject({ capacity: 500_000_000, allocation: 0, format: 'raw' });
});

test.each(['net-default.inactive.xml', 'net-default.live.xml', 'net-default.file.xml', 'net-default.status.xml'])(
  'parseNetwork reads %s',
  (name) => {
    expect(parseNetwork(capture(name))).toEqual({
      name: 'default',
      uuid: '2575479c-1b1e-4389-841b-94de10c14597',
      forward: 'nat',
      bridge: 'virbr0',
      address: '192.168.122.1/24',
      dhcp: { start: '192.168.122.2', end: '192.168.122.254' },
    });
  },
);

test('parseNetwork reads an isolated network', () => {
  const network = parseNetwork(
    "<network><name>iso</name><bridge name='virbr9'/><ip address='10.9.0.1' prefix='16'/></network>",
  );
  expect(network).toMatchObject({ forward: undefined, address: '10.9.0.1/16', dhcp: undefined });
});

test('escapeXml leaves nothing that XML would read', () => {
  expect(escapeXml(`<a b='c'>&"`)).toBe('&lt;a b=&apos;c&apos;&gt;&amp;&quot;');
});
