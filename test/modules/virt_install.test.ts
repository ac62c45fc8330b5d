import { describe, expect, test } from '@jest/globals';
import { ArgumentError, MissingError, UnsupportedChangeError } from '../../lib/errors.ts';
import { type FakeAnswer, FakeHost } from '../../lib/testing/index.ts';
import { type VirtInstallArgs, virtInstall } from '../../modules/virt_install.ts';
import { answerUses, type FakeUses, headerOn } from '../support/image_uses.ts';
import { askSystemd, capture, gibbonAnswers, libvirtd, notFound, virsh } from '../support/libvirt_captures.ts';

const images = '/var/lib/libvirt/images';
const iso = `${images}/CentOS-7-x86_64-Minimal-1708.iso`;
const disk = `${images}/gibbon-centos74.img`;
/** The guest of the post, for a host without KVM. */
const gibbon = {
  name: 'gibbon',
  virtType: 'qemu',
  memory: 512,
  cdrom: iso,
  disks: [disk],
  networks: [{ bridge: 'br0' }],
  graphics: { type: 'vnc', listen: '0.0.0.0' },
  osType: 'linux',
  osVariant: 'rhel7',
} satisfies VirtInstallArgs;
const { cdrom: _, ...withoutMedium } = gibbon;

const askDefinition = virsh('dumpxml', '--inactive', '--security-info', 'gibbon');
const open =
  "the console of 'gibbon' is open to the network: vnc on 0.0.0.0 asks for no password; " +
  "listen: '127.0.0.1' leaves it to this host and to SSH";
const noGuest: Record<string, FakeAnswer> = {
  [askSystemd]: libvirtd('active', 'active'),
  [askDefinition]: notFound('domain', 'gibbon'),
  [virsh('dumpxml', 'gibbon')]: notFound('domain', 'gibbon'),
  [virsh('dominfo', 'gibbon')]: notFound('domain', 'gibbon'),
  [virsh('domstate', '--reason', 'gibbon')]: notFound('domain', 'gibbon'),
};
const newInstaller: Record<string, FakeAnswer> = {
  'virt-install --version': { stdout: '4.1.0\n' },
  'virt-install --osinfo list': { stdout: capture('osinfo.txt') },
};
const noPools: Record<string, FakeAnswer> = { [virsh('pool-list', '--all', '--name')]: { stdout: '\n' } };
const parts = { [iso]: '', [disk]: '', '/sys/class/net/br0/bridge/stp_state': '0' };

function fresh(
  commands: Record<string, FakeAnswer> = {},
  files: Record<string, string> = parts,
  uses: FakeUses = {},
): FakeHost {
  return new FakeHost({
    answer: answerUses(uses),
    files,
    commands: { ...noGuest, ...newInstaller, ...noPools, ...commands },
  });
}

function running(
  change?: (xml: string) => string,
  commands: Record<string, FakeAnswer> = {},
  uses: FakeUses = {},
): FakeHost {
  return new FakeHost({
    answer: answerUses(uses),
    files: parts,
    commands: { ...gibbonAnswers(change), ...commands },
  });
}

async function plan(host: FakeHost, args: Parameters<typeof virtInstall.check>[1]): Promise<readonly string[]> {
  const { steps } = await virtInstall.check(host, args);
  return steps.map((step) => (step.kind === 'command' ? step.argv.join(' ') : step.kind));
}

describe('desired', () => {
  test.each<[VirtInstallArgs, string]>([
    [{ ...gibbon, memory: 0 }, "'memory': memory (MiB) is a whole number above 0"],
    [{ ...gibbon, memory: 512.5 }, 'a whole number above 0'],
    [{ ...gibbon, vcpus: -1 }, "'vcpus': the number of processors is a whole number above 0"],
    [{ name: 'gibbon', import: true, disks: [disk] }, "the argument 'memory' is missing"],
    [
      { ...gibbon, cdrom: 'CentOS-7-x86_64-Minimal-1708.iso' },
      "'cdrom': an ISO's path on the host must be an absolute path",
    ],
    [{ ...gibbon, import: true }, 'name one of them'],
    [withoutMedium, 'name one of them'],
    [{ ...withoutMedium, import: true, disks: [] }, "'import' needs a disk"],
    [{ ...gibbon, name: '100' }, 'could be taken for another guest'],
    [{ ...gibbon, name: 'fffe6270-988a-4e69-b41c-13a2feed8282' }, 'in the form of a UUID'],
    [{ ...gibbon, name: '--help' }, 'letters, digits'],
    [{ ...gibbon, disks: ['a.img'] }, "a disk's path must be an absolute path"],
    [{ ...gibbon, disks: ['/a.img,size=9'] }, 'virt-install would take apart'],
    [{ ...gibbon, disks: [{ path: '/a b.img' }] }, 'virt-install would take apart'],
    [{ ...gibbon, networks: [{ bridge: 'br0,model=x' }] }, "a bridge's name is a word"],
    [{ ...gibbon, networks: [{ bridge: 'br0', mac: '01:00:5e:00:00:01' }] }, "no group's"],
    [{ ...gibbon, graphics: { type: 'vnc', listen: 'all' } }, 'listens on an IP address'],
    [{ ...gibbon, graphics: { type: 'vnc', port: 80 } }, 'a port from 5900'],
    [{ ...gibbon, osVariant: 'rhel7\n' }, 'control characters'],
    [{ name: 'gibbon', state: 'absent', memory: 512 }, "'memory' means nothing beside state: 'absent'; leave it out"],
    [{ name: 'gibbon', state: 'absent', disks: [disk], running: true }, "'disks', 'running' mean nothing beside"],
    [{ name: 'gibbon', state: 'absent', virtType: 'kvm', cdrom: iso }, "'virtType', 'cdrom' mean nothing beside"],
  ])('refuses %j', (args, message) => {
    expect(() => virtInstall(args)).toThrow(ArgumentError);
    expect(() => virtInstall(args)).toThrow(message);
  });

  test('asks for nothing but the name of a guest that is to be gone', () => {
    expect(virtInstall({ name: 'gibbon', state: 'absent' }).provides).toEqual(['no guest:gibbon']);
    expect(virtInstall(gibbon).provides).toEqual(['guest:gibbon']);
  });
});

