import { expect, test } from '@jest/globals';
import { connect } from '../../lib/hosts/connect.ts';
import { ArmedHost } from '../../lib/network_change/armed_host.ts';
import { begin, newId } from '../../lib/network_change/transaction.ts';
import { writeFile } from '../../lib/task/step.ts';
import { runController } from './controller_process.ts';
import { describeFaults } from './describe_faults.ts';
import { note } from './fault.ts';
import type { FaultLab } from './fault_lab.ts';
import type { FaultResult } from './fault_result.ts';
import { killed, once, slowDisk, unwrapped } from './injections.ts';

const program = 'sh /var/lib/kvm-play/change/current/program';

const touched = {
  title: 'race',
  fingerprint: 'race',
  limit: 600,
  steps: [],
  links: [],
  carrier: undefined,
  files: ['/etc/motd'],
};

/**
 * Arms a change of one file, makes it, and runs a script that decides about it in more than one way at once.
 * @returns what the script printed, the outcome, and the file's text, one line each
 */
async function race(on: FaultLab, script: (id: string) => string): Promise<readonly string[]> {
  const host = await connect(`root@${on.lab.hostAddress}`, { sshConfig: on.lab.sshConfig });
  try {
    const id = newId();
    await on.inside('echo old > /etc/motd');
    await begin(host, id, touched);
    await on.inside('echo new > /etc/motd');
    const printed = await on.inside(script(id));
    await on.settle(30);
    const outcome = await on.inside('cd /var/lib/kvm-play/change/last && ls -d confirmed rolled-back; cat /etc/motd');
    return [...printed.split('\n'), ...outcome.split('\n')];
  } finally {
    await host.close();
  }
}

