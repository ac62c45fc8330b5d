import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  CommandError,
  ConnectionError,
  PendingChangeError,
  RollBackUnverifiedError,
  RolledBackError,
} from '../../../lib/errors.ts';
import type { PlayEvent } from '../../../lib/events/events.ts';
import { neighboursScript } from '../../../lib/network_change/neighbours.ts';
import {
  fingerprintOf,
  type NetworkChange,
  type NetworkChangeOptions,
  networkChange,
} from '../../../lib/network_change/network_change.ts';
import { linksScript, wayScript } from '../../../lib/network_change/network_state.ts';
import { runOnHost } from '../../../lib/run/host_run.ts';
import type { PlayItem } from '../../../lib/site/play_items.ts';
import { writeFile } from '../../../lib/task/step.ts';
import { type FakeAnswer, FakeHost } from '../../../lib/testing/index.ts';
import { applyPlan, planFor, stepsOf } from '../../support/plans.ts';
import { config, entry, loader, markerOf, tiny } from '../../support/tiny_modules.ts';

const written = config({ path: '/etc/net', text: 'new' });
const restart = loader({ disturbs: 'link', reflects: [written], disrupts: ['link'] });
const change = (options: NetworkChangeOptions = {}) =>
  networkChange({ confirmWithin: 10, ...options }, [written, restart]);

/** What the program on the host does with a change, as `program.sh` does it. */
interface HostSide {
  /** What `status` says. */
  state: string;
  id: string;
  fingerprint: string;
  /** Answers of the program's other calls; what is not there succeeds. */
  answers: Readonly<Record<string, FakeAnswer | (() => FakeAnswer)>>;
  /** True: `load` puts what is written in force. */
  loads: boolean;
  /** What the host tells of its comparison once it has gone back; undefined when it could not compare itself. */
  compared: string | undefined;
  /** What it answers when it is asked to compare itself. */
  compares: FakeAnswer;
  /** Calls of the program and `load`, in order. */
  calls: string[];
}

const addresses = (address: string): FakeAnswer => ({ stdout: `2: ens33    inet ${address}/24 scope global ens33\n` });

function hostWith(options: Partial<HostSide> = {}): { host: FakeHost; side: HostSide } {
  const side: HostSide = {
    ...{
      state: 'none',
      id: '',
      fingerprint: '',
      answers: {},
      loads: true,
      compared: 'compared yes',
      compares: {},
      calls: [],
    },
    ...options,
  };
  const host: FakeHost = new FakeHost({
    files: { '/etc/net': 'old' },
    commands: {
      'live /etc/net': () => ({
        stdout: side.calls.includes('load') && side.loads ? (host.files.get('/etc/net') ?? '') : 'old',
      }),
      'others /etc/net': {},
      'sh -c printf %s "$SSH_CONNECTION"': { stdout: '192.168.221.1 5 192.168.221.150 22' },
      'ip -o address show': () => addresses('192.168.221.150'),
      'ip -4 route show default': { stdout: 'default via 192.168.221.1 dev ens33\n' },
      'ip -6 route show default': {},
      [`sh -c ${wayScript()}`]: { stdout: '192.168.221.1 from 192.168.221.150 dev ens33 uid 0 \n    cache \n' },
      [`sh -c ${linksScript()}`]: { stdout: 'ens33 52:54:00:aa:00:01 \n' },
      'sh /var/lib/kvm-play/change/program status': () => ({
        stdout: `state ${side.state}\nid ${side.id}\ntitle net\nowner me\nfingerprint ${side.fingerprint}\nage 3\nleft 7\n${side.state === 'rolled-back' ? (side.compared ?? '') : ''}\n`,
      }),
    },
    onStep: (argv) => {
      const [name = '', , call = name, id = ''] = argv;
      const what = name === 'sh' ? call : name;
      side.calls.push(what);
      const answer = side.answers[what];
      const given = typeof answer === 'function' ? answer() : (answer ?? {});
      if ((given.exitCode ?? 0) !== 0) return given;
      if (what === 'begin') {
        Object.assign(side, { state: 'armed', id });
        host.commands.set(`sh /var/lib/kvm-play/change/last/program compare ${id}`, () => side.compares);
      }
      if (what === 'confirm') side.state = 'confirmed';
      if (what === 'request') {
        side.state = 'rolled-back';
        host.files.set('/etc/net', 'old');
      }
      return given;
    },
  });
  return { host, side };
}

