import { describe, expect, test } from '@jest/globals';
import { isPasteable, stepLine } from '../../../lib/reporters/steps.ts';
import { command, type Step } from '../../../lib/task/step.ts';
import { bridged, host as ifupdownHost, load as loadIfupdown } from './ifupdown_host.ts';
import { apply as applyNetplan, dhcp, host as netplanHost } from './netplan/support.ts';

/** A step whose command is the text of a shell program is shown by what it does, on one line, and not as something to paste. */
describe('the steps of the network stacks are shown', () => {
  function expectLines(steps: readonly Step[]): void {
    for (const step of steps.filter(({ kind }) => kind === 'command')) {
      expect(stepLine(step)).not.toContain('\n');
      expect(isPasteable(step) && stepLine(step).startsWith('sh -c')).toBe(false);
    }
  }

  test('of ifupdown', async () => {
    const steps = [
      ...(await loadIfupdown(ifupdownHost())),
      ...(await loadIfupdown(await bridged(), { state: 'absent' })),
    ];
    expectLines(steps);
    expect(steps.map(stepLine)).toContain('ifdown ens33 (by the stanzas that brought it up)');
  });

  test('of netplan', async () => {
    const on = netplanHost({ files: { '01.yaml': dhcp } });
    await applyNetplan(on);
    expectLines(on.executed);
    expect(on.executed.map(stepLine)[0]).toBe('netplan generate (checks the files as they will be)');
  });

  test('and a failure names that line, not the text', async () => {
    const told = '/etc/netplan/01.yaml:5:7: Error in network definition';
    const on = netplanHost({ files: { '01.yaml': dhcp }, onStep: () => ({ exitCode: 78, stderr: told }) });
    await expect(applyNetplan(on)).rejects.toThrow(
      `netplan generate (checks the files as they will be) failed with exit code 78: ${told}`,
    );
  });

  test('a command without a title is pasteable as before', () => {
    const step = command(['ip', 'link', 'set', 'dev', 'a b', 'up']);
    expect([isPasteable(step), stepLine(step)]).toEqual([true, "ip link set dev 'a b' up"]);
  });
});
