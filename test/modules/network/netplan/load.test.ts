import { describe, expect, test } from '@jest/globals';
import { shellProgram } from '../../../../lib/process/package_files.ts';
import { once } from '../../../../lib/task/diff.ts';
import type { CommandStep } from '../../../../lib/task/step.ts';
import type { BridgeState } from '../../../../modules/network/bridge_state.ts';
import { readLiveBridge } from '../../../../modules/network/live.ts';
import { netplanOnManager, netplanOnNetworkd } from '../../../../modules/network/netplan/netplan.ts';
import { removeLeases } from '../../../../modules/network/networkmanager/leases.ts';
import { findStack } from '../../../../modules/network/stacks.ts';
import { dhcp, host } from './support.ts';

/** A bridge that is to be loaded, on a host with the links that are named. */
async function loading(
  stack: typeof netplanOnManager,
  { bridge: wanted, plugged, manager }: { bridge: 'absent' | 'present'; plugged?: readonly string[]; manager?: true },
): Promise<readonly CommandStep[]> {
  const brif = Object.fromEntries((plugged ?? []).map((link) => [`/sys/class/net/br0/brif/${link}`, '']));
  const on = host({
    files: { '01.yaml': dhcp },
    more: plugged === undefined ? {} : { '/sys/class/net/br0/bridge/stp_state': '0', ...brif },
    ...(manager && { manager }),
  });
  const desired: BridgeState = {
    name: 'br0',
    bridge: wanted === 'absent' ? 'absent' : {},
    ports: {},
    portNames: once(['ens33']),
    backend: once(undefined),
    mayCutGuests: once(true),
  };
  expect(await findStack(on.reader, desired)).toMatchObject({ stack: { title: stack.title } });
  return stack.load(on.reader, [{ desired, live: await readLiveBridge(on.reader, 'br0', ['ens33']) }]);
}

/** The command that has systemd-networkd read its files. */
const reload = ['sh', '-c', shellProgram('modules/network/networkd/reload.sh'), 'sh', 'ens33', 'br0'];

const lines = (steps: readonly CommandStep[]): readonly string[] => steps.map(({ argv }) => argv.join(' '));

describe('loading', () => {
  test('with systemd-networkd: a file that netplan cannot read fails it before the link is touched', async () => {
    const steps = await loading(netplanOnNetworkd, { bridge: 'present' });
    expect(lines(steps)).toEqual(['netplan generate', reload.join(' ')]);
    expect(steps[0]?.judgedBy).toBeUndefined();
  });

  test('the way back generates the files once more, also at boot: the generator has run by then; and no lease is left', async () => {
    const [networkd] = await loading(netplanOnNetworkd, { bridge: 'present' });
    expect(networkd?.undo).toEqual({
      withOldFiles: [['netplan', 'generate'], reload],
      atBoot: [['netplan', 'generate']],
      before: ['systemd-networkd.service', 'netplan-configure.service'],
    });
    const [manager] = await loading(netplanOnManager, { bridge: 'present', manager: true });
    expect(manager?.undo).toMatchObject({
      atBoot: [['netplan', 'generate'], removeLeases('br0')],
      before: ['NetworkManager.service', 'netplan-configure.service'],
    });
  });

  test.each([
    ['apply', 'takes the link down with NetworkManager, and throws guests out'],
    ['try', 'refuses bridges with parameters'],
    ['status', 'starts systemd-networkd'],
  ])('netplan %s %s: it is never called', async (word) => {
    for (const bridge of ['present', 'absent'] as const) {
      for (const plugged of [undefined, ['ens33', 'vnet0']] as const) {
        const given = { bridge, ...(plugged && { plugged }) };
        const steps = [
          ...(await loading(netplanOnNetworkd, given)),
          ...(await loading(netplanOnManager, { ...given, manager: true })),
        ];
        expect(JSON.stringify(steps)).not.toMatch(new RegExp(`netplan["',\\s]+${word}`));
      }
    }
  });

  test('a second time with systemd-networkd', async () => {
    expect(lines(await loading(netplanOnNetworkd, { bridge: 'present', plugged: ['ens33', 'vnet0'] }))).toEqual([
      'netplan generate',
      reload.join(' '),
    ]);
  });

  test('systemd-networkd never deletes a bridge', async () => {
    expect(lines(await loading(netplanOnNetworkd, { bridge: 'absent', plugged: ['ens33'] })).slice(2)).toEqual([
      'ip link set dev ens33 nomaster',
      'ip link delete dev br0',
    ]);
  });

  test('with NetworkManager: the port’s connection is activated', async () => {
    expect(lines(await loading(netplanOnManager, { bridge: 'present', manager: true }))).toEqual([
      'netplan generate',
      'nmcli connection reload',
      'nmcli --wait 30 connection up netplan-ens33',
    ]);
  });

  test('a second time with NetworkManager: nothing is activated, because that throws guests out', async () => {
    const steps = await loading(netplanOnManager, { bridge: 'present', plugged: ['ens33', 'vnet0'], manager: true });
    expect(lines(steps.slice(0, -1))).toEqual([
      'netplan generate',
      'nmcli connection reload',
      'nmcli --wait 10 device reapply br0',
    ]);
    expect(steps.at(-1)?.argv).toEqual(['sh', '-c', expect.stringContaining('addr_gen_mode'), 'sh', 'br0']);
  });

  test('NetworkManager is told to leave a bridge alone before its connection is gone: guests stay plugged in', async () => {
    const steps = await loading(netplanOnManager, { bridge: 'absent', plugged: ['ens33', 'vnet0'], manager: true });
    expect(lines(steps.slice(0, -1))).toEqual([
      'netplan generate',
      'nmcli device set br0 managed no',
      'nmcli connection reload',
      'ip link set dev ens33 nomaster',
      'ip address flush dev br0',
      'nmcli --wait 30 connection up netplan-ens33',
    ]);
    expect(steps.at(-1)?.argv).toEqual(removeLeases('br0'));
  });
});