describe('read', () => {
  test('finds the guest of the post as wanted, its medium and system being no matter any more', async () => {
    const host = running();
    const { differences, missing, warnings } = await virtInstall(gibbon).read(host.reader);
    expect({ differences, missing, warnings }).toEqual({ differences: [], missing: [], warnings: [open] });
    expect(host.asked.filter((line) => line.startsWith('virt-'))).toEqual([]);
  });

  test('wakes no daemon that sleeps', async () => {
    const host = new FakeHost({
      commands: { [askSystemd]: libvirtd('inactive', 'active') },
      files: { '/etc/libvirt/qemu/gibbon.xml': capture('gibbon.file.xml'), '/run/libvirt/qemu/autostarted': '' },
    });
    const { differences, missing } = await virtInstall({ ...gibbon, autostart: false }).read(host.reader);
    expect({ differences, missing }).toEqual({ differences: [], missing: [] });
    expect((await virtInstall({ ...gibbon, running: true }).read(host.reader)).differences).toMatchObject([
      { path: 'running', actual: false },
    ]);
    expect(host.asked).toEqual([askSystemd, askSystemd]);
  });

  test('leaves further disks and interfaces alone, and finds an interface by its MAC', async () => {
    const more = `<interface type='network'><mac address='52:54:00:00:00:01'/><source network='default'/></interface>`;
    const host = running((xml) => xml.replace('<interface', `${more}<interface`));
    const mac = '52:54:00:C5:3B:8C';
    const args = { ...gibbon, networks: [{ bridge: 'br0', mac }] };
    expect((await virtInstall(args).read(host.reader)).differences).toEqual([]);
    expect((await virtInstall({ ...args, disks: [] }).read(host.reader)).differences).toEqual([]);
  });

  test('tells what a guest has from what it may have', async () => {
    const host = running((xml) =>
      xml
        .replace("<currentMemory unit='KiB'>524288", "<currentMemory unit='KiB'>262144")
        .replace("<vcpu placement='static'>2", "<vcpu placement='static' current='1'>2"),
    );
    const { differences } = await virtInstall({ ...gibbon, vcpus: 2 }).read(host.reader);
    expect(differences).toEqual([
      { path: 'memory', wanted: '512 MiB', actual: '256 MiB of 512 MiB' },
      { path: 'vcpus', wanted: 2, actual: '1 of 2' },
    ]);
  });

  test('takes a volume and its path for one', async () => {
    const pool = {
      [virsh('pool-dumpxml', 'default')]: { stdout: capture('pool-default.xml') },
      [virsh('pool-info', 'default')]: { stdout: capture('pool-info.txt') },
    };
    const args = { ...gibbon, disks: [{ pool: 'default', volume: 'gibbon-centos74.img' }] };
    expect((await virtInstall(args).read(running(undefined, pool).reader)).differences).toEqual([]);
  });

  test('says on every run what waits for a restart', async () => {
    // The model is changed as well, and the task does not name it.
    const changes = [
      ['524288', '1048576'],
      ["bridge='br0'", "bridge='br1'"],
      ["model type='virtio'", "model type='e1000'"],
    ] as const;
    const host = running((xml) => changes.reduce((text, [from, to]) => text.replaceAll(from, to), xml));
    const args = { ...gibbon, memory: 1024, networks: [{ bridge: 'br1' }] };
    const { differences, warnings } = await virtInstall(args).read(host.reader);
    expect(differences).toEqual([]);
    expect(warnings).toEqual([
      open,
      "'gibbon' waits for a restart: memory 512 MiB → 1024 MiB",
      "'gibbon' waits for a restart: networks.1.source bridge br0 → bridge br1",
    ]);
  });

  test('takes a balloon for no change that waits', async () => {
    const live = capture('gibbon.live.xml').replace(
      "<currentMemory unit='KiB'>524288",
      "<currentMemory unit='KiB'>262144",
    );
    const host = running(undefined, { [virsh('dumpxml', 'gibbon')]: { stdout: live } });
    expect((await virtInstall(gibbon).read(host.reader)).warnings).toEqual([open]);
  });

  test('says that a guest is stuck', async () => {
    const status = { [virsh('domstate', '--reason', 'gibbon')]: { stdout: 'paused (unknown)\n\n' } };
    const { warnings } = await virtInstall(gibbon).read(running(undefined, status).reader);
    expect(warnings).toContain("'gibbon' is paused (unknown)");
  });

  test.each([
    ['a password', (xml: string) => xml.replace("listen='0.0.0.0'>", "listen='0.0.0.0' passwd='geheim'>"), gibbon],
    [
      'a loopback address',
      (xml: string) => xml.replaceAll('0.0.0.0', '127.0.0.1'),
      { ...gibbon, graphics: { type: 'vnc' } },
    ],
  ] as const)('warns of no console with %s', async (_what, change, args) => {
    const reading = await virtInstall(args).read(running(change).reader);
    expect(reading.warnings.filter((warning) => warning.includes('open to'))).toEqual([]);
    expect(JSON.stringify(reading)).not.toContain('geheim');
  });

  test('lists all at once that a new guest leans on and that is not there', async () => {
    const absent = [virsh('pool-dumpxml', 'p'), virsh('pool-info', 'p')].map((line) => [line, notFound('pool', 'p')]);
    const network = {
      [virsh('net-dumpxml', '--inactive', 'default')]: notFound('network', 'default'),
      [virsh('net-info', 'default')]: notFound('network', 'default'),
    };
    const host = fresh({ ...Object.fromEntries(absent), ...network }, {});
    const args = {
      ...gibbon,
      disks: [disk, { pool: 'p', volume: 'v.img' }],
      networks: [{ bridge: 'br0' }, { network: 'default' }],
    };
    const reading = await virtInstall(args).read(host.reader);
    expect(reading.missing.map(({ key }) => key)).toEqual([
      'pool:p',
      `file:${iso}`,
      'volume:gibbon-centos74.img',
      'volume:v.img',
      'link:br0',
      'network:default',
    ]);
    expect(reading.plan([])).toHaveLength(1);
    await expect(virtInstall.apply(host, args)).rejects.toThrow(MissingError);
    expect(host.executed).toEqual([]);
  });

  test('lists the tools that a host lacks', async () => {
    const commands = { [askSystemd]: libvirtd('inactive', 'inactive', 'not-found') };
    const host = new FakeHost({
      answer: answerUses({}),
      tools: [],
      commands,
      files: { ...parts, '/etc/os-release': 'ID=debian\n' },
    });
    const { missing } = await virtInstall(gibbon).read(host.reader);
    expect(missing.map(({ key }) => key)).toEqual([
      'tool:virsh',
      'tool:virt-install',
      'tool:virt-xml',
      'unit:libvirtd',
    ]);
  });

  test('names a pool that virt-install would define on the side, and a place that QEMU cannot read', async () => {
    const files = { ...parts, '/home/me/x.iso': '' };
    const reading = await virtInstall({ ...gibbon, cdrom: '/home/me/x.iso' }).read(fresh({}, files).reader);
    expect(reading.warnings.slice(0, 2)).toEqual([
      'virt-install defines a storage pool for /home/me, which no pool holds, and has it started at every boot; a virshPool task of your own for it comes first',
      '/home/me/x.iso is below a home directory, where the user that QEMU runs as usually cannot read',
    ]);
    const pools = {
      [virsh('pool-list', '--all', '--name')]: { stdout: 'me\n\n' },
      [virsh('pool-dumpxml', 'me')]: { stdout: capture('pool-default.xml').replace(images, '/home/me') },
      [virsh('pool-info', 'me')]: { stdout: capture('pool-info.txt') },
    };
    const held = await virtInstall({ ...gibbon, cdrom: '/home/me/x.iso' }).read(fresh(pools, files).reader);
    expect(held.warnings.join('\n')).not.toContain('virt-install defines');
  });
});

