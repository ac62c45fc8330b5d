import { describe, expect, test } from '@jest/globals';
import { ArgumentError, MissingError, UnsupportedChangeError } from '../../lib/errors.ts';
import { type FakeAnswer, FakeHost } from '../../lib/testing/index.ts';
import { type VirshVolumeArgs, virshVolume } from '../../modules/virsh_volume.ts';
import { virtInstall } from '../../modules/virt_install.ts';
import { answerUses, type FakeUses, headerOn } from '../support/image_uses.ts';
import { askSystemd, capture, gibbonAnswers, libvirtd, notFound, virsh } from '../support/libvirt_captures.ts';
import { runEvents } from '../support/plans.ts';

const file = '/var/lib/libvirt/images/gibbon-centos74.img';
const gibbon = { pool: 'default', name: 'gibbon-centos74.img', capacity: '8G', format: 'qcow2' } as const;
const askXml = virsh('vol-dumpxml', 'gibbon-centos74.img', '--pool', 'default');
const askPath = virsh('vol-path', 'gibbon-centos74.img', '--pool', 'default');
const askImage = `qemu-img info --force-share --output=json ${file}`;
const there: Record<string, FakeAnswer> = {
  [askXml]: { stdout: capture('vol-gibbon.xml') },
  [askPath]: { stdout: `${file}\n\n` },
};
const unknown: Record<string, FakeAnswer> = {
  [askXml]: notFound('vol', gibbon.name),
  [askPath]: notFound('vol', gibbon.name),
};
/** As `qemu-img info` of QEMU 7.2 answers. */
const image: FakeAnswer = {
  stdout: `{ "virtual-size": ${8 * 2 ** 30}, "filename": "${file}", "cluster-size": 65536, "format": "qcow2", "actual-size": 200704 }`,
};
const images = { [file]: { id: '1:7' } };
const oneGuest: FakeUses = {
  entries: [
    ['running', capture('gibbon.live.xml')],
    ['defined', capture('gibbon.inactive.xml')],
    ['pool', capture('pool-default.xml')],
  ],
  images,
};

function hostWith(
  commands: Record<string, FakeAnswer>,
  files: readonly string[] = [],
  uses: FakeUses = { images },
): FakeHost {
  return new FakeHost({
    answer: answerUses(uses),
    files: Object.fromEntries(['/var/lib/libvirt/images/x', ...files].map((path) => [path, ''])),
    commands: {
      [askSystemd]: libvirtd('active', 'active'),
      [virsh('pool-dumpxml', 'default')]: { stdout: capture('pool-default.xml') },
      [virsh('pool-info', 'default')]: { stdout: capture('pool-info.txt') },
      ...commands,
    },
  });
}

async function plan(host: FakeHost, args: Parameters<typeof virshVolume.check>[1]): Promise<readonly string[]> {
  const { steps } = await virshVolume.check(host, args);
  return steps.map((step) => (step.kind === 'command' ? step.argv.slice(3).join(' ') : step.kind));
}

describe('desired', () => {
  test.each<[VirshVolumeArgs, string]>([
    [{ name: 'a.img', capacity: '8 G' }, `'capacity': "8 G" is no size; write a whole number of bytes`],
    [{ name: 'a.img', capacity: '-1' }, 'is no size'],
    [{ name: 'a.img', capacity: '1.5G' }, 'is no size'],
    [{ name: 'a.img', capacity: 1.5 }, 'is no size'],
    [{ name: 'a.img', capacity: 0 }, 'more than 0 bytes'],
    [{ name: 'a.img' }, "'capacity' is missing"],
    [
      { name: 'a.img', state: 'absent', capacity: '8G' },
      "'capacity' means nothing beside state: 'absent'; leave it out",
    ],
    [{ name: 'a.img', state: 'absent', format: 'raw', allocation: 0 }, "'format', 'allocation' mean nothing beside"],
    [{ name: '../a.img', capacity: '8G' }, 'no slash'],
    [{ name: '-a.img', capacity: '8G' }, 'dash'],
    [{ name: '..', capacity: '8G' }, 'that of a file'],
    [{ name: 'a\n.img', capacity: '8G' }, 'control characters'],
  ])('refuses %j', (args, message) => {
    expect(() => virshVolume(args)).toThrow(ArgumentError);
    expect(() => virshVolume(args)).toThrow(message);
  });

  test.each<[VirshVolumeArgs['capacity'] & (string | number)]>([['8G'], ['8GiB'], ['8192M'], [8 * 2 ** 30]])(
    'takes %j for one and the same size',
    async (capacity) => {
      expect((await virshVolume.check(hostWith(there), { ...gibbon, capacity })).changed).toBe(false);
    },
  );

  test.each([
    [1_000_000_000, 1_000_000_512],
    [1_000_000_001, 1_000_000_512],
    [1_000_000_000, 1_000_000_000],
  ])('takes %d bytes for so, where libvirt and QEMU have rounded qcow2 up to %d', async (capacity, actual) => {
    const xml = capture('vol-gibbon.xml').replace(String(8 * 2 ** 30), String(actual));
    const host = hostWith({ ...there, [askXml]: { stdout: xml } });
    expect((await virshVolume.check(host, { ...gibbon, capacity })).changed).toBe(false);
  });

  test('provides the volume', () => {
    expect(virshVolume(gibbon).provides).toEqual(['volume:gibbon-centos74.img']);
    expect(virshVolume({ name: 'a', state: 'absent' }).provides).toEqual(['no volume:a']);
  });
});

