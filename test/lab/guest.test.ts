import { beforeAll, expect, test } from '@jest/globals';
import type { Host } from '../../lib/hosts/host.ts';
import { virshNetwork, virshPool, virshVolume, virtInstall } from '../../modules/index.ts';
import { until } from '../support/until.ts';
import { withLab } from './support.ts';

const images = '/var/lib/libvirt/images';

withLab('guests of a real libvirt', (machine) => {
  const { inside } = machine;
  let host: Host;
  beforeAll(async () => {
    host = await machine.connect();
    await inside('systemctl start libvirtd; ip link add br0 type bridge; ip link set br0 up');
    await machine.putBlankMedium(`${images}/boot.iso`);
  });

  const pool = { name: 'default' };
  const network = { name: 'default' };
  const volume = { name: 'gibbon.img', capacity: '1G' };
  const gibbon = (): Parameters<typeof virtInstall.apply>[1] => ({
    name: 'gibbon',
    virtType: machine.lab.virtType,
    memory: 128,
    cdrom: `${images}/boot.iso`,
    disks: [`${images}/gibbon.img`],
    networks: [{ bridge: 'br0' }],
    graphics: { type: 'vnc', listen: '127.0.0.1' },
    osVariant: 'rhel7',
  });

  /** Checks, applies, and applies again, which must find nothing to do; returns the steps of the first. */
  async function settle(task: {
    check: () => Promise<{ changed: boolean; steps: readonly unknown[] }>;
    apply: () => Promise<{ changed: boolean; steps: readonly unknown[] }>;
  }): Promise<readonly unknown[]> {
    const checked = await task.check();
    const applied = await task.apply();
    expect(applied.steps).toEqual(checked.steps);
    expect((await task.apply()).changed).toBe(false);
    return applied.steps;
  }

  test('all that a guest leans on is missed at once, before there is a pool', async () => {
    const change = virtInstall.apply(host, { ...gibbon(), networks: [{ bridge: 'br9' }], cdrom: '/srv/no.iso' });
    await expect(change).rejects.toThrow(/no \/srv\/no\.iso[\s\S]*no disk[\s\S]*no bridge 'br9'/);
    await expect(virshVolume.check(host, volume)).rejects.toThrow("there is no storage pool 'default'");
  });

  test('a pool and a network are made, and then left alone', async () => {
    await settle({ check: () => virshPool.check(host, pool), apply: () => virshPool.apply(host, pool) });
    await settle({ check: () => virshNetwork.check(host, network), apply: () => virshNetwork.apply(host, network) });
    const lan = { name: 'lan', address: '192.168.77.1/24', bridge: 'virbr7', dhcp: false } as const;
    await settle({ check: () => virshNetwork.check(host, lan), apply: () => virshNetwork.apply(host, lan) });
    expect(await inside('ip -o -4 address show virbr7')).toContain('192.168.77.1/24');
  });

  test('a volume is made, found again behind its back, and made again when its file is gone', async () => {
    const apply = (): ReturnType<typeof virshVolume.apply> => virshVolume.apply(host, volume);
    await settle({ check: () => virshVolume.check(host, volume), apply });
    await inside(`rm ${images}/gibbon.img`);
    expect(await settle({ check: () => virshVolume.check(host, volume), apply })).toMatchObject([
      { argv: expect.arrayContaining(['pool-refresh']) },
      { argv: expect.arrayContaining(['vol-create-as']) },
    ]);
    await inside(`qemu-img create -f qcow2 ${images}/found.img 1G`);
    const found = { ...volume, name: 'found.img' };
    expect(
      await settle({ check: () => virshVolume.check(host, found), apply: () => virshVolume.apply(host, found) }),
    ).toMatchObject([{ argv: expect.arrayContaining(['pool-refresh']) }]);
  });

  test('a guest is made, and then left alone', async () => {
    await settle({ check: () => virtInstall.check(host, gibbon()), apply: () => virtInstall.apply(host, gibbon()) });
    expect(await inside('virsh list --name')).toBe('gibbon');
    expect(await inside('ls /sys/class/net/br0/brif')).toMatch(/^vnet\d+$/);
  });

  test('more memory is defined, waits for a restart, and is no change any more', async () => {
    const bigger = { ...gibbon(), memory: 256 };
    const checked = await virtInstall.check(host, bigger);
    expect(checked.differences).toEqual([{ path: 'memory', wanted: '256 MiB', actual: '128 MiB' }]);
    await settle({ check: async () => checked, apply: () => virtInstall.apply(host, bigger) });
    const waiting = "'gibbon' waits for a restart: memory 128 MiB → 256 MiB";
    expect((await virtInstall.check(host, bigger)).warnings).toContain(waiting);
    await inside('virsh destroy gibbon; virsh start gibbon');
    expect((await virtInstall.check(host, bigger)).warnings).toEqual([]);
  });

  test('everything else that can be changed converges in one run', async () => {
    const other = {
      ...gibbon(),
      memory: 256,
      vcpus: 1,
      disks: [`${images}/gibbon.img`, { pool: 'default', volume: 'found.img', bus: 'virtio' }],
      networks: [
        { network: 'default', mac: '52:54:00:00:00:07' },
        { bridge: 'br0', model: 'e1000' },
      ],
      graphics: { type: 'vnc', listen: '127.0.0.1', port: 5990 } as const,
      autostart: true,
    };
    const steps = await settle({
      check: () => virtInstall.check(host, other),
      apply: () => virtInstall.apply(host, other),
    });
    expect(steps).toHaveLength(6);
    const console = { ...other, graphics: { type: 'none' } as const };
    await settle({ check: () => virtInstall.check(host, console), apply: () => virtInstall.apply(host, console) });
    await settle({ check: () => virtInstall.check(host, other), apply: () => virtInstall.apply(host, other) });
  });

  test('a disk grows under its running guest, and does not shrink under it', async () => {
    const bigger = { ...volume, capacity: '2G' };
    expect(
      await settle({ check: () => virshVolume.check(host, bigger), apply: () => virshVolume.apply(host, bigger) }),
    ).toMatchObject([{ argv: expect.arrayContaining(['blockresize', 'gibbon']) }]);
    const smaller = virshVolume.apply(host, { ...volume, disrupts: ['data'] });
    await expect(smaller).rejects.toThrow("the running guest 'gibbon' uses it");
  });

  test('a creation that was broken off is finished', async () => {
    const half = { ...gibbon(), name: 'half', disks: [], networks: [] };
    const create = `virt-install --virt-type ${machine.lab.virtType} --name half --memory 128 --cdrom ${images}/boot.iso --disk none`;
    const rest = '--network none --graphics vnc,password=geheim --os-variant rhel7.0 --print-xml 1';
    await inside(`${create} ${rest} > /tmp/half.xml && virsh create /tmp/half.xml`);
    const checked = await virtInstall.check(host, half);
    expect(checked.differences).toEqual([{ path: 'persistent', wanted: true, actual: false }]);
    await settle({ check: async () => checked, apply: () => virtInstall.apply(host, half) });
    expect(await inside("virsh dumpxml --inactive --security-info half | grep -cE 'on_reboot>restart|geheim'")).toBe(
      '2',
    );
    const absent = { name: 'half', state: 'absent' } as const;
    await expect(virtInstall.apply(host, absent)).rejects.toThrow("disrupts: ['guest']");
    await virtInstall.apply(host, { ...absent, disrupts: ['guest'] });
    expect(await inside('virsh list --all --name')).toBe('gibbon');
  });

  test('looking does not wake a daemon that sleeps, and sees what it would say', async () => {
    await inside('virsh destroy gibbon');
    // It goes to sleep by itself after two minutes without a connection or a guest; this is the same, at once.
    await inside('systemctl stop libvirtd.service && systemctl start libvirtd.socket && rm -f /tmp/half.xml');
    const state = 'systemctl is-active libvirtd.service libvirtd.socket || true';
    await until(async () => (await inside(state)) === 'inactive\nactive');
    const asleep = {
      ...gibbon(),
      memory: 256,
      vcpus: 1,
      networks: [{ network: 'default' }, { bridge: 'br0' }],
      autostart: true,
    };
    const looks = [
      await virshPool.check(host, pool),
      await virshNetwork.check(host, network),
      await virshVolume.check(host, { ...volume, capacity: '2G' }),
      await virtInstall.check(host, asleep),
    ];
    expect(looks.flatMap(({ differences }) => differences)).toEqual([]);
    expect((await virtInstall.check(host, { ...asleep, memory: 512 })).differences).toMatchObject([{ path: 'memory' }]);
    expect(await inside(state)).toBe('inactive\nactive');
    await settle({
      check: () => virtInstall.check(host, { ...asleep, memory: 512 }),
      apply: () => virtInstall.apply(host, { ...asleep, memory: 512 }),
    });
    expect(await inside(state)).toBe('active\nactive');
  });
});
