import { expect, test } from '@jest/globals';
import { consolePort, drawPicture } from '../../../lib/lab/picture.ts';

test.each([
  ['vnc://localhost:0', 5900],
  ['vnc://127.0.0.1:12', 5912],
  ['spice://127.0.0.1:5901', 5901],
  ['spice+unix:///run/x.sock', undefined],
])('the console %s is on port %s', (display, port) => {
  expect(consolePort(display)).toBe(port);
});

test('a guest is drawn on its wire, with its lease and its console', () => {
  const packets = { received: 1, sent: 2 };
  const uplink = { name: 'ens33', mac: '52:54:00:aa:00:01', addresses: [], packets };
  const card = {
    mac: '52:54:00:4b:1f:2e',
    lease: '192.168.221.100',
    tap: { name: 'vnet0', mac: 'fe:54:00:4b:1f:2e', addresses: [], packets },
    packets: { received: 2, sent: 1 },
  };
  const guests = [{ name: 'gibbon', console: 'vnc://localhost:0', cards: [card] }];
  const bridge = { ...uplink, name: 'br0', addresses: ['192.168.221.150/24'], uplinks: [uplink], guests };
  expect(drawPicture({ bridges: [bridge] }).split('\n')).toEqual([
    'uplink ens33  52:54:00:aa:00:01  received 1, sent 2 packets',
    '  |',
    'bridge br0  52:54:00:aa:00:01  192.168.221.150/24  received 1, sent 2 packets',
    '  |',
    '  +- tap vnet0  received 1, sent 2 packets',
    '       |   the wire: what one side sends, the other receives',
    '       +- guest gibbon  52:54:00:4b:1f:2e  192.168.221.100  received 2, sent 1 packets',
    '            console: vnc://localhost:0, on the host itself',
  ]);
  expect(drawPicture({ bridges: [] })).toBe('there is no bridge');
});