describe('read', () => {
  test('misses the pool, and plans all the same', async () => {
    const commands = {
      ...unknown,
      [virsh('pool-dumpxml', 'default')]: notFound('pool', 'default'),
      [virsh('pool-info', 'default')]: notFound('pool', 'default'),
    };
    const reading = await virshVolume(gibbon).read(hostWith(commands).reader);
    expect(reading.missing).toMatchObject([{ key: 'pool:default', what: "there is no storage pool 'default'" }]);
    expect(reading.plan([])).toHaveLength(1);
    expect(
      (
        await virshVolume({ name: 'a', state: 'absent' }).read(
          hostWith({
            ...commands,
            [virsh('vol-dumpxml', 'a', '--pool', 'default')]: notFound('pool', 'default'),
            [virsh('vol-path', 'a', '--pool', 'default')]: notFound('pool', 'default'),
          }).reader,
        )
      ).missing,
    ).toEqual([]);
  });

  test('misses a pool that is not active', async () => {
    const host = hostWith({
      ...unknown,
      [virsh('pool-info', 'default')]: { stdout: capture('pool-info.txt').replace('running', 'inactive') },
    });
    const { missing } = await virshVolume(gibbon).read(host.reader);
    expect(missing).toMatchObject([{ key: 'pool:default', what: "the storage pool 'default' is not active" }]);
  });

  test('misses the directory of an active pool, unless nothing is to be in it', async () => {
    const host = hostWith(unknown);
    host.files.clear();
    expect((await virshVolume(gibbon).read(host.reader)).missing).toMatchObject([
      { key: 'pool:default', what: expect.stringContaining('there is no directory /var/lib/libvirt/images') },
    ]);
    const absent = { pool: 'default', name: gibbon.name, state: 'absent' } as const;
    expect((await virshVolume(absent).read(host.reader)).missing).toEqual([]);
  });

  test('asks in one turn, and not for guests where nothing differs', async () => {
    const host = hostWith(there);
    expect((await virshVolume(gibbon).read(host.reader)).differences).toEqual([]);
    expect(host.asked).toEqual([
      askSystemd,
      virsh('pool-dumpxml', 'default'),
      virsh('pool-info', 'default'),
      askXml,
      askPath,
    ]);
  });

  test('looks at the file while the daemon sleeps', async () => {
    const host = new FakeHost({
      commands: { [askSystemd]: libvirtd('inactive', 'active'), [askImage]: image },
      files: {
        '/etc/libvirt/storage/default.xml': capture('pool-default.file.xml'),
        '/run/libvirt/storage/default.xml': capture('pool-default.status.xml'),
        [file]: '',
      },
    });
    const { differences, missing } = await virshVolume(gibbon).read(host.reader);
    expect({ differences, missing }).toEqual({ differences: [], missing: [] });
    expect(host.asked).toEqual([askSystemd, askImage]);
  });

  test('misses qemu-img where only a file could tell the size', async () => {
    const host = new FakeHost({
      tools: ['virsh'],
      commands: {
        [askSystemd]: libvirtd('active', 'active'),
        ...Object.fromEntries(hostWith({ ...unknown }).commands),
      },
      files: { [file]: '' },
    });
    expect((await virshVolume(gibbon).read(host.reader)).missing).toMatchObject([{ key: 'tool:qemu-img' }]);
  });
});

