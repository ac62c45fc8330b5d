import { beforeAll, describe, expect, test } from '@jest/globals';
import { loadXmlParser } from '../../../lib/formats/libvirt_xml.ts';
import { FakeHost } from '../../../lib/testing/index.ts';
import {
  type ImageUser,
  inTheWay,
  processesWith,
  readImageUses,
  usersOf,
} from '../../../modules/libvirt/image_users.ts';
import { answerUses, type FakeUses, headerOn, type SurveyEntry } from '../../support/image_uses.ts';
import { capture } from '../../support/libvirt_captures.ts';

const images = '/var/lib/libvirt/images';
const base = `${images}/base.qcow2`;
const web = `${images}/web.qcow2`;
const overlay = { id: '1:2', header: capture('overlay.header.hex') };
const pool: SurveyEntry = ['pool', capture('pool-default.xml')];

beforeAll(loadXmlParser);

/** A guest with one disk. */
function guest(name: string, disk: string, more = ''): string {
  return `<domain type='kvm'><name>${name}</name><uuid>0f</uuid>${more}<devices><disk type='file' device='disk'>${disk}<target dev='vda' bus='virtio'/></disk></devices></domain>`;
}

async function users(path: string, uses: FakeUses, uri = 'qemu:///system'): Promise<readonly ImageUser[]> {
  const host = new FakeHost({ answer: answerUses(uses) });
  return usersOf(await readImageUses(host.reader, { uri, look: 'virsh', lacks: [] }, [path]), path);
}

async function names(path: string, uses: FakeUses): Promise<readonly string[]> {
  return (await users(path, uses)).map(({ who, via }) => (via === undefined ? who : `${who} through ${via}`));
}

describe('what stands on an image', () => {
  test.each<[string, SurveyEntry, string]>([
    ['the running guest', ['running', capture('overlay.live.xml')], `the running guest 'web' through its disk vda`],
    [
      'a running guest of a state file',
      ['running', capture('overlay.status.xml')],
      `the running guest 'web' through its disk vda`,
    ],
    ['a guest that is off', ['defined', capture('overlay.inactive.xml')], `the guest 'web' through ${web}`],
    [
      'a managed save',
      ['saved', capture('overlay.managedsave.xml')],
      `the saved state of the guest 'web' through ${web}`,
    ],
    [
      'a snapshot',
      ['snapshot', capture('overlay.snapshot.xml')],
      `the snapshot 's1' of the guest 'web' through ${web}`,
    ],
  ])('is found through %s', async (_what, entry, who) => {
    const uses = { entries: [entry, pool], images: { [base]: { id: '1:1' }, [web]: overlay } };
    expect(await names(base, uses)).toEqual([who, `the image ${web} through ${web}`]);
  });

  test('is found through any number of layers, relative names and links, in pools that no guest uses', async () => {
    const uses = {
      entries: [pool, ['pool', "<pool type='dir'><name>p</name><target><path>/srv/p</path></target></pool>"]] as const,
      images: {
        [base]: { id: '1:1' },
        '/srv/p/../../var/lib/libvirt/images/base.qcow2': { id: '1:1' },
        '/srv/p/one.qcow2': { id: '1:3', header: headerOn('../../var/lib/libvirt/images/base.qcow2') },
        '/srv/p/two.qcow2': {
          id: '1:4',
          header: headerOn('json:{"driver":"qcow2","file":{"driver":"file","filename":"/srv/p/one.qcow2"}}'),
        },
        '/srv/p/three.qcow2': { id: '1:5', header: headerOn('file:/srv/p/two.qcow2') },
        '/srv/p/far.qcow2': { id: '1:6', header: headerOn('nbd://10.0.0.1/base.qcow2') },
      },
    };
    const found = await names(base, uses);
    expect(found.map((name) => name.replace(/ through .*/, ''))).toEqual([
      'the image /srv/p/one.qcow2',
      'the image /srv/p/two.qcow2',
      'the image /srv/p/three.qcow2',
    ]);
  });

  test('is the file that holds the data of an image', async () => {
    const uses = {
      entries: [pool],
      images: {
        [`${images}/ext.data`]: { id: '1:8' },
        [`${images}/ext.qcow2`]: { id: '1:9', header: capture('data-file.header.hex') },
      },
    };
    expect(await users(`${images}/ext.data`, uses)).toMatchObject([{ who: `the image ${images}/ext.qcow2` }]);
  });

  test('is not what a guest has written into a disk whose bytes nobody takes for an image', async () => {
    const raw = guest('evil', "<driver name='qemu' type='raw'/><source file='/srv/evil.raw'/>");
    const uses = {
      entries: [['defined', raw], pool] as const,
      images: { [base]: { id: '1:1' }, '/srv/evil.raw': { id: '1:7', header: headerOn(base) } },
    };
    expect(await users(base, uses)).toEqual([]);
  });

  test('ends where images stand on each other', async () => {
    const uses = {
      entries: [pool],
      images: {
        [base]: { id: '1:1', header: headerOn('web.qcow2') },
        [web]: { id: '1:2', header: headerOn('base.qcow2') },
      },
    };
    expect(await users(base, uses)).toHaveLength(2);
  });
});