async function play(host: FakeHost, items: readonly PlayItem[], check = false, signal?: AbortSignal) {
  const events: PlayEvent[] = [];
  await runOnHost(host, items, { check, ...(signal && { signal }) }, (event) => events.push(event));
  return {
    phases: events.flatMap((event) => (event.type === 'network-change' ? [event.phase] : [])),
    statuses: events.flatMap((event) => (event.type === 'task-end' ? [event.status] : [])),
    errors: events.flatMap((event) =>
      (event.type === 'task-end' || event.type === 'host-failed') && event.error ? [event.error] : [],
    ),
    warnings: events.flatMap((event) => (event.type === 'task-end' ? (event.result?.warnings ?? []) : [])),
    plans: events.flatMap((event) => (event.type === 'network-change' && event.plan ? [event.plan] : [])),
  };
}

test('two tasks that write one file are refused: the second would write what it had read before the first one wrote', async () => {
  const appends = (title: string, line: string) =>
    tiny(
      () => ({}),
      () => [writeFile('/etc/net', `old${line}`)],
    )(title, {});
  const items = [networkChange({ confirmWithin: 10 }, [appends('One', '1'), appends('Two', '2')])];
  for (const check of [true, false]) {
    const { host, side } = hostWith();
    expect((await play(host, items, check)).errors.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^'One' and 'Two' write \/etc\/net, .* put them into network changes of their own/),
    ]);
    expect([host.files.get('/etc/net'), side.calls]).toEqual(['old', []]);
  }
});

/** Seconds that the clock of the run has been put on. */
let ahead = 0;
beforeEach(() => {
  ahead = 0;
  const now = performance.now.bind(performance);
  jest.spyOn(performance, 'now').mockImplementation(() => now() + ahead * 1000);
});
afterEach(() => {
  jest.restoreAllMocks();
});

/** Lets seconds go by at once, as if what is under way took that long. */
function takeSeconds(seconds: number): void {
  ahead += seconds;
}