describe('plan: a new guest', () => {
  test('is made as one does by hand, under the name by which virt-install knows its system', async () => {
    const { steps, warnings } = await virtInstall.check(fresh(), { ...gibbon, virtType: 'kvm' });
    expect(steps.map((step) => step.kind === 'command' && step.argv)).toEqual([
      [
        'virt-install',
        ...['--virt-type', 'kvm'],
        ...['--name', 'gibbon'],
        ...['--memory', '512'],
        ...['--cdrom', iso],
        ...['--disk', disk],
        ...['--network', 'bridge=br0'],
        ...['--graphics', 'vnc,listen=0.0.0.0'],
        '--noautoconsole',
        '--os-variant=rhel7.0',
        ...['--connect', 'qemu:///system'],
      ],
    ]);
    expect(warnings).toEqual(["virt-install 4.1.0 knows 'rhel7' as 'rhel7.0'", open]);
  });

  test('is, with the virt-install of its day, word for word the command of the post', async () => {
    const old = { 'virt-install --version': { stderr: '1.4.1\n' }, 'virt-install --osinfo list': { exitCode: 2 } };
    expect(await plan(fresh(old), { ...gibbon, virtType: 'kvm' })).toEqual([
      `virt-install --virt-type kvm --name gibbon --memory 512 --cdrom ${iso} --disk ${disk} --network bridge=br0 ` +
        '--graphics vnc,listen=0.0.0.0 --noautoconsole --os-type=linux --os-variant=rhel7 --connect qemu:///system',
    ]);
  });

  test('takes every option', async () => {
    const files = { ...parts, '/dev/vg/data': '' };
    const args = {
      name: 'gibbon',
      memory: 2048,
      vcpus: 4,
      import: true,
      disks: [{ path: disk, bus: 'sata', format: 'qcow2' as const }, '/dev/vg/data'],
      networks: [{ bridge: 'br0', model: 'e1000', mac: '52:54:00:AA:BB:CC' }],
      graphics: { type: 'spice' as const, listen: '127.0.0.1', port: 5901 },
      autostart: true,
    };
    expect(await plan(fresh({}, files), args)).toEqual([
      `virt-install --virt-type kvm --name gibbon --memory 2048 --vcpus 4 --import --disk ${disk},bus=sata,format=qcow2 ` +
        '--disk /dev/vg/data --network bridge=br0,model=e1000,mac=52:54:00:aa:bb:cc --graphics spice,port=5901,listen=127.0.0.1 ' +
        '--autostart --noautoconsole --osinfo detect=on,require=off --connect qemu:///system',
    ]);
  });

  test('can have no disk and no interface', async () => {
    const [line] = await plan(fresh(), { ...gibbon, disks: [], networks: [] });
    expect(line).toContain('--disk none --network none');
  });

  test('is not made for a system that virt-install does not know', async () => {
    const change = plan(fresh(), { ...gibbon, osVariant: 'rhel7.20' });
    await expect(change).rejects.toThrow("virt-install 4.1.0 knows no operating system 'rhel7.20' (is it 'rhel7.2'?)");
  });
});