describe('plan', () => {
  test('makes the volume as one would by hand', async () => {
    const { steps } = await virshVolume.check(hostWith(unknown), { ...gibbon, capacity: '8G' });
    expect(steps).toMatchObject([
      {
        argv: [
          'virsh',
          '-c',
          'qemu:///system',
          'vol-create-as',
          'default',
          'gibbon-centos74.img',
          '8G',
          '--format',
          'qcow2',
        ],
      },
    ]);
  });

  test('takes what is to be allocated along', async () => {
    expect(await plan(hostWith(unknown), { ...gibbon, format: 'raw', allocation: 0 })).toEqual([
      'vol-create-as default gibbon-centos74.img 8G --format raw --allocation 0B',
    ]);
  });

  test('has libvirt look where a file is gone that it still lists', async () => {
    const host = hostWith({ ...unknown, [askPath]: { stdout: `${file}\n` } });
    expect(await plan(host, gibbon)).toEqual([
      'pool-refresh default',
      'vol-create-as default gibbon-centos74.img 8G --format qcow2',
    ]);
  });

  test('takes in a file that libvirt has not seen, and overwrites nothing', async () => {
    const host = hostWith({ ...unknown, [askImage]: image }, [file]);
    expect(await plan(host, gibbon)).toEqual(['pool-refresh default']);
    expect(await plan(host, { ...gibbon, capacity: '10G' })).toEqual([
      'pool-refresh default',
      'vol-resize gibbon-centos74.img 10G --pool default',
    ]);
  });

  test('grows it, under a running guest through that', async () => {
    const bigger = { ...gibbon, capacity: '10G' };
    expect(await plan(hostWith(there), bigger)).toEqual(['vol-resize gibbon-centos74.img 10G --pool default']);
    expect(await plan(hostWith(there, [], oneGuest), bigger)).toEqual([`blockresize gibbon ${file} 10G`]);
  });

  test('shrinks it only where data may be destroyed, and never under a running guest', async () => {
    const smaller = { ...gibbon, capacity: '6G' };
    await expect(plan(hostWith(there), smaller)).rejects.toThrow("disrupts: ['data']");
    expect(await plan(hostWith(there), { ...smaller, disrupts: ['data'] })).toEqual([
      'vol-resize gibbon-centos74.img 6G --pool default --shrink',
    ]);
    const inUse = plan(hostWith(there, [], oneGuest), { ...smaller, disrupts: ['data'] });
    await expect(inUse).rejects.toThrow("the running guest 'gibbon' uses it");
  });

  test('does not cut a raw volume below what is on disk', async () => {
    const xml = capture('vol-gibbon.xml')
      .replace("type='qcow2'", "type='raw'")
      .replace('>200704<', `>${7 * 2 ** 30}<`);
    const host = hostWith({ ...there, [askXml]: { stdout: xml } });
    const change = plan(host, { ...gibbon, format: 'raw', capacity: '6G', disrupts: ['data'] });
    await expect(change).rejects.toThrow('7G of it are on disk');
  });

  test('keeps the format', async () => {
    const change = plan(hostWith(there), { ...gibbon, format: 'raw' });
    await expect(change).rejects.toThrow(UnsupportedChangeError);
    await expect(change).rejects.toThrow('is there as qcow2, wanted is raw');
  });

  test('leaves the format alone where the task does not name one, and makes a new volume qcow2', async () => {
    const { format: _, ...open } = gibbon;
    const raw = { [askXml]: { stdout: capture('vol-gibbon.xml').replace("type='qcow2'", "type='raw'") } };
    expect((await virshVolume.check(hostWith({ ...there, ...raw }), open)).changed).toBe(false);
    expect(await plan(hostWith({ ...there, ...raw }), { ...open, capacity: '10G' })).toEqual([
      'vol-resize gibbon-centos74.img 10G --pool default',
    ]);
    expect(await plan(hostWith(unknown), open)).toEqual([
      'vol-create-as default gibbon-centos74.img 8G --format qcow2',
    ]);
  });

  test('takes nothing for rounded in a raw volume, whose size is exact', async () => {
    const { format: _, ...open } = gibbon;
    const xml = capture('vol-gibbon.xml')
      .replace("type='qcow2'", "type='raw'")
      .replace(String(8 * 2 ** 30), String(8 * 2 ** 30 + 512));
    const host = hostWith({ ...there, [askXml]: { stdout: xml } });
    expect((await virshVolume.check(host, { ...open, disrupts: ['data'] })).differences).toMatchObject([
      { path: 'capacity', wanted: '8G' },
    ]);
  });

  test('removes it only where data may be destroyed, and not from under a guest', async () => {
    const absent = { pool: 'default', name: gibbon.name, state: 'absent' } as const;
    await expect(plan(hostWith(there), absent)).rejects.toThrow("disrupts: ['data']");
    expect(await plan(hostWith(there), { ...absent, disrupts: ['data'] })).toEqual([
      'vol-delete gibbon-centos74.img --pool default',
    ]);
    await expect(plan(hostWith(there, [], oneGuest), { ...absent, disrupts: ['data'] })).rejects.toThrow(
      'is to be removed',
    );
    expect((await virshVolume.check(hostWith(unknown), absent)).changed).toBe(false);
  });
});

