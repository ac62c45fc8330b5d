import { expect, test } from '@jest/globals';
import { parseQcow2Header } from '../../../lib/formats/qcow2.ts';
import { headerOn } from '../../support/image_uses.ts';
import { capture } from '../../support/libvirt_captures.ts';

test('reads what an overlay stands on, from the header that QEMU wrote', () => {
  expect(parseQcow2Header(capture('overlay.header.hex'))).toEqual({
    version: 3,
    backing: 'base.qcow2',
    dataFile: undefined,
    snapshots: 1,
  });
});

test('reads where the data of an image are', () => {
  expect(parseQcow2Header(capture('data-file.header.hex'))).toMatchObject({
    backing: undefined,
    dataFile: '/var/lib/libvirt/images/ext.data',
  });
});

test.each([
  ['', undefined],
  [' 00 00 00 00', undefined],
  [' 51 46 49 fb 00', undefined],
  [headerOn('', { version: 2, snapshots: 3 }), { version: 2, backing: undefined, dataFile: undefined, snapshots: 3 }],
])('takes nothing else for one, and none for an overlay', (hex, header) => {
  expect(parseQcow2Header(hex)).toEqual(header);
});

test('reads no further than it was given', () => {
  const cut = headerOn('/a/very/long/name.qcow2').slice(0, 3 * 520);
  expect(parseQcow2Header(cut)?.backing).toBe('/a/very/');
});