describe('plan: a guest that is there', () => {
  const edit = 'virt-xml --connect qemu:///system gibbon';
  const mac = '52:54:00:c5:3b:8c';

  test.each<[string, Partial<VirtInstallArgs>, readonly string[]]>([
    ['more memory, in both of its amounts', { memory: 1024 }, [`${edit} --edit --memory memory=1024,maxmemory=1024`]],
    ['other processors', { vcpus: 4 }, [`${edit} --edit --vcpus vcpus=4,maxvcpus=4`]],
    [
      'a console for this host alone',
      { graphics: { type: 'vnc', listen: '127.0.0.1' } },
      [`${edit} --edit --graphics vnc,listen=127.0.0.1`],
    ],
    ['no console', { graphics: { type: 'none' } }, [`${edit} --remove-device --graphics all`]],
    ['another bridge', { networks: [{ bridge: 'br1' }] }, [`${edit} --edit mac=${mac} --network bridge=br1`]],
    [
      'a MAC of its own',
      { networks: [{ bridge: 'br0', mac: '52:54:00:00:00:09' }] },
      [`${edit} --edit mac=${mac} --network bridge=br0,mac=52:54:00:00:00:09`],
    ],
    [
      'a second interface',
      { networks: [{ bridge: 'br0' }, { bridge: 'br1' }] },
      [`${edit} --add-device --network bridge=br1`],
    ],
    [
      'a disk before the one that it has',
      { disks: ['/srv/data.img', disk] },
      [`${edit} --add-device --disk /srv/data.img`],
    ],
    [
      'a second disk',
      { disks: [disk, { path: '/srv/data.img', bus: 'virtio' }] },
      [`${edit} --add-device --disk /srv/data.img,bus=virtio`],
    ],
    ['a start with libvirt', { autostart: true }, ['virsh -c qemu:///system autostart gibbon']],
  ])('gets %s', async (_what, args, steps) => {
    const host = running();
    host.files.set('/sys/class/net/br1/bridge/stp_state', '0');
    host.files.set('/srv/data.img', '');
    expect(await plan(host, { ...gibbon, ...args })).toEqual(steps);
  });

  test('gets a console where it has none', async () => {
    const host = running((xml) => xml.replace(/<graphics[\s\S]*<\/graphics>/, ''));
    expect(await plan(host, gibbon)).toEqual([`${edit} --add-device --graphics vnc,listen=0.0.0.0`]);
  });

  test('is started where it is found off', async () => {
    const off = capture('gibbon.dominfo.txt').replace('running', 'shut off');
    const host = running(undefined, { [virsh('dominfo', 'gibbon')]: { stdout: off } });
    expect(await plan(host, { ...gibbon, running: true })).toEqual(['virsh -c qemu:///system start gibbon']);
    expect(await plan(host, gibbon)).toEqual([]);
  });

  test.each<[Partial<VirtInstallArgs>, string]>([
    [{ disks: ['/srv/other.img'] }, `a guest whose disk 1 is ${disk}, wanted is /srv/other.img`],
    [{ disks: [{ path: disk, bus: 'sata' }] }, 'with the bus virtio, wanted is sata'],
    [{ virtType: 'kvm' }, 'was made for qemu, wanted is kvm'],
    [{ graphics: { type: 'spice' } }, 'is vnc, wanted is spice'],
  ])('is not changed to %j', async (args, message) => {
    const host = running();
    host.files.set('/srv/other.img', '');
    const change = plan(host, { ...gibbon, ...args });
    await expect(change).rejects.toThrow(UnsupportedChangeError);
    await expect(change).rejects.toThrow(message);
  });

  test('keeps the hypervisor that it has where the task does not name one; a new one gets kvm', async () => {
    const { virtType: _, ...open } = gibbon;
    expect(await plan(running(), open)).toEqual([]);
    const [step] = await plan(fresh(), open);
    expect(step).toMatch(/^virt-install --virt-type kvm --name gibbon /);
  });

  test('is defined where a creation was broken off, without what only the installer needs', async () => {
    const host = running(() => capture('transient.inactive.xml'), {
      [virsh('dumpxml', 'gibbon')]: { stdout: capture('transient.live.xml') },
      [virsh('dominfo', 'gibbon')]: { stdout: capture('transient.dominfo.txt') },
    });
    const { steps, differences } = await virtInstall.check(host, { ...gibbon, graphics: { type: 'vnc' } });
    expect(differences).toEqual([{ path: 'persistent', wanted: true, actual: false }]);
    const [step] = steps;
    if (steps.length !== 1 || step?.kind !== 'command') throw new Error('one step defines it');
    expect(step.argv).toEqual(['sh', '-c', 'cat | virsh -c "$1" "$2" /dev/stdin', 'sh', 'qemu:///system', 'define']);
    expect(step.stdin).toContain('<on_reboot>restart</on_reboot>');
    expect(String(step.stdin).match(/<boot .*>/g)).toEqual(["<boot dev='hd'/>"]);
    expect(step.stdin).toContain("passwd='geheim'");
  });
});

