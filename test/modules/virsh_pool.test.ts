import { describe, expect, test } from '@jest/globals';
import { ArgumentError, MissingError, UnsupportedChangeError } from '../../lib/errors.ts';
import { type FakeAnswer, FakeHost } from '../../lib/testing/index.ts';
import { virshPool } from '../../modules/virsh_pool.ts';
import { askSystemd, capture, libvirtd, notFound, unit, virsh } from '../support/libvirt_captures.ts';

const images = '/var/lib/libvirt/images';
/** A directory is there when something is in it. */
const directory = { [`${images}/x`]: '' };
const wanted = { type: 'dir', path: images, directory: 'present', persistent: true, active: true, autostart: true };
const askXml = virsh('pool-dumpxml', 'default');
const askInfo = virsh('pool-info', 'default');

function awake(xml: FakeAnswer = { stdout: capture('pool-default.xml') }, info = capture('pool-info.txt')): FakeHost {
  return new FakeHost({
    files: directory,
    commands: {
      [askSystemd]: libvirtd('active', 'active'),
      [askXml]: xml,
      [askInfo]: xml.exitCode === 1 ? xml : { stdout: info },
    },
  });
}

const files = {
  definition: { '/etc/libvirt/storage/default.xml': capture('pool-default.file.xml') },
  status: { '/run/libvirt/storage/default.xml': capture('pool-default.status.xml') },
  autostart: { '/etc/libvirt/storage/autostart/default.xml': capture('pool-default.file.xml') },
  autostarted: { '/run/libvirt/storage/autostarted': '' },
};

function asleep(found: Record<string, string>, systemd: FakeAnswer = libvirtd('inactive', 'active')): FakeHost {
  return new FakeHost({ files: { ...directory, ...found }, commands: { [askSystemd]: systemd } });
}

function argvs(steps: readonly unknown[]): unknown[] {
  return steps.map((step) => (typeof step === 'object' && step !== null && 'argv' in step ? step.argv : step));
}

describe('desired', () => {
  test.each([
    [{ name: 'isos' }, "the argument 'path' is missing"],
    [{ name: '../x', path: '/x' }, 'letters, digits'],
    [{ name: '-f', path: '/x' }, 'letters, digits'],
    [{ name: 'isos', path: 'srv' }, 'absolute path'],
    [{ name: 'isos', path: '/srv/../etc' }, 'absolute path'],
    [{ name: 'isos', path: '/srv/' }, 'absolute path'],
    [{ name: 'isos', path: '/srv', connect: 'qemu+ssh://other/system' }, 'another machine is a host of its own'],
  ])('refuses %j', (args, message) => {
    expect(() => virshPool(args)).toThrow(ArgumentError);
    expect(() => virshPool(args)).toThrow(message);
  });

  test('provides the pool', () => {
    expect(virshPool({ name: 'default' }).provides).toEqual(['pool:default']);
  });
});

