import { expect, test } from '@jest/globals';
import { runController } from './controller_process.ts';
import { describeFaults } from './describe_faults.ts';
import { note } from './fault.ts';
import { Watch } from './watch.ts';

describeFaults('a change that nothing disturbs', [], (host) => {
  test('leaves the host its address and nothing else; the table tells its time beside that of the restart alone', async () => {
    const on = host();
    await on.reset();
    const watch = new Watch(on.lab);
    const marks = new Map<string, number>();
    const end = await runController(on.lab, {
      onPhase: async (phase) => marks.set(phase, performance.now()),
    });
    const away = watch.end();
    expect([end.exitCode, end.message]).toEqual([0, '']);
    expect(await on.inside('ip -o -4 address show br0')).toContain(` ${on.lab.hostAddress}/24 `);
    expect(await on.leftovers()).toBe('');
    const change = ((marks.get('confirmed') ?? Number.NaN) - (marks.get('looking') ?? Number.NaN)) / 1000;

    const started = performance.now();
    await on.inside('systemctl restart network');
    const restart = (performance.now() - started) / 1000;
    note({
      what: 'nothing',
      where: `the restart alone takes ${restart.toFixed(1)} s, the whole change ${change.toFixed(1)} s`,
      ending: 'confirmed',
      exitCode: '0',
      away,
      files: 'new',
      again: 'yes',
    });
  });
});
