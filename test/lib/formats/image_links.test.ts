import { expect, test } from '@jest/globals';
import { linksOf } from '../../../lib/formats/image_links.ts';
import { headerOn } from '../../support/image_uses.ts';

const hexOf = (bytes: Buffer): string => bytes.toString('hex').replaceAll(/../g, ' $&');

/** A QED header as QEMU writes it. */
function qed(backing: string, features = 1): string {
  const bytes = Buffer.alloc(64);
  bytes.write('QED\0', 0, 'latin1');
  bytes.writeUInt32LE(features, 16);
  bytes.writeUInt32LE(64, 56);
  bytes.writeUInt32LE(backing.length, 60);
  return hexOf(Buffer.concat([bytes, Buffer.from(backing)]));
}

const descriptor = `# Disk DescriptorFile
version=1
parentCID=bd156d45
parentFileNameHint="../base.vmdk"
createType="monolithicFlat"

# Extent description
RW 2048 FLAT "disk-flat.vmdk" 0
RDONLY 2048 SPARSE "disk s002.vmdk"
NOACCESS 63 ZERO
`;

test.each([
  ['qcow2', headerOn('base.qcow2'), ['base.qcow2']],
  ['qcow2 without a base', headerOn(''), []],
  ['QED', qed('/images/base.qcow2'), ['/images/base.qcow2']],
  ['QED whose features say that it has no base', qed('/images/base.qcow2', 2), []],
  ['a VMDK descriptor', hexOf(Buffer.from(descriptor)), ['../base.vmdk', 'disk-flat.vmdk', 'disk s002.vmdk']],
  [
    'a VMDK with its descriptor inside, whose extent is itself',
    hexOf(Buffer.concat([Buffer.from('KDMV'), Buffer.alloc(508), Buffer.from(descriptor)])),
    ['../base.vmdk'],
  ],
  ['a raw image', hexOf(Buffer.from(`raw\n${descriptor}`)), []],
  ['nothing', '', []],
])('names what %s stands on', (_what, hex, links) => {
  expect(linksOf(hex)).toEqual(links);
});

test('reads no further than it was given', () => {
  expect(linksOf(qed('/a/very/long/name.qcow2').slice(0, 3 * 72))).toEqual(['/a/very/']);
  expect(linksOf(qed('/a').slice(0, 3 * 60))).toEqual([]);
});