describe('read', () => {
  test('asks virsh where the daemon runs', async () => {
    const reading = await virshPool({ name: 'default' }).read(awake().reader);
    expect(reading).toMatchObject({ differences: [], missing: [] });
  });

  test('says that there is no such pool', async () => {
    const { differences, missing } = await virshPool({ name: 'default' }).read(
      awake(notFound('pool', 'default')).reader,
    );
    expect(differences.map(({ path, actual }) => [path, actual])).toEqual(
      Object.keys(wanted).flatMap((path) => (path === 'directory' ? [] : [[path, undefined]])),
    );
    expect(missing).toEqual([]);
  });

  test('throws what else virsh complains of', async () => {
    const host = awake({ exitCode: 1, stderr: 'error: failed to connect to the hypervisor\n' });
    await expect(virshPool({ name: 'default' }).read(host.reader)).rejects.toThrow('failed to connect');
  });

  test('takes no failure of another kind for an answer', async () => {
    const host = awake({ exitCode: 127, stderr: 'sh: virsh: not found\n' });
    await expect(virshPool({ name: 'default' }).read(host.reader)).rejects.toThrow('virsh: not found');
  });

  test('misses nothing where a daemon runs without a socket, nor where the modular ones only are installed beside it', async () => {
    const host = awake(notFound('pool', 'default'));
    const modular = ['virtqemud', 'virtnetworkd', 'virtstoraged'].flatMap((name) => [
      unit(`${name}.service`, 'loaded', 'inactive'),
      unit(`${name}.socket`, 'loaded', 'inactive'),
    ]);
    const own = [unit('libvirtd.service', 'loaded', 'active'), unit('libvirtd.socket', 'loaded', 'inactive')];
    host.commands.set(askSystemd, { stdout: [...own, ...modular].join('\n') });
    expect((await virshPool({ name: 'default' }).read(host.reader)).missing).toEqual([]);
    expect(host.asked).toContain(askXml);
  });

  test('wakes no daemon that sleeps, and sees the same', async () => {
    const host = asleep({ ...files.definition, ...files.status, ...files.autostart, ...files.autostarted });
    const { differences, missing } = await virshPool({ name: 'default' }).read(host.reader);
    expect({ differences, missing }).toEqual({ differences: [], missing: [] });
    expect(host.asked).toEqual([askSystemd]);
  });

  test.each([
    ['stopped', { ...files.definition, ...files.autostart, ...files.autostarted }, ['active']],
    ['started by the daemon as soon as it wakes', { ...files.definition, ...files.autostart }, []],
    ['defined only', { ...files.definition, ...files.autostarted }, ['active', 'autostart']],
    ['transient', { ...files.status, ...files.autostarted }, ['persistent', 'autostart']],
  ])('sees a pool that is %s in the files', async (_what, found, paths) => {
    const { differences } = await virshPool({ name: 'default' }).read(asleep(found).reader);
    expect(differences.map(({ path }) => path)).toEqual(paths);
  });

  test('misses the daemon only where something is to be done', async () => {
    const down = libvirtd('inactive', 'inactive');
    const all = { ...files.definition, ...files.status, ...files.autostart };
    expect((await virshPool({ name: 'default' }).read(asleep(all, down).reader)).missing).toEqual([]);
    expect((await virshPool({ name: 'default' }).read(asleep({}, down).reader)).missing).toMatchObject([
      { key: 'unit:libvirtd' },
    ]);
  });

  test('lists tool and daemon at once on a host without libvirt', async () => {
    const commands = { [askSystemd]: libvirtd('inactive', 'inactive', 'not-found') };
    const { missing } = await virshPool({ name: 'default' }).read(new FakeHost({ tools: [], commands }).reader);
    expect(missing).toMatchObject([
      { key: 'tool:virsh' },
      { key: 'unit:libvirtd', what: 'there is no libvirtd on the host' },
    ]);
  });

  test('knows the modular daemons', async () => {
    const units = ['virtqemud', 'virtnetworkd', 'virtstoraged'].flatMap((name) => [
      unit(`${name}.service`, 'loaded', 'inactive'),
      unit(`${name}.socket`, 'loaded', name === 'virtstoraged' ? 'inactive' : 'active'),
    ]);
    const systemd = {
      stdout: [
        unit('libvirtd.service', 'not-found', 'inactive'),
        unit('libvirtd.socket', 'not-found', 'inactive'),
        ...units,
      ].join('\n'),
    };
    const host = asleep({}, systemd);
    expect((await virshPool({ name: 'default' }).read(host.reader)).missing).toMatchObject([
      { key: 'unit:virtstoraged' },
    ]);
    expect(host.asked).toEqual([askSystemd]);
  });

  test('asks virsh on a host without systemd whose daemon listens', async () => {
    const host = awake();
    host.commands.delete(askSystemd);
    host.files.set('/var/run/libvirt/libvirt-sock', '');
    const { differences } = await virshPool({ name: 'default' }).read(host.reader);
    expect(differences).toEqual([]);
    expect(host.asked).toContain(askXml);
  });
});

