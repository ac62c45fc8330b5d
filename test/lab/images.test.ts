import { beforeAll, expect, test } from '@jest/globals';
import type { Host } from '../../lib/hosts/host.ts';
import { virshVolume, virtInstall } from '../../modules/index.ts';
import { withLab } from './support.ts';

const images = '/var/lib/libvirt/images';

withLab('images that somebody uses', (machine) => {
  let host: Host;
  beforeAll(async () => {
    host = await machine.connect();
    await inside(`systemctl start libvirtd; cd ${images}; mkdir -p /srv/other /srv/links
      virsh pool-define-as default dir --target ${images}; virsh pool-start default
      virsh pool-define-as other dir --target /srv/other; virsh pool-start other`);
  });

  /** Runs a script up to its first command that fails. */
  const inside = (script: string): Promise<string> =>
    machine.inside(`set -e
${script}`);

  /** Defines a guest with one disk. @param disk the inside of its `<disk>` */
  async function define(name: string, disk: string, type = 'file'): Promise<void> {
    const xml = `<domain type='${machine.lab.virtType}'><name>${name}</name><memory unit='MiB'>32</memory><os><type>hvm</type></os>
      <devices><disk type='${type}' device='disk'>${disk}<target dev='vda' bus='virtio'/></disk></devices></domain>`;
    await machine.lab.putFile(`/root/${name}.xml`, xml);
    await inside(`virsh define /root/${name}.xml`);
  }

  async function isThere(path: string): Promise<boolean> {
    return (await machine.lab.run(['test', '-e', path], { reject: false })).exitCode === 0;
  }

  const remove = (name: string): ReturnType<typeof virshVolume.apply> =>
    virshVolume.apply(host, { name, state: 'absent', disrupts: ['data'] });
  const resize = (name: string, capacity: string): ReturnType<typeof virshVolume.apply> =>
    virshVolume.apply(host, { name, capacity, disrupts: ['data'] });

  test('what others stand on is neither removed nor resized, whether the guest runs or not', async () => {
    await inside(`cd ${images}; qemu-img create -q -f qcow2 base.qcow2 64M
      qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 web.qcow2; virsh pool-refresh default`);
    await define('web', `<driver name='qemu' type='qcow2'/><source file='${images}/web.qcow2'/>`);
    for (const state of ['off', 'running']) {
      if (state === 'running') await inside('virsh start web');
      await expect(remove('base.qcow2')).rejects.toThrow(/guest 'web' stands on it[\s\S]*web\.qcow2 stands on it/);
      await expect(resize('base.qcow2', '32M')).rejects.toThrow("guest 'web' stands on it");
      await expect(resize('base.qcow2', '128M')).rejects.toThrow("guest 'web' stands on it");
      await expect(remove('web.qcow2')).rejects.toThrow("guest 'web' uses it");
    }
    expect(await inside(`qemu-img info -U --output=json ${images}/base.qcow2`)).toContain(
      `"virtual-size": ${64 * 2 ** 20}`,
    );
  });

  test('a guest with things to lose is not stopped before all of them may go, and then is gone at once', async () => {
    await inside('virsh snapshot-create-as web s1; virsh managedsave web; virsh start web; virsh snapshot-list web');
    const absent = { name: 'web', state: 'absent' } as const;
    await expect(virtInstall.apply(host, { ...absent, disrupts: ['guest'] })).rejects.toThrow(
      "disrupts: ['guest', 'snapshots']",
    );
    expect(await inside('virsh domstate web')).toBe('running');
    await inside('virsh managedsave web');
    await expect(remove('base.qcow2')).rejects.toThrow("the saved state of the guest 'web' stands on it");
    await expect(resize('web.qcow2', '128M')).rejects.toThrow("the saved state of the guest 'web' uses it");
    await expect(virtInstall.apply(host, { ...absent, disrupts: ['snapshots'] })).rejects.toThrow("'saved-state'");
    await virtInstall.apply(host, { ...absent, disrupts: ['snapshots', 'saved-state'] });
    expect(await inside('virsh list --all --name')).toBe('');
    await expect(remove('base.qcow2')).rejects.toThrow(`the image ${images}/web.qcow2 stands on it`);
    await remove('web.qcow2');
    await remove('base.qcow2');
  });

  test.each<[string, string, string, string?]>([
    ['a doubled slash', `<source file='/var/lib//libvirt/images/NAME'/>`, 'true'],
    ['a symbolic link', `<source file='/srv/links/NAME'/>`, `ln -s ${images}/NAME /srv/links/`],
    [
      "another pool's path",
      `<source file='/srv/other/NAME'/>`,
      `ln -s ${images}/NAME /srv/other/; virsh pool-refresh other`,
    ],
    ['a volume', `<source pool='default' volume='NAME'/>`, 'true', 'volume'],
    [
      "another pool's volume",
      `<source pool='other' volume='NAME'/>`,
      `ln -s ${images}/NAME /srv/other/; virsh pool-refresh other`,
      'volume',
    ],
  ])('a disk that its guest names by %s is not removed', async (what, source, prepare, type = 'file') => {
    const name = `${what.replaceAll(/\W+/g, '-')}.raw`;
    const fill = (text: string): string => text.replaceAll('NAME', name);
    await inside(`qemu-img create -q -f raw ${images}/${name} 1M; virsh pool-refresh default; ${fill(prepare)}`);
    await define('spelled', `<driver name='qemu' type='raw'/>${fill(source)}`, type);
    await expect(remove(name)).rejects.toThrow("the guest 'spelled' uses it");
    await inside('virsh start spelled');
    await expect(remove(name)).rejects.toThrow("the running guest 'spelled' uses it");
    await resize(name, '2M');
    expect(await inside('virsh domblkinfo spelled vda')).toContain(`Capacity:       ${2 * 2 ** 20}`);
    expect(await isThere(`${images}/${name}`)).toBe(true);
    await inside('virsh destroy spelled; virsh undefine spelled');
  });

  test.each(['qed', 'vmdk'])('what a %s image stands on is not removed', async (format) => {
    const base = `base-of-${format}.${format === 'vmdk' ? 'vmdk' : 'qcow2'}`;
    await inside(`cd ${images}; qemu-img create -q -f ${base.split('.')[1]} ${base} 8M
      qemu-img create -q -f ${format} -b ${images}/${base} -F ${base.split('.')[1]} /srv/links/top.${format}; virsh pool-refresh default`);
    await define('layered', `<driver name='qemu' type='${format}'/><source file='/srv/links/top.${format}'/>`);
    await expect(remove(base)).rejects.toThrow("the guest 'layered' stands on it");
    await inside(`virsh undefine layered; rm /srv/links/top.${format}`);
    await remove(base);
  });

  test('the file that holds the data of a VMDK image is not removed', async () => {
    await inside(
      `qemu-img create -q -f vmdk -o subformat=monolithicFlat ${images}/flat.vmdk 1M; virsh pool-refresh default`,
    );
    await define('flat', `<driver name='qemu' type='vmdk'/><source file='${images}/flat.vmdk'/>`);
    await expect(remove('flat-flat.vmdk')).rejects.toThrow("the guest 'flat' stands on it");
    await inside('virsh undefine flat');
    await remove('flat.vmdk');
    await remove('flat-flat.vmdk');
  });

  test('an image that a process has open, which is none of a guest, is left alone', async () => {
    await inside(`cd ${images}; qemu-img create -q -f raw open.raw 1M; virsh pool-refresh default
      (exec 3<open.raw; exec sleep 600 >/dev/null 2>&1) & echo $! > /root/holder`);
    await expect(remove('open.raw')).rejects.toThrow(/the process \d+ \(sleep\) uses it/);
    await inside('kill "$(cat /root/holder)"');
    await remove('open.raw');
  });

  test('both guests that share a disk are told that it has grown', async () => {
    await inside(`qemu-img create -q -f raw ${images}/shared.raw 1M; virsh pool-refresh default`);
    const shared = `<driver name='qemu' type='raw' cache='none'/><source file='${images}/shared.raw'/><shareable/>`;
    for (const name of ['one', 'two']) {
      await define(name, shared);
      await inside(`virsh start ${name}`);
    }
    const { steps } = await resize('shared.raw', '3M');
    expect(steps).toHaveLength(2);
    for (const name of ['one', 'two']) {
      const seen = await inside(`virsh qemu-monitor-command ${name} '{"execute":"query-block"}'`);
      expect(seen).toContain(`"virtual-size":${3 * 2 ** 20}`);
    }
    await inside('for guest in one two; do virsh destroy $guest; virsh undefine $guest; done');
    await remove('shared.raw');
  });
});