describe('a network change', () => {
  test('is armed before the first write, applied as it was planned, proved over a new connection, and confirmed', async () => {
    const { host, side } = hostWith();
    const { phases, statuses } = await play(host, [change()]);
    expect(phases).toEqual([
      'looking',
      'arming',
      'armed',
      'applying',
      'applying',
      'reached',
      'proving',
      'confirming',
      'confirmed',
    ]);
    expect(statuses).toEqual(['changed', 'changed']);
    expect(side.calls).toEqual(['begin', 'cut', 'load', 'confirm']);
    expect(host.detached).toEqual([[expect.stringContaining('program cut'), 'load']]);
    expect(host.reconnected).toBeGreaterThan(0);
    const begin = host.executed.findIndex((step) => step.kind === 'command' && step.argv.includes('begin'));
    const write = host.executed.findIndex((step) => step.kind === 'write' && step.path === '/etc/net');
    expect(begin).toBeLessThan(write);
    expect([...host.files.keys()]).not.toContain(markerOf('/etc/net'));
  });

  test('says where the host is found from now on', async () => {
    const { host } = hostWith();
    host.reachedAt = '192.168.221.9';
    const { warnings } = await play(host, [change()]);
    expect(warnings).toEqual([expect.stringMatching(/^fake is reached at 192\.168\.221\.9 now; name that address/)]);
  });

  test('says nothing of an address at which the host was reached before', async () => {
    const { host } = hostWith();
    host.reachedAt = '192.168.221.150';
    expect((await play(host, [change()])).warnings).toEqual([]);
  });

  test('takes the loss of a default route that nobody promised for what it is, and says so', async () => {
    const { host, side } = hostWith();
    host.commands.set('ip -4 route show default', () => ({
      stdout: `default via 192.168.221.1 dev ens33\n${side.calls.includes('load') ? '' : 'default via 192.168.221.2 dev ens33 metric 200\n'}`,
    }));
    const { statuses, warnings } = await play(host, [change()]);
    expect(statuses).toEqual(['changed', 'changed']);
    expect(warnings).toEqual(['the default route via 192.168.221.2 (ens33) is gone: nothing has set it again']);
  });

  describe('whose tasks name a gateway that was not there', () => {
    const link = { link: 'br0', ipv4: '192.168.221.150/24', gateway: '192.168.221.254' };
    const bridged = (): NetworkChange => {
      const named = tiny(() => ({ state: { value: 'wanted' }, network: { links: [link], lockout: [] } }));
      return networkChange({ confirmWithin: 10 }, [named({}), written, restart]);
    };
    const route = (side: HostSide) =>
      side.calls.includes('load') ? '192.168.221.254 dev br0' : '192.168.221.1 dev ens33';
    const hostAt = (answers: () => 'answers' | 'silent', options: Partial<HostSide> = {}) => {
      const { host, side } = hostWith(options);
      host.commands.set('ip -4 route show default', () => ({ stdout: `default via ${route(side)}\n` }));
      host.commands.set(`sh -c ${neighboursScript()} sh`, { stdout: 'ens33 192.168.221.1 answers\n' });
      host.commands.set(`sh -c ${neighboursScript()} sh 192.168.221.254`, () => ({
        stdout: `br0 192.168.221.254 ${answers()}\n`,
      }));
      return { host, side };
    };

    test('is kept once the gateway answers', async () => {
      let looks = 0;
      const { host } = hostAt(() => {
        looks += 1;
        return looks < 3 ? 'silent' : 'answers';
      });
      const { statuses, plans } = await play(host, [bridged()]);
      expect([statuses, looks]).toEqual([['ok', 'changed', 'changed'], 3]);
      expect(plans[0]?.proves).toEqual(
        expect.arrayContaining([
          'the default route goes via 192.168.221.254 (was 192.168.221.1)',
          'the gateway 192.168.221.254 answers on br0',
        ]),
      );
    });

    test('is rolled back where nothing answers there', async () => {
      const load = (): FakeAnswer => {
        takeSeconds(6);
        return {};
      };
      const { host, side } = hostAt(() => 'silent', { answers: { load } });
      const { errors } = await play(host, [bridged()]);
      expect(errors[0]).toBeInstanceOf(RolledBackError);
      expect(errors[0]?.message).toMatch(/^the gateway 192\.168\.221\.254 does not answer on br0: /);
      expect(side.state).toBe('rolled-back');
    });

    test('is not confirmed by a later run either', async () => {
      const own = { state: 'armed', id: 'abcd1234', fingerprint: fingerprintOf(bridged()), calls: ['load'] };
      const { host, side } = hostAt(() => 'silent', own);
      host.files.set('/etc/net', 'new');
      const { phases } = await play(host, [bridged()]);
      expect(phases.slice(0, 2)).toEqual(['taking-up', 'rolling-back']);
      expect(side.calls.slice(0, 2)).toEqual(['load', 'request']);
    });
  });

  test('takes a snapshot of every file that its steps and the engine write', async () => {
    const { host } = hostWith();
    await play(host, [change()]);
    const [plan = ''] = host.executed.flatMap((step) =>
      step.kind === 'command' && step.argv.includes('begin') ? [step.stdin ?? ''] : [],
    );
    expect(plan).toMatch(/each_file\(\) \{\n {2}"\$1" '\/etc\/net'\n {2}"\$1" '\/var\/lib\/kvm-play\/pending\/config-/);
    expect(plan).toMatch(/# end of [0-9a-f]{8}\n$/);
  });

  test('costs nothing where nothing has to be done', async () => {
    const { host } = hostWith();
    await play(host, [change()]);
    const before = host.executed.length;
    const { phases, statuses } = await play(host, [change()]);
    expect({ phases, statuses, steps: host.executed.length - before }).toEqual({
      phases: [],
      statuses: ['ok', 'ok'],
      steps: 0,
    });
  });

  test('after which no path to the host would be left is refused before the first write of the play', async () => {
    const { host } = hostWith();
    const lockedOut = tiny(() => ({ network: { links: [], lockout: ['no path to the host would be left'] } }));
    const items = [entry({ path: '/before', text: 'text' }), networkChange({}, [lockedOut({})])];
    for (const check of [true, false]) {
      const { statuses, errors } = await play(host, items, check);
      expect(statuses).toEqual(['failed', 'skipped']);
      expect(errors[0]?.message).toBe('no path to the host would be left');
    }
    expect(host.executed).toEqual([]);
  });

  test('shows its plan in check mode, and writes nothing', async () => {
    const { host, side } = hostWith();
    const { phases, statuses, plans } = await play(host, [change()], true);
    expect({ phases, statuses }).toEqual({ phases: ['planned'], statuses: ['changed', 'changed'] });
    expect(plans).toEqual([
      {
        confirmWithin: 10,
        files: ['/etc/net'],
        proves: [
          'the host answers over a new connection',
          'every task of the change holds, and what it wrote is in force',
          'it has the address 192.168.221.150',
          'the default route goes via 192.168.221.1',
        ],
      },
    ]);
    expect([side.calls, host.executed]).toEqual([[], []]);
  });

  test('counts only those probes that passed before', async () => {
    const { host, side } = hostWith();
    const pings = { up: 0, down: 0 };
    const ping = (name: 'up' | 'down', passes: () => boolean): void => {
      host.commands.set(`ping -c 1 -W 2 ${name}`, () => {
        pings[name] += 1;
        return { exitCode: passes() ? 0 : 1 };
      });
    };
    // One that comes back only after a while, and one that never passed.
    ping('up', () => !side.calls.includes('load') || pings.up > 2);
    ping('down', () => false);
    const { statuses } = await play(host, [change({ prove: [{ ping: 'up' }, { ping: 'down' }] })]);
    expect(statuses).toEqual(['changed', 'changed']);
    expect(pings).toEqual({ up: 3, down: 1 });
  });
});

describe('a network change that is not as promised', () => {
  test('is rolled back when a step fails, and says why', async () => {
    const { host, side } = hostWith({ answers: { load: { exitCode: 1, stderr: 'no' } } });
    const { phases, statuses, errors } = await play(host, [change(), entry({ path: '/later', text: '' })]);
    expect(phases.slice(-2)).toEqual(['rolling-back', 'rolled-back']);
    expect(statuses).toEqual(['failed', 'skipped', 'skipped']);
    expect(errors[0]).toBeInstanceOf(RolledBackError);
    expect(errors[0]?.message).toMatch(
      /load failed with exit code 1: no\nthe network change was rolled back: the host is as it was before/,
    );
    expect(side.calls).toEqual(['begin', 'cut', 'load', 'request']);
  });

  test('is rolled back when what it promised does not come in time', async () => {
    const load = (): FakeAnswer => {
      takeSeconds(6);
      return {};
    };
    const { host } = hostWith({ loads: false, answers: { load } });
    const { errors } = await play(host, [change()]);
    expect(errors[0]).toBeInstanceOf(RolledBackError);
    expect(errors[0]?.message).toMatch(/text is old, wanted new/);
  });

  test('is rolled back at once when the run is interrupted while it is proved', async () => {
    const controller = new AbortController();
    const load = (): FakeAnswer => {
      controller.abort();
      return {};
    };
    const { host, side } = hostWith({ loads: false, answers: { load } });
    const { errors } = await play(host, [change()], false, controller.signal);
    expect(errors[0]).toBeInstanceOf(RolledBackError);
    expect(errors[0]?.message).toMatch(/^interrupted while it was proved\n/);
    expect(side.calls).toEqual(['begin', 'cut', 'load', 'request']);
  });

  test('is rolled back when the confirmation comes too late', async () => {
    const { host, side } = hostWith();
    side.answers = {
      confirm: () => {
        side.state = 'rolled-back';
        return { exitCode: 77 };
      },
    };
    const { errors } = await play(host, [change()]);
    expect(errors[0]).toBeInstanceOf(RolledBackError);
    expect(errors[0]?.message).toMatch(/the confirmation came too late/);
  });

  test('stays when only the answer to the confirmation was lost', async () => {
    const { host, side } = hostWith();
    side.answers = {
      confirm: () => {
        side.state = 'confirmed';
        takeSeconds(4);
        throw new ConnectionError('gone');
      },
      request: { exitCode: 76 },
    };
    const { phases, statuses } = await play(host, [change()]);
    expect(phases.at(-1)).toBe('confirmed');
    expect(statuses).toEqual(['changed', 'changed']);
  });

  test('is unverified when what differs matters to reaching the host, which is named', async () => {
    const compared =
      'compared yes\ndiffers other net.core.x is 1, was 0\ndiffers reach the rule of IPv4 is gone: 100 all';
    const { host } = hostWith({ compared, answers: { load: { exitCode: 1 } } });
    const { errors, phases } = await play(host, [change()]);
    expect(errors[0]).toBeInstanceOf(RollBackUnverifiedError);
    expect(errors[0]?.message).toMatch(
      /could not be verified: the host is not as it was before in:\n {2}the rule of IPv4 is gone: 100 all\n {2}net\.core\.x is 1, was 0$/,
    );
    expect(phases).not.toContain('rolled-back');
  });

  test.each<[string, string, RegExp]>([
    [
      'something else differs',
      'compared yes\ndiffers other the unit network is failed, was active',
      /was rolled back: the host is not as it was before in:\n {2}the unit network is failed, was active$/,
    ],
    [
      'not all could be compared',
      'compared yes\ndiffers unread routing rules of IPv6',
      /was rolled back: no difference was found, but not all was compared:\n {2}not compared: routing rules of IPv6$/,
    ],
  ])('is rolled back, and not said to be as before, when %s', async (_what, compared, words) => {
    const { host } = hostWith({ compared, answers: { load: { exitCode: 1 } } });
    const { errors } = await play(host, [change()]);
    expect(errors[0]).toBeInstanceOf(RolledBackError);
    expect(errors[0]?.message).toMatch(words);
    expect(errors[0]?.message).not.toMatch(/is as it was before/);
  });

  test.each<[string, FakeAnswer, typeof RolledBackError | typeof RollBackUnverifiedError, RegExp]>([
    ['is as before where it finds nothing', { stdout: 'compared yes\n' }, RolledBackError, /as it was before$/],
    [
      'is unverified where it cannot',
      { exitCode: 76 },
      RollBackUnverifiedError,
      /the host has not compared itself with what it was before$/,
    ],
  ])('compares itself once more where it has no record of that, and %s', async (_what, answer, kind, words) => {
    const { host, side } = hostWith({ compared: undefined, answers: { load: { exitCode: 1 } } });
    side.compares = answer;
    const { errors } = await play(host, [change()]);
    expect(errors[0]).toBeInstanceOf(kind);
    expect(errors[0]?.message).toMatch(words);
  });

  test('compares itself once more where something that matters differed: a DHCP client may have waited for its link', async () => {
    const compared = 'compared yes\ndiffers reach the DHCP client dhclient of ens33 does not run';
    const { host, side } = hostWith({ compared, answers: { load: { exitCode: 1 } } });
    side.compares = { stdout: 'compared yes\n' };
    const { errors } = await play(host, [change()]);
    expect(errors[0]).toBeInstanceOf(RolledBackError);
    expect(errors[0]?.message).toMatch(/as it was before$/);
  });

  test('fails as a task does when nothing could be armed: nothing was written', async () => {
    const { host, side } = hostWith({ answers: { begin: { exitCode: 1, stderr: 'No space left on device' } } });
    const { phases, errors } = await play(host, [change()]);
    expect(phases).toEqual(['looking', 'arming']);
    expect(errors[0]).toBeInstanceOf(CommandError);
    expect(side.calls).toEqual(['begin']);
    expect(host.files.get('/etc/net')).toBe('old');
  });
});

describe('a network change that an earlier run has left', () => {
  const own = { state: 'armed', id: 'abcd1234', fingerprint: fingerprintOf(change()) };

  test('is confirmed where it holds', async () => {
    const { host, side } = hostWith({ ...own, calls: ['load'] });
    host.files.set('/etc/net', 'new');
    const { phases, statuses } = await play(host, [change()]);
    expect(phases).toEqual(['taking-up', 'confirming', 'confirmed']);
    expect(statuses).toEqual(['ok', 'ok']);
    expect(side.calls).toEqual(['load', 'confirm']);
  });

  test('is rolled back where it does not, and made anew', async () => {
    const { host, side } = hostWith(own);
    const { phases, statuses } = await play(host, [change()]);
    expect(phases.slice(0, 4)).toEqual(['taking-up', 'rolling-back', 'rolled-back', 'looking']);
    expect(statuses).toEqual(['changed', 'changed']);
    expect(side.calls).toEqual(['request', 'begin', 'cut', 'load', 'confirm']);
  });

  test.each<[string, Partial<HostSide>, boolean, RegExp]>([
    [
      'of another site',
      { ...own, fingerprint: 'other' },
      false,
      /abcd1234 \('net', by me\) is pending for 3 s; it rolls back by itself in 7 s; wait for that, or decide by hand:\n {2}npx kvm-play network confirm fake\n {2}npx kvm-play network rollback fake$/,
    ],
    [
      'that is going back',
      { ...own, fingerprint: 'other', state: 'rolling-back' },
      false,
      /it is being rolled back now/,
    ],
    [
      'of this site, in check mode',
      own,
      true,
      /pending for 3 s.*; run the site without --check or --apply-plan to confirm it$/,
    ],
  ])('%s is refused, naming it', async (_what, side, check, words) => {
    const { host } = hostWith(side);
    const { errors, statuses } = await play(host, [change()], check);
    expect(errors[0]).toBeInstanceOf(PendingChangeError);
    expect(errors[0]?.message).toMatch(words);
    expect(statuses).toEqual(['skipped', 'skipped']);
    expect(host.executed).toEqual([]);
  });
});

describe('a network change that was planned', () => {
  test('is made as it was planned', async () => {
    const { host, side } = hostWith();
    const plan = await planFor(host, [change()]);
    expect(plan.plays[0]?.hosts[0]?.networkChanges).toEqual([
      expect.objectContaining({ title: 'network change', confirmWithin: 10, files: ['/etc/net'] }),
    ]);
    expect(await applyPlan(host, [change()], plan)).toEqual({
      ends: ['config /etc/net changed', 'loader load changed'],
      errors: [],
      executed: stepsOf(plan),
    });
    expect(side.state).toBe('confirmed');
  });

  test('is not begun where less would be proved than was planned, or in another time', async () => {
    const { host, side } = hostWith();
    const plan = await planFor(host, [change()]);
    expect((await applyPlan(host, [change({ confirmWithin: 20 })], plan)).errors).toEqual([
      expect.stringMatching(/^the network change .* is not as it was planned, so .*\nplanned: .* 10 s.*\nnow: .* 20 s/),
    ]);
    host.commands.set('ip -4 route show default', {});
    const { ends, errors, executed } = await applyPlan(host, [change()], plan);
    expect(errors[0]).toMatch(/\nplanned: .*; the default route goes via 192\.168\.221\.1\nnow: (?!.*default route)/);
    expect(ends).toEqual(['config /etc/net failed', 'loader load skipped']);
    expect([executed, side.calls]).toEqual([[], []]);
  });

  test('is made where more would be proved', async () => {
    const { host } = hostWith();
    const gateway = host.commands.get('ip -4 route show default') ?? {};
    host.commands.set('ip -4 route show default', {});
    const plan = await planFor(host, [change()]);
    host.commands.set('ip -4 route show default', gateway);
    expect((await applyPlan(host, [change()], plan)).errors).toEqual([]);
  });

  test('is planned as a whole in its turn: where one task would do something else, nothing is begun', async () => {
    const { host, side } = hostWith();
    const before = entry('Before', { path: '/before', text: 'text' });
    const plan = await planFor(host, [before, change()]);
    const read = host.reader.readFile;
    Object.assign(host.reader, {
      readFile: (path: string) => {
        if (host.files.has('/before')) host.files.set('/etc/net', 'moved');
        return read(path);
      },
    });
    const { ends, errors, executed } = await applyPlan(host, [before, change()], plan);
    expect(ends).toEqual(['Before changed', 'config /etc/net failed', 'loader load skipped']);
    expect(errors[0]).toMatch(/^what 'config \/etc\/net' would do is not what was planned/);
    expect([executed, side.calls]).toEqual([stepsOf(plan).slice(0, 1), []]);
  });

  test('is not taken up where an earlier run has left it: that is in no plan', async () => {
    const { host, side } = hostWith();
    const plan = await planFor(host, [change()]);
    Object.assign(side, { state: 'armed', id: '1234abcd', fingerprint: fingerprintOf(change()) });
    const { errors } = await applyPlan(host, [change()], plan);
    expect([errors, side.calls]).toEqual([
      [expect.stringMatching(/run the site without --check or --apply-plan to confirm it$/)],
      [],
    ]);
  });
});