describeFaults('races', [], (host) => {
  const tell = (result: Partial<FaultResult> & Pick<FaultResult, 'what' | 'where' | 'ending'>): void =>
    note({ exitCode: '-', away: 0, files: 'old or new', again: 'yes', ...result });

  test('the timer fires while the confirmation is on its way: exactly one of them wins', async () => {
    const counts = { confirmed: 0, 'rolled-back': 0 };
    for (let round = 0; round < 20; round += 1) {
      // Sometimes one is a little ahead, sometimes the other.
      const [ahead, behind] = [round % 5, 4 - (round % 5)].map((steps) => `0.0${steps * 2}`);
      const [status, outcome, text] = await race(
        host(),
        (id) => `( sleep ${ahead}; ${program} confirm ${id} 2>/dev/null; echo $? > /tmp/confirm ) &
( sleep ${behind}; exec ${program} roll-back ${id} ) >/dev/null 2>&1 &
wait
cat /tmp/confirm`,
      );
      const isConfirmed = status === '0';
      expect([outcome, text]).toEqual(isConfirmed ? ['confirmed', 'new'] : ['rolled-back', 'old']);
      counts[isConfirmed ? 'confirmed' : 'rolled-back'] += 1;
    }
    expect(await host().leftovers()).toBe('');
    tell({
      what: 'the timer fires while the confirmation is on its way',
      where: `20 times: confirmed ${counts.confirmed} times, rolled back ${counts['rolled-back']} times`,
      ending: 'exactly one of them',
    });
  });

  test('the roll-back is asked for while the timer fires: it happens once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const seen = await race(
        host(),
        (id) => `for i in 1 2 3; do ${program} request ${id} & ${program} roll-back ${id} & done >/dev/null 2>&1
wait
while [ -e /var/lib/kvm-play/change/current ]; do sleep 0.1; done
grep -c 'rolled back' /var/lib/kvm-play/change/last/log`,
      );
      expect(seen).toEqual(['1', 'rolled-back', 'old']);
    }
    expect(await host().leftovers()).toBe('');
    tell({
      what: 'the roll-back is asked for while the timer fires',
      where: '5 times, three of each at once',
      ending: 'rolled back, once',
      files: 'old',
    });
  });

  test('two comparisons at once, of which one ends first: both tell what differs', async () => {
    const reached = await connect(`root@${host().lab.hostAddress}`, { sshConfig: host().lab.sshConfig });
    try {
      const id = newId();
      await host().inside('echo old > /etc/motd');
      await begin(reached, id, touched);
      await host().inside(`${program} roll-back ${id}`);
      const last = program.replace('current', 'last');
      const said = await host().inside(`echo other > /etc/motd
${last} compare ${id} > /tmp/first & sleep 2; ${last} compare ${id} > /tmp/second; wait
cat /tmp/first /tmp/second`);
      const wanted = ['compared yes', 'differs reach the file /etc/motd is not what it was'];
      expect(said.split('\n')).toEqual([...wanted, ...wanted]);
    } finally {
      await reached.close();
    }
    await host().inside('echo old > /etc/motd');
  });

  test('a step that is under way while the host goes back, or that arrives afterwards, leaves nothing behind', async () => {
    for (let round = 0; round < 5; round += 1) {
      const reached = await connect(`root@${host().lab.hostAddress}`, { sshConfig: host().lab.sshConfig });
      try {
        const id = newId();
        const armed = new ArmedHost(reached, id);
        await host().inside('echo old > /etc/motd');
        await begin(reached, id, touched);
        const late = () => armed.execute(writeFile('/etc/motd', 'new\n')).catch((error: Error) => error.message);
        await Promise.all([late(), host().inside(`sleep 0.0${round}; ${program} roll-back ${id}`), late()]);
        await host().settle(30);
        expect(await late()).toContain('this step came too late');
        expect(await host().inside('cat /etc/motd')).toBe('old');
      } finally {
        await reached.close();
      }
    }
    expect(await host().leftovers()).toBe('');
    tell({
      what: 'a step arrives while the host goes back, and afterwards',
      where: '5 times, two steps',
      ending: 'rolled back',
      files: 'old',
    });
  });

  test('two controllers at once: the second is refused, the first one is not disturbed', async () => {
    const on = host();
    await on.reset();
    const others: (number | undefined)[] = [];
    const first = await runController(on.lab, {
      site: { confirmWithin: 60 },
      onPhase: async (phase) => {
        if (phase !== 'armed' && phase !== 'proving') return;
        const other = await runController(on.lab, { site: { bridge: { mtu: 1400 } } });
        expect(other.message).toMatch(/is pending|holds this host's lock/);
        others.push(other.exitCode);
      },
    });
    expect([first.exitCode, first.message, ...others]).toEqual([0, '', 2, 2]);
    expect((await runController(on.lab, { expectNoChange: true })).exitCode).toBe(0);
    expect(await on.leftovers()).toBe('');
    tell({
      what: 'two controllers at once',
      where: 'another site while a change is armed, and while it is proved',
      ending: 'the first confirmed, the second refused',
      exitCode: '0, 2',
      files: 'new',
    });
  });

  test('the same controller twice at once: one makes the change, the other is refused or finds it made', async () => {
    const on = host();
    await on.reset();
    const ends = await Promise.all([runController(on.lab), runController(on.lab)]);
    const codes = ends.map(({ exitCode }) => exitCode ?? -1).toSorted((a, b) => a - b);
    expect(codes[0]).toBe(0);
    expect([0, 2]).toContain(codes[1]);
    expect((await runController(on.lab, { expectNoChange: true })).exitCode).toBe(0);
    expect(await on.leftovers()).toBe('');
    tell({
      what: 'the same controller twice',
      where: 'at once',
      ending: 'one confirmed, the other refused',
      exitCode: codes.join(', '),
      files: 'new',
    });
  });

  test('a run killed while it armed the way back is followed by the same site at once', async () => {
    const on = host();
    await on.reset();
    await slowDisk('new.*')(on, () => {});
    const site = { confirmWithin: 60 };
    const kill = once('new.*', killed);
    await runController(on.lab, {
      site,
      onPhase: async (phase, end) => (phase === 'arming' ? kill(on, end) : undefined),
    });
    const same = await runController(on.lab, { site });
    expect([same.exitCode, same.message]).toEqual([0, '']);
    await unwrapped(on, () => {});
    expect((await runController(on.lab, { expectNoChange: true })).exitCode).toBe(0);
    expect(await on.leftovers()).toBe('');
    tell({
      what: 'the same controller twice',
      where: 'the first one was killed while it armed the way back',
      ending: 'confirmed',
      exitCode: 'killed, 0',
      files: 'new',
    });
  });

  test('a run killed after the restart is taken up by the same site, and refused to another', async () => {
    const on = host();
    await on.reset();
    const site = { confirmWithin: 60 };
    await runController(on.lab, { site, onPhase: async (phase, kill) => (phase === 'proving' ? kill() : undefined) });
    const other = await runController(on.lab, { site: { bridge: { mtu: 1400 } } });
    expect(other.exitCode).toBe(2);
    expect(other.message).toMatch(
      /the network change [0-9a-f]{8} .* is pending for \d+ s; it rolls back by itself in \d+ s/,
    );
    const same = await runController(on.lab, { site });
    expect([same.exitCode, same.message, same.phases.slice(0, 2)]).toEqual([0, '', ['taking-up', 'confirming']]);
    expect((await runController(on.lab, { expectNoChange: true })).exitCode).toBe(0);
    expect(await on.leftovers()).toBe('');
    tell({
      what: 'the same controller twice',
      where: 'the first one was killed before `proving`; another site is refused, the same one takes the change up',
      ending: 'confirmed',
      exitCode: 'killed, 2, 0',
      files: 'new',
    });
  });
});
