import { beforeAll, expect, test } from '@jest/globals';
import type { Task } from '../../lib/task/task.ts';
import { command, file, service } from '../../modules/index.ts';
import { hostState } from './host_state.ts';
import { withLab } from './support.ts';

const idle = '[Service]\nExecStart=/bin/sleep infinity\n';
const install = '[Install]\nWantedBy=multi-user.target\n';

/** Unit files by where they are: each is odd in its own way. */
const unitFiles: Readonly<Record<string, string>> = {
  '/etc/systemd/system/kp-own.service': idle + install,
  '/usr/lib/systemd/system/kp-vendor.service': idle + install,
  '/usr/lib/systemd/system/kp-template@.service': idle + install,
  '/usr/lib/systemd/system/kp-static.service': idle,
  '/usr/lib/systemd/system/kp-once.service': '[Service]\nType=oneshot\nExecStart=/bin/true\n',
  '/usr/lib/systemd/system/kp-remains.service': '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n',
  '/usr/lib/systemd/system/kp-manual.service': `[Unit]\nRefuseManualStart=yes\nRefuseManualStop=yes\n${idle}`,
  '/usr/lib/systemd/system/kp-unstoppable.service': `[Unit]\nRefuseManualStop=yes\n${idle}`,
  '/usr/lib/systemd/system/kp-bad.service': '[Service]\nType=nonsense\n',
  '/usr/lib/systemd/system/kp-one.service': `[Unit]\nConflicts=kp-other.service\n${idle}`,
  '/usr/lib/systemd/system/kp-other.service': idle,
  '/usr/lib/systemd/system/kp-talks.socket':
    '[Socket]\nListenStream=/run/kp-talks\n[Install]\nWantedBy=sockets.target\n',
  '/usr/lib/systemd/system/kp-talks.service': idle,
  '/usr/lib/systemd/system/kp-clock.timer': '[Timer]\nOnActiveSec=1000d\nUnit=kp-clock.service\n',
  '/usr/lib/systemd/system/kp-clock.service': idle,
  '/opt/kp-linked.service': idle,
  '/opt/kp-linked-well.service': idle + install,
};

withLab('services on a throwaway host', (machine) => {
  beforeAll(async () => {
    for (const [path, text] of Object.entries(unitFiles)) await machine.lab.putFile(path, text);
    const script = `systemctl daemon-reload; systemctl link /opt/kp-linked.service /opt/kp-linked-well.service
ln -s kp-vendor.service /usr/lib/systemd/system/kp-nick.service; systemctl daemon-reload
systemctl start kp-unstoppable kp-other kp-talks.service kp-clock.timer kp-clock.service`;
    await machine.inside(script);
  });

  /** Runs a play, and gives what became of each task, with what was warned of. */
  async function told(tasks: readonly Task[], check: boolean): Promise<readonly string[]> {
    const { events } = await machine.run(tasks, { check });
    return events.flatMap((event) => {
      if (event.type === 'host-failed') return [event.error.message];
      if (event.type !== 'task-end') return [];
      return [[event.error?.message ?? event.status, ...(event.result?.warnings ?? [])].join('; ')];
    });
  }

  test('check says what apply does; what systemd would refuse is refused before the first step, with what to do', async () => {
    const cases: readonly (readonly [Task, RegExp])[] = [
      [
        service({ name: 'kp-own', masked: true }),
        /kp-own cannot be masked: .*\/etc\/systemd\/system\/kp-own\.service.*take that away/,
      ],
      [service({ name: 'kp-linked', masked: true }), /kp-linked cannot be masked/],
      [service({ name: 'kp-template@x', masked: true }), /^changed$/],
      [service({ name: 'kp-static', enabled: true }), /kp-static cannot be enabled: its unit file is static/],
      [service({ name: 'kp-linked', enabled: true }), /kp-linked cannot be enabled: .*no \[Install\] section/],
      [service({ name: 'kp-linked-well', enabled: true }), /^changed$/],
      [service({ name: 'kp-nick', enabled: true }), /^changed$/],
      [service({ name: 'kp-nick', enabled: false }), /^changed$/],
      [service({ name: 'kp-once', state: 'started' }), /kp-once cannot be started: .*Type=oneshot/],
      [service({ name: 'kp-remains', state: 'started' }), /^changed$/],
      [service({ name: 'kp-manual', state: 'started' }), /kp-manual cannot be started: .*RefuseManualStart/],
      [service({ name: 'kp-unstoppable', state: 'stopped' }), /kp-unstoppable cannot be stopped: .*RefuseManualStop/],
      [
        service({ name: 'kp-bad', state: 'started' }),
        /kp-bad cannot be started: systemd cannot make sense of its unit file/,
      ],
      [service({ name: 'kp-one', state: 'started' }), /^changed; to start kp-one stops kp-other\.service/],
      [service({ name: 'kp-talks.socket', state: 'started' }), /cannot be started: kp-talks\.service runs already/],
      [service({ name: 'kp-talks', state: 'stopped' }), /^changed$/],
      [service({ name: 'kp-talks.socket', state: 'started', enabled: true }), /^changed$/],
      [service({ name: 'kp-talks', state: 'stopped', enabled: false }), /^changed$/],
      [
        service({ name: 'kp-clock', state: 'stopped' }),
        /^changed; kp-clock\.timer is active and starts kp-clock again/,
      ],
      [service({ name: 'init.scope', enabled: true }), /init\.scope cannot be enabled/],
      [service({ name: 'kp-vendor', masked: true }), /^changed$/],
    ];
    const before = await hostState(machine.lab);
    for (const [task] of cases) await told([task], true);
    expect(await hostState(machine.lab)).toEqual(before);
    for (const [task, expected] of cases) {
      const checked = await told([task], true);
      expect([task.title, ...checked]).toEqual([task.title, expect.stringMatching(expected)]);
      expect([task.title, ...(await told([task], false))]).toEqual([task.title, ...checked]);
    }
  });

  test('a service whose unit file an earlier task writes can be started and enabled in the same play', async () => {
    const tasks = [
      file({ path: '/etc/systemd/system/kp-new.service', content: idle + install }),
      service({ name: 'kp-new', state: 'started', enabled: true }),
    ];
    expect(await told(tasks, true)).toEqual(['changed', 'changed']);
    expect(await told(tasks, false)).toEqual(['changed', 'changed']);
    expect(await told(tasks, false)).toEqual(['ok', 'ok']);
  });

  test('what a command says that it provides counts as there, in check mode as well', async () => {
    const script = `printf '%s' "$0" > /etc/systemd/system/kp-installed.service`;
    const tasks = (provides: readonly 'unit-file:kp-installed'[]): readonly Task[] => [
      command({
        argv: ['sh', '-c', script, idle + install],
        creates: '/etc/systemd/system/kp-installed.service',
        provides,
      }),
      service({ name: 'kp-installed', state: 'started' }),
    ];
    expect((await told(tasks([]), true))[0]).toMatch(/there is no unit kp-installed\.service on the host/);
    expect(await told(tasks(['unit-file:kp-installed']), true)).toEqual(['changed', 'changed']);
    expect(await told(tasks(['unit-file:kp-installed']), false)).toEqual(['changed', 'changed']);
    expect(await told(tasks([]), false)).toEqual(['ok', 'ok']);
  });
});
