import { beforeAll, expect, test } from '@jest/globals';
import type { Host } from '../../lib/hosts/host.ts';
import { virshPool, virshVolume, virtInstall } from '../../modules/index.ts';
import { withLab } from './support.ts';

const images = '/var/lib/libvirt/images';

withLab("a guest's devices, of a real libvirt", (machine) => {
  const { inside } = machine;
  let host: Host;
  beforeAll(async () => {
    host = await machine.connect();
    await inside(`systemctl start libvirtd; cd ${images}; ip link add br0 type bridge; ip link set br0 up
      virsh pool-define-as default dir --target ${images}; virsh pool-start default
      qemu-img create -q -f qcow2 root.qcow2 16M; ln -s ${images}/root.qcow2 /srv/root.link; virsh pool-refresh default`);
    await machine.lab.putFile(
      '/root/lan.xml',
      "<network><name>lan</name><forward mode='bridge'/><bridge name='br0'/></network>",
    );
    await inside('virsh net-define /root/lan.xml; virsh net-start lan');
  });

  const guest = (args: object = {}): Parameters<typeof virtInstall.apply>[1] => ({
    name: 'web',
    virtType: machine.lab.virtType,
    memory: 64,
    vcpus: 2,
    import: true,
    disks: [`${images}/root.qcow2`],
    networks: [{ network: 'lan' }],
    osVariant: 'linux2022',
    ...args,
  });

  async function define(change: string): Promise<void> {
    await inside(`virsh dumpxml --inactive web | sed '${change}' > /root/web.xml; virsh define /root/web.xml`);
  }

  test('what the host cannot give is refused before there is a guest', async () => {
    const model = { networks: [{ network: 'lan', model: 'nosuch' }] };
    await expect(virtInstall.apply(host, guest(model))).rejects.toThrow("no network card 'nosuch'");
    const bus = { disks: [{ path: `${images}/root.qcow2`, bus: 'nosuch' }] };
    await expect(virtInstall.apply(host, guest(bus))).rejects.toThrow("no bus 'nosuch'");
    await expect(virtInstall.apply(host, guest({ vcpus: 5000 }))).rejects.toThrow('wanted are 5000 processors');
    expect(await inside('virsh list --all --name')).toBe('');
  });

  test('a guest in a network that is a bridge of the host does not wait for a restart', async () => {
    await virtInstall.apply(host, guest());
    const checked = await virtInstall.check(host, guest());
    expect(checked.changed).toBe(false);
    expect(checked.warnings.filter((warning) => warning.includes('waits for a restart'))).toEqual([]);
  });

  test.each<[string, object[] | string[]]>([
    ['a link', ['/srv/root.link']],
    ['a volume', [{ pool: 'default', volume: 'root.qcow2' }]],
  ])('a disk is not attached again as %s', async (_what, disks) => {
    expect((await virtInstall.apply(host, guest({ disks }))).changed).toBe(false);
    const twice = virtInstall.apply(host, guest({ disks: [`${images}/root.qcow2`, ...disks] }));
    await expect(twice).rejects.toThrow('are one file');
  });

  test('a disk that another guest has, or stands on, is given to no second one', async () => {
    await inside(`cd ${images}; qemu-img create -q -f qcow2 -b /srv/root.link -F qcow2 over.qcow2`);
    const other = (disk: string): ReturnType<typeof virtInstall.apply> =>
      virtInstall.apply(host, guest({ name: 'other', disks: [disk] }));
    await expect(other('/srv/root.link')).rejects.toThrow("the running guest 'web' uses it");
    await expect(other(`${images}/over.qcow2`)).rejects.toThrow("and the running guest 'web' uses it");
    expect(await inside('virsh list --all --name')).toBe('web');
    await inside(`rm ${images}/over.qcow2`);
  });

  test('a volume that its pool does not list is taken in, and a second interface is found by what it is in', async () => {
    await inside(`qemu-img create -q -f raw ${images}/data.raw 4M`);
    const more = guest({
      disks: [`${images}/root.qcow2`, { pool: 'default', volume: 'data.raw' }],
      networks: [{ network: 'lan' }, { bridge: 'br0' }],
    });
    const { steps } = await virtInstall.apply(host, more);
    expect(steps[0]).toMatchObject({ argv: expect.arrayContaining(['pool-refresh']) });
    expect((await virtInstall.apply(host, more)).changed).toBe(false);
    expect((await virtInstall.check(host, guest({ networks: [{ bridge: 'br0' }] }))).changed).toBe(false);
  });

  test('the console of the wanted type is changed, and no other', async () => {
    // virt-install gave it a SPICE console by itself.
    await inside('virt-xml web --add-device --graphics vnc,listen=127.0.0.1');
    await virtInstall.apply(host, guest({ graphics: { type: 'vnc', listen: '127.0.0.1', port: 5999 } }));
    const xml = await inside('virsh dumpxml --inactive web');
    expect(xml).toMatch(/type='vnc' port='5999'/);
    expect(xml).toMatch(/type='spice' autoport='yes'/);
  });

  test('processors and memory that other parts of the definition fix are refused, and nothing is changed', async () => {
    await inside('virsh destroy web');
    await define(
      's|<cpu \\(.*\\)/>|<cpu \\1></cpu>|; s|</cpu>|<topology sockets="1" dies="1" cores="2" threads="1"/></cpu>|',
    );
    await expect(virtInstall.apply(host, guest({ vcpus: 4 }))).rejects.toThrow('<topology> has 2');
    await define('s|</cpu>|<numa><cell id="0" cpus="0-1" memory="65536" unit="KiB"/></numa></cpu>|');
    await expect(virtInstall.apply(host, guest({ memory: 128 }))).rejects.toThrow('NUMA cells');
    expect((await virtInstall.apply(host, guest())).changed).toBe(false);
    await inside('virsh start web');
    expect((await virtInstall.check(host, guest())).warnings.join()).not.toContain('waits for a restart');
  });

  test('a pool whose directory is gone is made whole, and until then takes no volume', async () => {
    const pool = { name: 'gone', path: '/srv/gone' };
    await virshPool.apply(host, pool);
    await inside('rmdir /srv/gone');
    const volume = { pool: 'gone', name: 'new.qcow2', capacity: '1M' };
    await expect(virshVolume.apply(host, volume)).rejects.toThrow('there is no directory /srv/gone');
    expect((await virshPool.apply(host, pool)).changed).toBe(true);
    expect((await virshPool.apply(host, pool)).changed).toBe(false);
    expect((await virshVolume.apply(host, volume)).changed).toBe(true);
  });
});
