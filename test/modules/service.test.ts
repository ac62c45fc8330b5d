import { describe, expect, test } from '@jest/globals';
import { defineModule } from '../../lib/engine/define_module.ts';
import type { Difference } from '../../lib/task/diff.ts';
import { command } from '../../lib/task/step.ts';
import type { Task } from '../../lib/task/task.ts';
import { FakeHost } from '../../lib/testing/index.ts';
import { file } from '../../modules/file.ts';
import { type ServiceArgs, service } from '../../modules/service.ts';
import { systemctlCapture, type UnitCapture, unitCapture } from '../support/systemctl_captures.ts';

const properties =
  'Id,LoadState,ActiveState,SubState,UnitFileState,Type,Restart,ActiveEnterTimestampMonotonic,NeedDaemonReload,SourcePath,TriggeredBy,WantedBy,RequiredBy,Triggers,Conflicts,CanStart,CanStop,RemainAfterExit';

const socketsAtRest = ['libvirtd-admin.socket', 'libvirtd-ro.socket', 'libvirtd.socket'].map(
  (name) => `Id=${name}\nLoadState=loaded\nActiveState=inactive\nSubState=dead\nUnitFileState=enabled\n`,
);

/** Answers for one unit as it was captured; `now` can be asked again after it has changed. */
function answer(host: FakeHost, now: () => UnitCapture): void {
  const { unit } = now();
  const pattern = unit.endsWith('.service') ? ` ${unit.slice(0, -'.service'.length)}*.socket` : '';
  host.commands.set(`systemctl show -p ${properties} ${unit}${pattern}`, () => ({ stdout: now().shown }));
  host.commands.set(`systemctl is-enabled ${unit}`, () => now().isEnabled);
}

function hostWith(name: string, change: (shown: string) => string = (shown) => shown, isEnabled?: string): FakeHost {
  const host = new FakeHost();
  const { unit, shown, isEnabled: captured } = unitCapture(name);
  answer(host, () => ({
    unit,
    shown: change(shown),
    isEnabled: isEnabled === undefined ? captured : { exitCode: 0, stdout: `${isEnabled}\n`, stderr: '' },
  }));
  const triggers = /^TriggeredBy=(.+)$/m.exec(shown)?.[1]?.split(' ').sort().join(' ');
  if (name === 'stopped daemon') {
    host.commands.set(`systemctl show -p ${properties} ${triggers}`, { stdout: socketsAtRest.join('\n') });
  }
  return host;
}

/** By the captures: `systemctl stop` does nothing to a unit that has failed, the script past its redirection does; a client is left. */
const undo = {
  withNewFiles: [
    ['systemctl', 'stop', 'network'],
    ['env', 'SYSTEMCTL_SKIP_REDIRECT=1', '/etc/init.d/network', 'stop'],
    ['pkill', '-f', '^[^ ]*dhclient .*-lf [^ ]* -pf (/var)?/run/dhclient6?-'],
  ],
  before: ['network.service'],
};
const linkStep = { timeLimit: 300, units: ['network'], disrupts: 'link', judgedBy: 'state', undo } as const;

/** A task that writes what `network` loads; `loaded` says what of it is in force. */
function written(loaded: () => readonly Difference[] = () => []): Task {
  return defineModule<object, object, undefined>({
    name: 'written',
    desired: () => ({}),
    subject: () => 'br0',
    read: async () => ({ state: {}, found: undefined }),
    plan: () => [],
    inForce: async () => ({ loaded: loaded(), settled: [] }),
  })({});
}

const due: Difference = { path: 'br0', wanted: 'there', actual: undefined };