describe('who has an image', () => {
  test.each<[string, string]>([
    ['a link', "<source file='/srv/link.qcow2'/>"],
    ['a doubled slash', "<source file='/var/lib//libvirt/images/base.qcow2'/>"],
    ["another pool's volume", "<source pool='other' volume='base.qcow2'/>"],
    ['a volume', "<source pool='default' volume='base.qcow2'/>"],
    [
      'a mirror of a block job',
      "<source file='/srv/x.raw'/><mirror type='file' job='copy'><source file='/srv/link.qcow2'/></mirror>",
    ],
    ['a mirror as it was once written', "<source file='/srv/x.raw'/><mirror file='/srv/link.qcow2' format='raw'/>"],
  ])('names it by %s', async (_what, source) => {
    const other = "<pool type='dir'><name>other</name><target><path>/srv/other</path></target></pool>";
    const names = ['/srv/link.qcow2', '/var/lib//libvirt/images/base.qcow2', '/srv/other/base.qcow2', base];
    const uses = {
      entries: [['defined', guest('web', source)], pool, ['pool', other]] as const,
      images: Object.fromEntries(names.map((name) => [name, { id: '1:1' }])),
    };
    expect(await users(base, uses)).toMatchObject([{ who: "the guest 'web'", via: undefined }]);
  });

  test('names a block device by another of its names', async () => {
    const device = { id: 'fd:3', kind: 'block special file' };
    const uses = {
      entries: [['running', guest('web', "<source dev='/dev/vg/data'/>")]] as const,
      images: { '/dev/vg/data': device, '/dev/mapper/vg-data': device, '/dev/sda': { ...device, id: '8:0' } },
    };
    expect(await users('/dev/mapper/vg-data', uses)).toMatchObject([
      { who: "the running guest 'web'", via: undefined },
    ]);
    expect(await users('/dev/sda', uses)).toEqual([]);
  });

  test('has it as its firmware, or in its drive', async () => {
    const nvram = guest('web', '', `<os><nvram>${base}</nvram></os>`);
    const images = { [base]: { id: '1:1' } };
    expect(await users(base, { entries: [['defined', nvram]], images })).toHaveLength(1);
    const drive = guest('iso', `<source file='${base}'/>`).replace("device='disk'", "device='cdrom'");
    expect(await users(base, { entries: [['defined', drive]], images })).toMatchObject([{ isReadonly: true }]);
  });

  test("is another user's guest, which only files tell", async () => {
    const xml = guest('mine', `<source file='${base}'/>`);
    const files = [
      ['defined', '/home/me/.config/libvirt/qemu/mine.xml', xml],
      ['defined', '/home/evil/.config/libvirt/qemu/a.xml', '<!DOCTYPE x [<!ENTITY a "b">]><domain/>'],
      ['defined', '/home/evil/.config/libvirt/qemu/b.xml', 'no XML <'],
      ['running', '/run/libvirt/qemu/web.xml', guest('web', `<source file='${base}'/>`)],
    ] as const;
    expect(await users(base, { files, images: { [base]: { id: '1:1' } } })).toMatchObject([
      { who: "the guest 'mine' of another connection", isForeign: true },
      { who: "the running guest 'web'", isForeign: false },
    ]);
  });

  test('is read from what a managed save begins with', async () => {
    const save = `${capture('overlay.managedsave.xml')}\n\u0001 memory </domain> <name>`;
    const files = [['saved', '/var/lib/libvirt/qemu/save/web.save', save]] as const;
    expect(await users(web, { files, images: { [web]: overlay } })).toMatchObject([
      { who: "the saved state of the guest 'web'" },
    ]);
  });

  test('is a process, but none of libvirt itself', async () => {
    const host = new FakeHost({ answer: answerUses({ processes: '12 qemu-nbd\n13 libvirtd\nloop loop3\n' }) });
    expect((await processesWith(host.reader, base)).map(({ who }) => who)).toEqual([
      'the process 12 (qemu-nbd)',
      'the loop device /dev/loop3',
    ]);
  });
});

test('tells each guest once, with the most that there is to tell', async () => {
  const entries = [
    ['running', capture('overlay.live.xml')],
    ['defined', capture('overlay.inactive.xml')],
    ['snapshot', capture('overlay.snapshot.xml')],
    pool,
  ] as const;
  const found = await users(web, { entries, images: { [web]: overlay } });
  expect(inTheWay("the volume 'web.qcow2' is to be removed", found)).toEqual([
    {
      key: 'no guest:web',
      what: "the volume 'web.qcow2' is to be removed, and the running guest 'web' uses it, the snapshot 's1' of the guest 'web' uses it",
      remedy: 'shut the guest down first, and where it still needs the image then, remove it',
    },
  ]);
});