describe('plan: who uses it', () => {
  const absent = { pool: 'default', name: gibbon.name, state: 'absent', disrupts: ['data'] } as const;
  const bigger = { ...gibbon, capacity: '10G' };
  const smaller = { ...gibbon, capacity: '6G', disrupts: ['data'] } as const;
  const off: FakeUses = { ...oneGuest, entries: oneGuest.entries?.filter(([kind]) => kind !== 'running') ?? [] };
  const saved: FakeUses = { ...off, entries: [...(off.entries ?? []), ['saved', capture('gibbon.inactive.xml')]] };
  const snapshot = `<domainsnapshot><name>s1</name>${capture('gibbon.inactive.xml')}</domainsnapshot>`;
  const kept: FakeUses = { ...off, entries: [...(off.entries ?? []), ['snapshot', snapshot]] };
  const below: FakeUses = {
    entries: [['pool', capture('pool-default.xml')]],
    images: { ...images, '/var/lib/libvirt/images/over.qcow2': { id: '1:8', header: headerOn(gibbon.name) } },
  };
  const opened: FakeUses = { images, processes: '77 qemu-nbd\n' };

  test.each<[string, FakeUses, string]>([
    ['a guest that is off', off, "and the guest 'gibbon' uses it: remove the guest first"],
    ['a managed save', saved, "the saved state of the guest 'gibbon' uses it"],
    ['a snapshot', kept, "the snapshot 's1' of the guest 'gibbon' uses it"],
    ['an image on it', below, 'the image /var/lib/libvirt/images/over.qcow2 stands on it'],
    ['a process', opened, 'the process 77 (qemu-nbd) uses it'],
  ])('is not removed while there is %s', async (_what, uses, message) => {
    const change = virshVolume.apply(hostWith(there, [], uses), absent);
    await expect(change).rejects.toThrow(MissingError);
    await expect(change).rejects.toThrow(`the volume '${gibbon.name}' is to be removed, and`);
    await expect(change).rejects.toThrow(message);
  });

  test('shrinks for a guest that is off, and for nobody who remembers its size', async () => {
    expect(await plan(hostWith(there, [], off), smaller)).toEqual([
      'vol-resize gibbon-centos74.img 6G --pool default --shrink',
    ]);
    for (const uses of [saved, kept, below, opened]) {
      await expect(plan(hostWith(there, [], uses), smaller)).rejects.toThrow('is to shrink to 6G, and');
    }
  });

  test('grows for a guest that is off, and not below another image or behind a saved state', async () => {
    expect(await plan(hostWith(there, [], off), bigger)).toHaveLength(1);
    expect(await plan(hostWith(there, [], kept), bigger)).toHaveLength(1);
    for (const uses of [saved, below, opened]) {
      await expect(plan(hostWith(there, [], uses), bigger)).rejects.toThrow('is to grow to 10G, and');
    }
  });

  test('tells every running guest that it has grown, by the name that each has for it', async () => {
    const other = capture('second.live.xml').replace(/<source file='[^']*'/, "<source file='/srv/link.img'");
    const uses: FakeUses = {
      entries: [...(oneGuest.entries ?? []), ['running', other]],
      images: { ...images, '/srv/link.img': { id: '1:7' } },
    };
    expect(await plan(hostWith(there, [], uses), bigger)).toEqual([
      `blockresize gibbon ${file} 10G`,
      'blockresize second /srv/link.img 10G',
    ]);
  });

  test('does not resize an old image with snapshots inside', async () => {
    const uses: FakeUses = { images: { [file]: { id: '1:7', header: headerOn('', { version: 2, snapshots: 2 }) } } };
    const change = plan(hostWith(there, [], uses), bigger);
    await expect(change).rejects.toThrow('of version 2 with 2 snapshots inside, which QEMU does not resize');
  });

  test('is removed in one play with the guest that has it', async () => {
    const host = hostWith({ ...there, ...gibbonAnswers() }, [], oneGuest);
    const guest = virtInstall({ name: 'gibbon', state: 'absent', disrupts: ['guest'] });
    const ends = (await runEvents(host, [guest, virshVolume(absent)], { check: true })).flatMap((event) =>
      event.type === 'task-end' ? [event.status] : [],
    );
    expect(ends).toEqual(['changed', 'changed']);
  });
});

test('round trip: check writes nothing, apply changes, apply again is ok', async () => {
  const host = new FakeHost({
    files: { '/var/lib/libvirt/images/x': '' },
    commands: Object.fromEntries(hostWith(unknown).commands),
    onStep: (_argv, self) => {
      for (const [line, answer] of Object.entries(there)) self.commands.set(line, answer);
      return {};
    },
  });
  expect((await virshVolume.check(host, gibbon)).changed).toBe(true);
  expect(host.executed).toEqual([]);
  expect((await virshVolume.apply(host, gibbon)).changed).toBe(true);
  expect((await virshVolume.apply(host, gibbon)).changed).toBe(false);
  expect(host.executed).toHaveLength(1);
});