describe('desired', () => {
  test('the name is the short one, and reflecting others means started', () => {
    expect(service({ name: 'libvirtd.service', state: 'started' }).title).toBe('service libvirtd');
    expect(service({ name: 'network', reflects: [written()] }).provides).toEqual(['unit:network']);
  });

  test('what is started provides the unit, and a socket its daemon', () => {
    expect(service({ name: 'libvirtd', state: 'started' }).provides).toEqual(['unit:libvirtd']);
    expect(service({ name: 'libvirtd.socket', state: 'started' }).provides).toEqual([
      'unit:libvirtd.socket',
      'unit:libvirtd',
    ]);
    expect(service({ name: 'libvirtd', state: 'stopped', enabled: true }).provides).toEqual([]);
  });

  test.each<[string, ServiceArgs & { reflects?: readonly Task[] }, RegExp]>([
    ['no want', { name: 'libvirtd' }, /nothing is wanted of libvirtd/],
    ['an option for a name', { name: '--force', state: 'stopped' }, /"--force" is no unit's name/],
    ['a pattern', { name: 'virt*', state: 'stopped' }, /is no unit's name/],
    ['two names', { name: 'a b', state: 'stopped' }, /is no unit's name/],
    ['a template without its instance', { name: 'getty@', state: 'stopped' }, /is no unit's name/],
    ['to load while stopped', { name: 'network', state: 'stopped', reflects: [written()] }, /it can load nothing/],
    ['masked and started', { name: 'network', masked: true, state: 'started' }, /neither started nor enabled/],
    ['masked and loading', { name: 'network', masked: true, reflects: [written()] }, /neither started nor enabled/],
    ['masked and enabled', { name: 'network', masked: true, enabled: true }, /neither started nor enabled/],
  ])('%s is refused', (_what, args, message) => {
    expect(() => service(args)).toThrow(message);
  });
});

describe('read', () => {
  type Wants = Omit<ServiceArgs, 'name'>;

  async function look(host: FakeHost, name: string, wants: Wants) {
    const reading = await service({ name: unitCapture(name).unit, ...wants }).read(host.reader);
    const actual = Object.fromEntries(reading.differences.map((each) => [each.path, each.actual]));
    return { ...reading, actual };
  }

  test.each<[string, Wants, Record<string, unknown>]>([
    ['running daemon', { state: 'started', enabled: true, masked: false }, {}],
    [
      'running daemon',
      { state: 'stopped', enabled: false, masked: true },
      { state: 'started', enabled: true, masked: false },
    ],
    ['listening daemon', { state: 'started' }, {}],
    ['listening daemon', { state: 'stopped' }, { state: 'started' }],
    ['stopped daemon', { state: 'started' }, { state: 'stopped' }],
    ['stopped daemon', { state: 'stopped' }, {}],
    ['stopped script', { state: 'started', enabled: true }, { state: 'stopped', enabled: false }],
    ['stopped script', { state: 'stopped', enabled: false }, {}],
    ['running script', { state: 'started', enabled: true }, {}],
    ['running script', { enabled: false }, { enabled: true }],
    ['failed script', { state: 'started' }, { state: 'stopped' }],
    ['failed script', { state: 'stopped' }, {}],
    ['masked script', { masked: true, enabled: false, state: 'stopped' }, {}],
    ['masked script', { masked: false, enabled: true }, { masked: true, enabled: false }],
    ['unknown unit', { state: 'stopped', enabled: false, masked: false }, {}],
    ['static unit', { enabled: true }, { enabled: false }],
    ['static unit', { enabled: false }, {}],
    ['static unit that a socket triggers', { enabled: true }, {}],
    ['indirect unit', { enabled: false }, { enabled: true }],
    ['unit enabled for this boot', { enabled: true }, { enabled: 'runtime' }],
    ['unit enabled for this boot', { enabled: false }, { enabled: 'runtime' }],
    ['alias', { enabled: true }, {}],
    ['alias', { enabled: false }, { enabled: true }],
    ['crash-looping unit', { state: 'stopped' }, { state: 'started' }],
    ['socket', { state: 'started' }, {}],
  ])('%s, wanted %j: %j', async (name, wants, actual) => {
    const seen = await look(hostWith(name), name, wants);
    expect(seen.actual).toEqual(actual);
    expect(seen.settling).toBe(false);
    expect(seen.missing).toEqual([]);
  });

  test('of several sockets the one of its own name makes a daemon count as started, and any keeps it from being stopped', async () => {
    const ownIsClosed = (shown: string) =>
      shown
        .split('\n\n')
        .map((block) => (block.includes('Id=libvirtd.socket') ? block.replace('=active', '=inactive') : block))
        .join('\n\n');
    const host = hostWith('listening daemon', ownIsClosed);
    expect((await look(host, 'listening daemon', { state: 'started' })).actual).toEqual({ state: 'stopped' });
    expect((await look(host, 'listening daemon', { state: 'stopped' })).actual).toEqual({ state: 'started' });
  });

  test('a socket that only looks as if it were its own does not count', async () => {
    const host = hostWith('listening daemon', (shown) => shown.replace(/^TriggeredBy=lib.*$/m, 'TriggeredBy='));
    expect((await look(host, 'listening daemon', { state: 'started' })).actual).toEqual({ state: 'stopped' });
  });

  test.each<[string, Wants, Record<string, unknown>]>([
    ['linked', { enabled: true }, { enabled: false }],
    ['linked', { enabled: false }, {}],
    ['linked-runtime', { enabled: false }, { enabled: 'runtime' }],
    ['masked-runtime', { masked: true }, { masked: 'runtime' }],
    ['masked-runtime', { enabled: false }, {}],
    ['generated', { enabled: true }, { enabled: false }],
    ['bad', { enabled: false }, {}],
  ])('a unit file that is %s, wanted %j: %j', async (word, wants, actual) => {
    const name = 'static unit';
    expect((await look(hostWith(name, undefined, word), name, wants)).actual).toEqual(actual);
  });

  test.each<[string, Wants]>([
    ['starting unit', { state: 'started' }],
    ['stopping unit', { state: 'started' }],
    ['stopping unit', { state: 'stopped' }],
    ['crash-looping unit', { state: 'started' }],
  ])('%s settles, wanted %j', async (name, wants) => {
    expect((await look(hostWith(name), name, wants)).settling).toBe(true);
  });

  test('a starting unit that is to be stopped is not waited for', async () => {
    const seen = await look(hostWith('starting unit'), 'starting unit', { state: 'stopped' });
    expect(seen).toMatchObject({ settling: false, actual: { state: 'started' } });
  });

  test('a crash-looping unit is warned of', async () => {
    const { warnings } = await look(hostWith('crash-looping unit'), 'crash-looping unit', { state: 'started' });
    expect(warnings).toEqual([expect.stringContaining('ends as soon as it is started')]);
  });

  test('a unit that can crash counts as started once it has held for a while', async () => {
    const name = 'unit that has just started';
    const host = hostWith(name);
    const uptime = systemctlCapture('proc-uptime');
    host.files.set('/proc/uptime', uptime);
    expect((await look(host, name, { state: 'started' })).settling).toBe(true);
    const [seconds = ''] = uptime.split(' ');
    host.files.set('/proc/uptime', `${Number(seconds) + 2} 0.00\n`);
    expect((await look(host, name, { state: 'started' })).settling).toBe(false);
  });

  test.each<[string, string, boolean]>([
    ['all that it names is enabled', 'enabled', true],
    ['not all of it is', 'disabled', false],
  ])('an indirect unit is enabled when %s', async (_what, word, enabled) => {
    const host = hostWith('indirect unit');
    host.commands.set('systemctl cat virtlockd.service', { stdout: systemctlCapture('cat-virtlockd') });
    host.commands.set('systemctl is-enabled virtlockd.socket', {
      stdout: `${word}\n`,
      exitCode: word === 'enabled' ? 0 : 1,
    });
    const { actual } = await look(host, 'indirect unit', { enabled: true });
    expect(actual).toEqual(enabled ? {} : { enabled: false });
  });

  test.each<[string, Wants]>([
    ['nosuch', { state: 'started' }],
    ['nosuch', { enabled: true }],
  ])('there is no unit %s, wanted %j', async (name, wants) => {
    const host = hostWith('unknown unit');
    const { missing, plan } = await service({ name, ...wants }).read(host.reader);
    expect(missing).toEqual([
      { key: 'unit-file:nosuch', what: 'there is no unit nosuch.service on the host', remedy: expect.any(String) },
    ]);
    expect(plan([]).length).toBe(1);
  });

  test('systemd 253 and later say not-found where older ones say nothing', async () => {
    const { missing } = await service({ name: 'nosuch', enabled: true }).read(
      hostWith('unknown unit', undefined, 'not-found').reader,
    );
    expect(missing).toHaveLength(1);
  });

  test.each([
    ['without systemctl', { exitCode: 127, stderr: 'sh: systemctl: not found\n' }, 'there is no systemctl on the host'],
    [
      'that systemd has not booted',
      {
        exitCode: 1,
        stderr:
          "System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus: Host is down\n",
      },
      "systemd cannot be asked (System has not been booted with systemd as init system (PID 1). Can't operate.)",
    ],
  ])('a host %s', async (_what, failure, what) => {
    const host = new FakeHost();
    host.commands.set(`systemctl show -p ${properties} network.service network*.socket`, failure);
    const { missing, plan } = await service({ name: 'network', state: 'started' }).read(host.reader);
    expect(missing).toEqual([{ key: 'tool:systemctl', what, remedy: expect.stringContaining('systemd has booted') }]);
    expect(plan([])).toEqual([command(['systemctl', 'start', 'network'], linkStep)]);
  });

  test.each<[string, string, Wants, RegExp | undefined]>([
    ['NetworkManager', 'running NetworkManager', { state: 'stopped' }, /is back after the next boot/],
    ['NetworkManager', 'running NetworkManager', { state: 'stopped', enabled: false }, undefined],
    ['network', 'stopped script', { state: 'started' }, /gone after the next boot/],
    ['network', 'running script', { state: 'started' }, undefined],
    ['libvirtd', 'running daemon', { state: 'stopped' }, undefined],
  ])('%s, a %s, wanted %j, warns: %s', async (_name, name, wants, warning) => {
    const { warnings } = await look(hostWith(name), name, wants);
    expect(warnings).toEqual(warning === undefined ? [] : [expect.stringMatching(warning)]);
  });

  test('it only asks what cannot change anything', async () => {
    const host = hostWith('indirect unit');
    await look(host, 'indirect unit', { state: 'started', enabled: true });
    expect(host.asked.every((line) => /^systemctl (show|is-enabled|cat) /.test(line))).toBe(true);
    expect(host.executed).toEqual([]);
  });
});

describe('plan', () => {
  test.each<[string, Omit<ServiceArgs, 'name'>, readonly unknown[]]>([
    [
      'listening daemon',
      { state: 'stopped' },
      [['stop', 'libvirtd-admin.socket', 'libvirtd-ro.socket', 'libvirtd.socket']],
    ],
    [
      'running daemon',
      { state: 'stopped', enabled: false, masked: true },
      [
        ['disable', 'libvirtd-admin.socket', 'libvirtd-ro.socket', 'libvirtd.socket', 'libvirtd'],
        ['stop', 'libvirtd-admin.socket', 'libvirtd-ro.socket', 'libvirtd.socket', 'libvirtd'],
        ['mask', 'libvirtd'],
      ],
    ],
    ['stopped daemon', { state: 'started' }, [['start', 'libvirtd']]],
    [
      'stopped daemon',
      { enabled: false },
      [['disable', 'libvirtd-admin.socket', 'libvirtd-ro.socket', 'libvirtd.socket', 'libvirtd']],
    ],
    ['stopped script', { enabled: true }, [['enable', 'network']]],
    ['running script', { enabled: false }, [['disable', 'network']]],
    ['unit enabled for this boot', { enabled: true }, [['enable', 'aliased']]],
    ['unit enabled for this boot', { enabled: false }, [['disable', '--runtime', 'aliased']]],
    ['alias', { enabled: false }, [['disable', 'aliased.service']]],
    ['indirect unit', { enabled: false }, [['disable', 'virtlockd.socket']]],
    [
      'masked script',
      { masked: false, enabled: false },
      [
        ['unmask', 'network'],
        ['disable', 'network'],
      ],
    ],
    ['crash-looping unit', { state: 'stopped' }, [['stop', 'crash']]],
    [
      'running NetworkManager',
      { state: 'stopped', enabled: false },
      [
        ['disable', 'NetworkManager'],
        ['stop', 'NetworkManager'],
      ],
    ],
  ])('%s, wanted %j', async (name, wants, steps) => {
    const { plan } = await service({ name: unitCapture(name).unit, ...wants }).read(hostWith(name).reader);
    expect(plan([]).map((step) => (step.kind === 'command' ? step.argv : step))).toEqual(
      steps.map((words) => ['systemctl', ...(Array.isArray(words) ? words : [])]),
    );
  });

  test.each<[string, string, ServiceArgs, string | undefined]>([
    [
      'stopping NetworkManager leaves the links',
      'running NetworkManager',
      { name: 'NetworkManager', state: 'stopped' },
      undefined,
    ],
    ['starting the network cuts them', 'stopped script', { name: 'network', state: 'started' }, 'link'],
    ['stopping the network cuts them', 'running script', { name: 'network', state: 'stopped' }, 'link'],
    ['stopping libvirtd leaves guests running', 'running daemon', { name: 'libvirtd', state: 'stopped' }, undefined],
  ])('%s', async (_what, name, args, disrupts) => {
    const [step] = (await service(args).read(hostWith(name).reader)).plan([]);
    expect(step).toMatchObject({ timeLimit: 300, units: expect.arrayContaining([args.name]) });
    expect(step && 'disrupts' in step ? step.disrupts : undefined).toBe(disrupts);
  });

  const restart = command(['systemctl', 'restart', 'network'], linkStep);
  const start = command(['systemctl', 'start', 'network'], linkStep);
  const { undo: _undo, ...stopStep } = linkStep;
  const scriptStop = command(['env', 'SYSTEMCTL_SKIP_REDIRECT=1', '/etc/init.d/network', 'stop'], stopStep);

  test.each<[string, readonly Difference[], readonly unknown[]]>([
    ['running script', [], []],
    ['running script', [due], [restart]],
    ['failed script', [], []],
    ['failed script', [due], [scriptStop, start]],
    ['stopped script', [], [start]],
    ['stopped script', [due], [scriptStop, start]],
  ])('a %s that reflects others, %j', async (name, dues, steps) => {
    const task = service({ name: 'network', reflects: [written()] });
    const reading = await task.read(hostWith(name).reader);
    expect(reading.differences.length > 0 || dues.length > 0 ? reading.plan(dues) : []).toEqual(steps);
    if (name === 'failed script') expect(reading.warnings).toEqual([expect.stringContaining('network has failed')]);
  });

  test('a unit that has failed is not started, where nothing says whether what it loads is in force', async () => {
    const plain = file({ path: '/etc/app.conf', content: 'x' });
    const host = hostWith('failed script');
    const reading = await service({ name: 'network', reflects: [plain] }).read(host.reader);
    expect(reading.differences).toEqual([{ path: 'state', wanted: 'started', actual: 'stopped' }]);
    expect(reading.warnings).not.toContainEqual(expect.stringContaining('network has failed'));
  });

  test('a network that systemd runs as a unit of its own is stopped by its script too', async () => {
    const host = hostWith('failed script', (shown) => shown.replace(/^SourcePath=.*$/m, 'SourcePath='));
    const task = service({ name: 'network', reflects: [written()] });
    expect((await task.read(host.reader)).plan([due])).toEqual([start]);
    host.files.set('/etc/init.d/network', '#!/bin/bash\n');
    expect((await task.read(host.reader)).plan([due])).toEqual([scriptStop, start]);
  });

  test('a mask until the next boot is taken off as such', async () => {
    const { plan } = await service({ name: 'network', masked: false }).read(
      hostWith('masked script', undefined, 'masked-runtime').reader,
    );
    expect(plan([])).toEqual([command(['systemctl', 'unmask', '--runtime', 'network'], { units: ['network'] })]);
  });

  test('a changed unit file is read again before it is started', async () => {
    const host = hostWith('stopped script', (shown) => shown.replace('NeedDaemonReload=no', 'NeedDaemonReload=yes'));
    const { plan } = await service({ name: 'network', state: 'started' }).read(host.reader);
    expect(plan([])).toEqual([command(['systemctl', 'daemon-reload']), start]);
  });

  test.each<[string, ServiceArgs, RegExp]>([
    [
      'masked script',
      { name: 'network', state: 'started' },
      /network is to be started and is masked.*only masked: false/,
    ],
    ['masked script', { name: 'network', enabled: true }, /network is to be enabled and is masked/],
    ['static unit', { name: 'statictest', enabled: true }, /statictest cannot be enabled: its unit file is static/],
  ])('%s, wanted %j, is refused', async (name, args, message) => {
    await expect(service.check(hostWith(name), args)).rejects.toThrow(message);
  });

  test('the network is not restarted unless the task says that it may cut links', async () => {
    const host = hostWith('running script');
    await expect(service.apply(host, { name: 'network', reflects: [written(() => [due])] })).rejects.toThrow(
      "'systemctl restart network' would cut network links",
    );
    expect(host.executed).toEqual([]);
  });
});

describe('round trip', () => {
  /** A host whose unit goes from one captured state to the next as commands are taken. */
  function changing(first: string, next: Record<string, string>, onStep: () => void = () => {}): FakeHost {
    let name = first;
    const host: FakeHost = new FakeHost({
      onStep: (argv) => {
        name = next[argv.join(' ')] ?? name;
        onStep();
        return {};
      },
    });
    answer(host, () => unitCapture(name));
    const [, sockets] = [...hostWith('stopped daemon').commands.keys()].filter((line) => line.includes(' show '));
    host.commands.set(sockets ?? '', { stdout: socketsAtRest.join('\n') });
    return host;
  }

  test.each<[string, FakeHost, ServiceArgs & { disrupts?: readonly ['link'] }]>([
    [
      'started and enabled',
      changing('stopped script', { 'systemctl start network': 'running script' }),
      { name: 'network', state: 'started', enabled: true, disrupts: ['link'] },
    ],
    [
      'stopped, sockets and all',
      changing('running daemon', {
        'systemctl stop libvirtd-admin.socket libvirtd-ro.socket libvirtd.socket libvirtd': 'stopped daemon',
      }),
      { name: 'libvirtd', state: 'stopped' },
    ],
    [
      'masked',
      changing('running script', { 'systemctl mask network': 'masked script' }),
      { name: 'network', masked: true },
    ],
  ])('%s', async (_what, host, args) => {
    expect((await service.check(host, args)).changed).toBe(true);
    expect(host.executed).toEqual([]);
    expect(host.locked).toBe(false);
    expect((await service.apply(host, args)).changed).toBe(true);
    const taken = host.executed.length;
    expect(await service.apply(host, args)).toMatchObject({ changed: false, steps: [], differences: [] });
    expect(host.executed).toHaveLength(taken);
  });

  test('a restart happens when what it loads is not in force, and only then', async () => {
    let inForce = false;
    const host = changing('running script', {}, () => {
      inForce = true;
    });
    const args = {
      name: 'network',
      reflects: [written(() => (inForce ? [] : [due]))],
      disrupts: ['link'] as const,
    };
    expect(await service.check(host, args)).toMatchObject({
      changed: true,
      steps: [{ argv: ['systemctl', 'restart', 'network'] }],
    });
    expect(host.executed).toEqual([]);
    expect((await service.apply(host, args)).changed).toBe(true);
    expect(await service.apply(host, args)).toMatchObject({ changed: false, steps: [] });
  });
});
