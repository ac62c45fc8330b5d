import { describe, expect, test } from '@jest/globals';
import type { FakeHost } from '../../../lib/testing/index.ts';
import { apply as applyIfupdown, bridged, check as checkIfupdown } from './ifupdown_host.ts';
import { apply as applyNetplan, check as checkNetplan, dhcp, host as netplanHost } from './netplan/support.ts';

/** Gives ens33 an MTU in the running system. */
function live(on: FakeHost, mtu: number): FakeHost {
  const line = `2: ens33: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu ${mtu} qdisc noqueue state UP mode DEFAULT group default \\    link/ether 52:54:00:aa:00:01 brd ff:ff:ff:ff:ff:ff\n`;
  on.commands.set('ip -o -d link show', { stdout: line });
  return on;
}

const kept = /^ens33 keeps its MTU of 9000 bytes until the next boot.*\(ip link set dev ens33 mtu 1500\)$/;

describe('an MTU that a task has set stays on the port once the bridge is gone: that is told', () => {
  test('with netplan, by either daemon', async () => {
    for (const manager of [undefined, true] as const) {
      const on = netplanHost({ files: { '01.yaml': dhcp }, ...(manager && { manager }) });
      await applyNetplan(on, { mtu: 9000 });
      live(on, 9000);
      expect((await checkNetplan(on, { mtu: 9000 })).warnings).toEqual([]);
      expect((await checkNetplan(on, { state: 'absent' })).warnings).toEqual([expect.stringMatching(kept)]);
      await applyNetplan(on, { state: 'absent' });
      expect((await checkNetplan(on, { state: 'absent' })).warnings).toEqual([]);
    }
  });

  test('and not where the link has another one, or the task has set none', async () => {
    const on = netplanHost({ files: { '01.yaml': dhcp } });
    await applyNetplan(on);
    expect((await checkNetplan(live(on, 9000), { state: 'absent' })).warnings).toEqual([]);
    await applyNetplan(on, { mtu: 9000 });
    expect((await checkNetplan(live(on, 1500), { state: 'absent' })).warnings).toEqual([]);
  });

  test('with ifupdown', async () => {
    const on = live(await bridged({ mtu: 9000 }), 9000);
    expect((await checkIfupdown(on, { state: 'absent' })).warnings).toEqual([expect.stringMatching(kept)]);
    expect((await applyIfupdown(live(await bridged(), 9000), { state: 'absent' })).warnings).toEqual([]);
  });
});