describe('devices are what they are, whatever their place and name', () => {
  const edit = 'virt-xml --connect qemu:///system gibbon';
  const link = '/srv/link.img';
  const pool = {
    [virsh('pool-dumpxml', 'default')]: { stdout: capture('pool-default.xml') },
    [virsh('pool-info', 'default')]: { stdout: capture('pool-info.txt') },
  };
  const nic = (network: string, mac: string): string =>
    `<interface type='network'><mac address='${mac}'/><source network='${network}'/><model type='virtio'/></interface>`;

  test.each<[string, VirtInstallArgs['disks'], string]>([
    ['a link', [link], disk],
    ['a path behind a link', [disk], link],
    ['the volume of a pool', [{ pool: 'default', volume: 'gibbon-centos74.img' }], link],
    ['a doubled slash', [disk], '/var/lib//libvirt/images/gibbon-centos74.img'],
  ])('a disk is not attached again by %s', async (_what, disks, actual) => {
    const images = { [disk]: { id: '1:7' }, [actual]: { id: '1:7' }, [link]: { id: '1:7' } };
    const host = running((xml) => xml.replaceAll(disk, actual), pool, { images });
    expect(await plan(host, { ...gibbon, disks: disks ?? [] })).toEqual([]);
  });

  test('a disk is not attached again beside the snapshot that stands on it', async () => {
    const snapshot = '/srv/gibbon.s1';
    const images = { [disk]: { id: '1:7' }, [snapshot]: { id: '1:8', header: headerOn(disk) } };
    const host = running((xml) => xml.replaceAll(disk, snapshot), {}, { images });
    expect(await plan(host, gibbon)).toEqual([]);
  });

  test.each<[string, VirtInstallArgs['disks'], string]>([
    ['twice under two names', [disk, link], 'disk 2 (/srv/link.img) and disk 1'],
    ['twice under one', [disk, disk], 'disk 2'],
    ['as what is in its drive', [disk, '/srv/iso.img'], 'disk 2 (/srv/iso.img) is in its cdrom sda already'],
  ])('a disk is refused %s', async (_what, disks, message) => {
    const drive = `<disk type='file' device='cdrom'><source file='${iso}'/><target dev='sda' bus='sata'/></disk>`;
    const images = {
      [disk]: { id: '1:7' },
      [link]: { id: '1:7' },
      [iso]: { id: '1:9' },
      '/srv/iso.img': { id: '1:9' },
    };
    const host = running((xml) => xml.replace(/<disk [^>]*cdrom[\s\S]*?<\/disk>/, drive), {}, { images });
    for (const path of Object.keys(images)) host.files.set(path, '');
    const change = plan(host, { ...gibbon, disks: disks ?? [] });
    await expect(change).rejects.toThrow(UnsupportedChangeError);
    await expect(change).rejects.toThrow(message);
  });

  test('an interface is found by what it is plugged into, before its place', async () => {
    const host = running((xml) => xml.replace('<interface', `${nic('default', '52:54:00:00:00:01')}<interface`));
    expect(await plan(host, gibbon)).toEqual([]);
    expect(await plan(host, { ...gibbon, networks: [{ bridge: 'br0' }, { network: 'default' }] })).toEqual([]);
  });

  test('of interfaces in one network the one that is in its place comes first', async () => {
    const both = nic('default', '52:54:00:00:00:01') + nic('default', '52:54:00:00:00:02').replace('virtio', 'e1000');
    const host = running((xml) => xml.replace(/<interface[\s\S]*<\/interface>/, both));
    const networks = [{ network: 'default', model: 'e1000' }, { network: 'default' }];
    expect(await plan(host, { ...gibbon, networks })).toEqual([]);
  });

  test('the console of the wanted type is changed, not the first one', async () => {
    const spice = "<graphics type='spice' autoport='yes' listen='127.0.0.1'/>";
    const host = running((xml) => xml.replace('<graphics', `${spice}<graphics`));
    expect(await plan(host, { ...gibbon, graphics: { type: 'vnc', listen: '127.0.0.1' } })).toEqual([
      `${edit} --edit 2 --graphics vnc,listen=127.0.0.1`,
    ]);
    await expect(plan(host, { ...gibbon, graphics: { type: 'none' } })).rejects.toThrow('is spice, wanted is none');
  });

  test('a guest on a network that is a bridge of the host does not wait for a restart', async () => {
    const ends = [
      ["<source network='lan'/>", "type='network'"],
      ["<source network='lan' portid='03a5' bridge='br0'/>", "type='bridge'"],
    ] as const;
    const [definition = '', live = ''] = ends.map(([source, type], index) =>
      capture(index === 0 ? 'gibbon.inactive.xml' : 'gibbon.live.xml')
        .replace("<interface type='bridge'>", `<interface ${type}>`)
        .replace("<source bridge='br0'/>", source),
    );
    const network = {
      [virsh('net-dumpxml', '--inactive', 'lan')]: { stdout: capture('net-default.inactive.xml') },
      [virsh('net-info', 'lan')]: { stdout: capture('net-info.txt') },
    };
    const host = running(() => definition, { ...network, [virsh('dumpxml', 'gibbon')]: { stdout: live } });
    const { warnings } = await virtInstall.check(host, { ...gibbon, networks: [{ network: 'lan' }] });
    expect(warnings).toEqual([open]);
  });

  test('what waits is told of the interface that it is about', async () => {
    const more = nic('default', '52:54:00:00:00:01');
    const host = running((xml) => xml.replace('<interface', `${more}<interface`));
    const { warnings } = await virtInstall.check(host, { ...gibbon, networks: [{ bridge: 'br0' }] });
    expect(warnings).toEqual([open]);
  });
});

