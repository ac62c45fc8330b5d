import { describe, expect, test } from '@jest/globals';
import { FakeHost } from '../../../../lib/testing/index.ts';
import { findOwnedByManager, findOwnedByNetworkd } from '../../../../modules/network/netplan/owner.ts';
import { check, dhcp, host, printed } from './support.ts';

describe('who runs a link', () => {
  test('systemd-networkd by a file that netplan has written', async () => {
    const on = new FakeHost({
      answer: () => ({
        stdout: `* 2: ens33\n${printed('netplan-before', 'networkctl --no-pager status ens33 | grep -E "File|State|Client|Address"')}`,
      }),
    });
    expect((await findOwnedByNetworkd(on.reader, ['ens33'])).links).toEqual([
      { link: 'ens33', file: '/run/systemd/network/10-netplan-ens33.network', id: 'ens33' },
    ]);
  });

  test('systemd-networkd, of a bridge in force', async () => {
    const on = new FakeHost({
      answer: () => ({ stdout: printed('netplan-after', 'networkctl --no-pager -n 0 status br0') }),
    });
    expect((await findOwnedByNetworkd(on.reader, ['br0'])).links).toEqual([
      { link: 'br0', file: '/run/systemd/network/10-netplan-br0.network', id: 'br0' },
    ]);
  });

  test('NetworkManager by a connection that netplan has written; what is connected externally is nobody’s', async () => {
    const connections = printed('netplan-nm-before', 'nmcli -t -f NAME,UUID,DEVICE,STATE,FILENAME c')
      .trim()
      .split('\n')
      .map((line) => line.split(':'));
    const devices = printed('netplan-nm-before', 'nmcli -t -f DEVICE,STATE,CONNECTION d')
      .trim()
      .split('\n')
      .map((line) => {
        const [device = '', state = '', name = ''] = line.split(':');
        return `${device}:${state}:${connections.find((row) => row[0] === name)?.[1]}`;
      });
    const rows = connections.map((row) => `${row[1]}:${row[0]}:${row[4]}`);
    const stdout = `nmcli tool, version 1.42.4\n--devices\n${devices.join('\n')}\n--connections\n${rows.join('\n')}\n`;
    const on = new FakeHost({ answer: () => ({ stdout }) });
    expect((await findOwnedByManager(on.reader, ['ens33', 'lo'])).links).toEqual([
      {
        link: 'ens33',
        file: '/run/NetworkManager/system-connections/netplan-ens33.nmconnection',
        id: 'ens33',
      },
    ]);
  });

  test('netplan status is never called: it starts systemd-networkd', async () => {
    for (const manager of [undefined, true] as const) {
      const on = host({ files: { '01.yaml': dhcp }, ...(manager && { manager }) });
      await check(on);
      expect(on.asked.filter((line) => /netplan (?!generate|get$)/.test(line.replaceAll('/etc/netplan', '')))).toEqual(
        [],
      );
    }
  });
});