describe('plan', () => {
  test('defines, builds, starts and has it started', async () => {
    const host = awake(notFound('pool', 'default'));
    host.files.clear();
    const { steps } = await virshPool.check(host, { name: 'default' });
    expect(argvs(steps)).toEqual([
      ['virsh', '-c', 'qemu:///system', 'pool-define-as', 'default', 'dir', '--target', '/var/lib/libvirt/images'],
      ['virsh', '-c', 'qemu:///system', 'pool-build', 'default'],
      ['virsh', '-c', 'qemu:///system', 'pool-start', 'default'],
      ['virsh', '-c', 'qemu:///system', 'pool-autostart', 'default'],
    ]);
  });

  test('builds no directory that is there', async () => {
    const host = awake(undefined, capture('pool-info.txt').replace('running', 'inactive'));
    const { steps } = await virshPool.check(host, { name: 'default' });
    expect(argvs(steps)).toEqual([['virsh', '-c', 'qemu:///system', 'pool-start', 'default']]);
  });

  test('builds a directory that was taken away below the active pool, which has to stop for it', async () => {
    const host = awake();
    host.files.clear();
    const { steps, differences } = await virshPool.check(host, { name: 'default' });
    expect(differences).toEqual([{ path: 'directory', wanted: 'present', actual: 'absent' }]);
    expect(argvs(steps)).toEqual([
      ['virsh', '-c', 'qemu:///system', 'pool-destroy', 'default'],
      ['virsh', '-c', 'qemu:///system', 'pool-build', 'default'],
      ['virsh', '-c', 'qemu:///system', 'pool-start', 'default'],
    ]);
    expect((await virshPool.check(host, { name: 'default', active: false })).differences).toHaveLength(1);
  });

  test('counts on no daemon to start a pool whose directory is gone', async () => {
    const host = asleep({ ...files.definition, ...files.autostart });
    host.files.delete(`${images}/x`);
    const { steps } = await virshPool.check(host, { name: 'default' });
    expect(argvs(steps)).toEqual([
      ['virsh', '-c', 'qemu:///system', 'pool-build', 'default'],
      ['virsh', '-c', 'qemu:///system', 'pool-start', 'default'],
    ]);
  });

  test('takes no file for a directory', async () => {
    const host = awake(notFound('pool', 'default'));
    host.files.clear();
    host.files.set(images, '');
    await expect(virshPool.check(host, { name: 'default' })).rejects.toThrow('and that is not a directory');
  });

  test('stops it and leaves it off', async () => {
    const { steps } = await virshPool.check(awake(), { name: 'default', active: false, autostart: false });
    expect(argvs(steps)).toEqual([
      ['virsh', '-c', 'qemu:///system', 'pool-destroy', 'default'],
      ['virsh', '-c', 'qemu:///system', 'pool-autostart', 'default', '--disable'],
    ]);
  });

  test('moves no pool to another path', async () => {
    const change = virshPool.check(awake(), { name: 'default', path: '/srv/images' });
    await expect(change).rejects.toThrow(UnsupportedChangeError);
    await expect(change).rejects.toThrow("is a 'dir' at /var/lib/libvirt/images, wanted is a 'dir' at /srv/images");
  });

  test('defines no transient pool a second time', async () => {
    const host = awake(undefined, capture('pool-info.txt').replace('Persistent:     yes', 'Persistent:     no'));
    await expect(virshPool.check(host, { name: 'default' })).rejects.toThrow('was never defined');
  });

  test('is refused where the daemon is down', async () => {
    const host = asleep({}, libvirtd('inactive', 'inactive'));
    await expect(virshPool.apply(host, { name: 'default' })).rejects.toThrow(MissingError);
    expect(host.executed).toEqual([]);
  });
});

test('round trip: check writes nothing, apply changes, apply again is ok', async () => {
  const host = new FakeHost({
    commands: {
      [askSystemd]: libvirtd('active', 'active'),
      [askXml]: notFound('pool', 'default'),
      [askInfo]: notFound('pool', 'default'),
    },
    onStep: (argv, self) => {
      self.files.set(`${images}/x`, '');
      if (argv.includes('pool-autostart')) {
        self.commands.set(askXml, { stdout: capture('pool-default.xml') });
        self.commands.set(askInfo, { stdout: capture('pool-info.txt') });
      }
      return {};
    },
  });
  expect((await virshPool.check(host, { name: 'default' })).changed).toBe(true);
  expect(host.executed).toEqual([]);
  expect((await virshPool.apply(host, { name: 'default' })).changed).toBe(true);
  expect(host.executed).toHaveLength(4);
  expect((await virshPool.apply(host, { name: 'default' })).changed).toBe(false);
  expect(host.executed).toHaveLength(4);
});