describe('known before the first step', () => {
  test.each<[string, (xml: string) => string, Partial<VirtInstallArgs>, string]>([
    [
      'processors beside a topology',
      (xml) => xml.replace('</cpu>', "<topology sockets='1' dies='1' cores='2' threads='1'/></cpu>"),
      { vcpus: 4 },
      'wanted are 4 processors, and its <topology> has 2',
    ],
    [
      'processors of NUMA cells',
      (xml) => xml.replace('</cpu>', "<numa><cell id='0' cpus='0-1' memory='524288'/></numa></cpu>"),
      { vcpus: 4 },
      'its 2 are in NUMA cells',
    ],
    [
      'memory of NUMA cells',
      (xml) => xml.replace('</cpu>', "<numa><cell id='0' cpus='0-1' memory='524288'/></numa></cpu>"),
      { memory: 1024 },
      'wanted are 1024 MiB, and its memory is that of its NUMA cells',
    ],
    [
      'memory beyond the maximum',
      (xml) => xml.replace('<memory', "<maxMemory slots='4' unit='KiB'>1048576</maxMemory><memory"),
      { memory: 2048 },
      'its <maxMemory> is 1024 MiB',
    ],
    [
      'memory that is no number of huge pages',
      (xml) =>
        xml.replace(
          '<memory',
          "<memoryBacking><hugepages><page size='1' unit='G'/></hugepages></memoryBacking><memory",
        ),
      { memory: 1536 },
      'is made of pages of 1024 MiB',
    ],
    [
      'processors that are listed',
      (xml) => xml.replace('<os>', "<vcpus><vcpu id='0' enabled='yes'/></vcpus><os>"),
      { vcpus: 1 },
      'lists each of the 2',
    ],
  ])('%s', async (_what, change, args, message) => {
    const withCpu = (xml: string): string =>
      change(/<cpu [^>]*\/>/.test(xml) ? xml.replace(/<cpu ([^>]*)\/>/, '<cpu $1></cpu>') : xml);
    const host = running(withCpu);
    await expect(plan(host, { ...gibbon, ...args })).rejects.toThrow(message);
    expect(await plan(host, { ...gibbon, vcpus: 2 })).toEqual([]);
  });

  test.each<[string, FakeUses, string]>([
    [
      'a disk that another guest has',
      {
        entries: [['defined', capture('second.inactive.xml')]],
        images: { [disk]: { id: '1:7' }, '/var/lib/libvirt/images/second.img': { id: '1:7' } },
      },
      "and the guest 'second' uses it",
    ],
    [
      'a disk that another guest stands on',
      {
        entries: [['running', capture('second.live.xml')]],
        images: {
          [disk]: { id: '1:7' },
          '/var/lib/libvirt/images/second.img': { id: '1:8', header: headerOn(disk) },
        },
      },
      "and the running guest 'second' stands on it",
    ],
    [
      'a disk that stands on what another guest writes to',
      {
        entries: [['defined', capture('second.inactive.xml')]],
        images: {
          [disk]: { id: '1:7', header: headerOn('second.img') },
          '/var/lib/libvirt/images/second.img': { id: '1:8' },
        },
      },
      "which stands on /var/lib/libvirt/images/second.img, and the guest 'second' uses it",
    ],
  ])('%s', async (_what, uses, message) => {
    await expect(plan(fresh({}, parts, uses), gibbon)).rejects.toThrow(MissingError);
    await expect(plan(fresh({}, parts, uses), gibbon)).rejects.toThrow(message);
  });

  describe('what the host cannot give', () => {
    const ask = virsh('domcapabilities', '--virttype', 'qemu');
    const capable: Record<string, FakeAnswer> = {
      [ask]: { stdout: capture('domcapabilities.xml') },
      '/usr/bin/qemu-system-x86_64 -device help': { stdout: capture('qemu-device-help.txt') },
    };
    const off = capture('gibbon.dominfo.txt').replace('running', 'shut off');

    test.each<[Partial<VirtInstallArgs>, string]>([
      [{ networks: [{ bridge: 'br0', model: 'e100' }] }, "has no network card 'e100' (is it 'e1000'?)"],
      [{ networks: [{ bridge: 'br0', model: 'virtoi' }] }, "has no network card 'virtoi' (is it 'virtio'?)"],
      [{ disks: [{ path: disk, bus: 'virito' }] }, "has no bus 'virito' (is it 'virtio'?)"],
      [{ vcpus: 256 }, 'wanted are 256 processors, and QEMU on this host gives a guest 255 at most'],
    ])('%j', async (args, message) => {
      await expect(plan(fresh(capable), { ...gibbon, ...args })).rejects.toThrow(message);
    });

    test.each(['virtio', 'e1000', 'e1000-82540em', 'virtio-non-transitional', 'rtl8139'])(
      'but a card %s',
      async (model) => {
        expect(await plan(fresh(capable), { ...gibbon, networks: [{ bridge: 'br0', model }] })).toHaveLength(1);
      },
    );

    test('a card for a guest that is there, whose next start would fail', async () => {
      const networks = [{ bridge: 'br0', model: 'nosuch' }];
      const host = running(undefined, { ...capable, [virsh('dominfo', 'gibbon')]: { stdout: off } });
      await expect(plan(host, { ...gibbon, networks })).rejects.toThrow("has no network card 'nosuch'");
    });

    test('a hypervisor', async () => {
      const stderr =
        "error: failed to get emulator capabilities\nerror: invalid argument: KVM is not supported by '/usr/bin/qemu-system-x86_64' on this host\n";
      const host = fresh({ [virsh('domcapabilities', '--virttype', 'kvm')]: { exitCode: 1, stderr } });
      await expect(plan(host, { ...gibbon, virtType: 'kvm' })).rejects.toThrow(
        /cannot run guests of the type 'kvm': .*virtType: 'qemu' works without KVM/,
      );
    });
  });

  test('a volume that its pool does not list is taken in first', async () => {
    const pool = {
      [virsh('pool-dumpxml', 'default')]: { stdout: capture('pool-default.xml') },
      [virsh('pool-info', 'default')]: { stdout: capture('pool-info.txt') },
      [virsh('vol-path', 'gibbon-centos74.img', '--pool', 'default')]: notFound('vol', 'gibbon-centos74.img'),
    };
    const args = { ...gibbon, disks: [{ pool: 'default', volume: 'gibbon-centos74.img' }] };
    expect((await plan(fresh(pool), args))[0]).toBe('virsh -c qemu:///system pool-refresh default');
    const listed = {
      ...pool,
      [virsh('vol-path', 'gibbon-centos74.img', '--pool', 'default')]: { stdout: `${disk}\n` },
    };
    expect(await plan(fresh(listed), args)).toHaveLength(1);
  });

  test('a pool that cannot be used', async () => {
    const inactive = {
      [virsh('pool-dumpxml', 'default')]: { stdout: capture('pool-default.xml') },
      [virsh('pool-info', 'default')]: { stdout: capture('pool-info.txt').replace('running', 'inactive') },
    };
    const args = { ...gibbon, disks: [{ pool: 'default', volume: 'gibbon-centos74.img' }] };
    await expect(plan(fresh(inactive), args)).rejects.toThrow("the storage pool 'default' is not active");
  });
});

describe('plan: removal', () => {
  const absent = { name: 'gibbon', state: 'absent' } as const;

  test('stops a running guest only where that is allowed, and leaves its disks', async () => {
    await expect(plan(running(), absent)).rejects.toThrow("disrupts: ['guest']");
    expect(await plan(running(), { ...absent, disrupts: ['guest'] })).toEqual([
      'virsh -c qemu:///system destroy gibbon',
      'virsh -c qemu:///system undefine gibbon',
    ]);
  });

  test('takes the settings of its firmware along', async () => {
    const off = capture('gibbon.dominfo.txt').replace('running', 'shut off');
    const nvram = '<nvram>/var/lib/libvirt/qemu/nvram/gibbon_VARS.fd</nvram></os>';
    const host = running((xml) => xml.replace('</os>', nvram), { [virsh('dominfo', 'gibbon')]: { stdout: off } });
    expect(await plan(host, absent)).toEqual(['virsh -c qemu:///system undefine gibbon --nvram']);
  });

  /** What virsh says of a guest that has been given things to lose. */
  const keepsakes = (isSaved: boolean): Record<string, FakeAnswer> => ({
    [virsh('snapshot-list', '--name', 'gibbon')]: { stdout: 's1\ns 2\n\n' },
    [virsh('checkpoint-list', '--name', 'gibbon')]: { stdout: 'c1\n\n' },
    [virsh('dominfo', 'gibbon')]: {
      stdout: capture('gibbon.dominfo.txt').replace(/(Managed save: +)no/, `$1${isSaved ? 'yes' : 'no'}`),
    },
  });

  test('names all words at once that it needs, before it stops the guest', async () => {
    const host = running(undefined, keepsakes(true));
    await expect(virtInstall.apply(host, { ...absent, disrupts: ['guest'] })).rejects.toThrow(
      "'virsh -c qemu:///system managedsave-remove gibbon' would discard the saved state of a guest, " +
        "'virsh -c qemu:///system undefine gibbon --snapshots-metadata --checkpoints-metadata' would discard snapshots of a guest; " +
        "a task that may do so says disrupts: ['guest', 'saved-state', 'snapshots']",
    );
    expect(host.executed).toEqual([]);
    expect(
      await plan(running(undefined, keepsakes(true)), { ...absent, disrupts: ['guest', 'saved-state', 'snapshots'] }),
    ).toEqual([
      'virsh -c qemu:///system managedsave-remove gibbon',
      'virsh -c qemu:///system destroy gibbon',
      'virsh -c qemu:///system undefine gibbon --snapshots-metadata --checkpoints-metadata',
    ]);
  });

  test('takes the state of its TPM only where data may be destroyed, and firmware that libvirt has chosen along', async () => {
    const host = running(
      (xml) =>
        xml
          .replace('<os>', "<os firmware='efi'>")
          .replace('</devices>', "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm></devices>"),
      keepsakes(false),
    );
    const disrupts = ['guest', 'snapshots'] as const;
    await expect(plan(host, { ...absent, disrupts })).rejects.toThrow('would destroy data');
    expect(await plan(host, { ...absent, disrupts: [...disrupts, 'data'] })).toContain(
      'virsh -c qemu:///system undefine gibbon --snapshots-metadata --checkpoints-metadata --nvram',
    );
  });

  test('finds what it has to lose while the daemon sleeps', async () => {
    const host = new FakeHost({
      commands: { [askSystemd]: libvirtd('inactive', 'active') },
      files: {
        '/etc/libvirt/qemu/gibbon.xml': capture('gibbon.file.xml'),
        '/run/libvirt/qemu/autostarted': '',
        '/var/lib/libvirt/qemu/save/gibbon.save': '',
        '/var/lib/libvirt/qemu/snapshot/gibbon/s1.xml': '',
      },
    });
    expect(await plan(host, { ...absent, disrupts: ['saved-state', 'snapshots'] })).toEqual([
      'virsh -c qemu:///system managedsave-remove gibbon',
      'virsh -c qemu:///system undefine gibbon --snapshots-metadata',
    ]);
  });

  test('is nothing where there is none', async () => {
    expect((await virtInstall.check(fresh(), absent)).changed).toBe(false);
  });
});

test('round trip: check writes nothing, apply changes, apply again is ok', async () => {
  const host = new FakeHost({
    answer: answerUses({}),
    files: parts,
    commands: Object.fromEntries(fresh().commands),
    onStep: (_argv, self) => {
      for (const [line, answer] of Object.entries(gibbonAnswers())) self.commands.set(line, answer);
      return {};
    },
  });
  expect((await virtInstall.check(host, gibbon)).changed).toBe(true);
  expect(host.executed).toEqual([]);
  expect((await virtInstall.apply(host, gibbon)).changed).toBe(true);
  expect((await virtInstall.apply(host, gibbon)).changed).toBe(false);
  expect(host.executed).toHaveLength(1);
});
