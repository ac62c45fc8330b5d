import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { runCommand } from '../support/command.ts';
import { jsonEvents } from '../support/json_stream.ts';
import { withTwoLabs } from './support.ts';

/** Two groups of hosts, variables, a loop, a reused group of tasks, a block with rescue, and a play of which one task is root's. */
const site = `import { assert, type Block, block, later, play } from 'kvm-play';
import { service, sysctl } from 'kvm-play/modules';
import { entry } from './entry.ts';

/** A named group of tasks with typed arguments. */
function tuned({ timeout, parameters }: { timeout: number; parameters: readonly string[] }): Block {
  return block('Tuned', [
    sysctl('Close sooner', { values: { 'net.ipv4.tcp_fin_timeout': timeout }, persist: false }),
    ...parameters.map((name) => sysctl(\`Without \${name}\`, { values: { [name]: 0 }, persist: false })),
  ], { tags: ['tuned'] });
}

const missing = service('Start what is not there', { name: 'kp-absent', state: 'started' });
const fallback = entry('Note it', { path: '/root/rescued', text: 'rescued' });

const kernel = play({
  name: 'Kernel',
  hosts: ['routers', 'stores'],
  become: true,
  vars: { timeout: 60, forward: 0 },
  tasks: ({ timeout, forward }) => {
    const forwarding = sysctl({ values: { 'net.ipv4.ip_forward': forward } });
    return [
      assert('It is Debian', ({ facts }) => facts.family === 'debian' && facts.init === 'systemd'),
      forwarding,
      tuned({ timeout, parameters: ['net.ipv4.tcp_timestamps', 'net.ipv4.tcp_sack'] }),
      block('May fail', [missing, entry('Never', { path: '/root/never', text: 'never' })], {
        rescue: [fallback],
        always: [entry('Always', { path: '/root/always', text: 'always' })],
      }),
      entry('Only where packets are forwarded', {
        path: '/root/router',
        text: 'router',
        when: (known) => known.after(forwarding).live?.['net.ipv4.ip_forward'] === '1',
      }),
      later('What was found', (known) => entry('Found', { path: '/root/found', text: known.host + (known.failed(missing) ? ' lacks it' : '') })),
    ];
  },
});

const users = play({
  name: 'Users',
  hosts: ['routers'],
  tasks: [
    entry('Of the user who logs in', { path: '/home/admin/mine', text: 'mine' }),
    entry('As root', { path: '/root/theirs', text: 'theirs', become: true }),
    block('As root as well', [entry('In a block', { path: '/root/block', text: 'block' })], { become: true }),
  ],
});

export default [kernel, users];
`;

/** A module that the site brings along. */
const entryModule = `import { defineModule, type Module, type TextFile, writeFile } from 'kvm-play';

interface Entry {
  readonly path: string;
  readonly text: string;
}

export const entry: Module<Entry, Entry> = defineModule<Entry, Entry, TextFile | undefined>({
  name: 'entry',
  desired: ({ path, text }) => ({ path, text }),
  subject: ({ path }) => path,
  read: async (host, { path }) => {
    const found = await host.readFile(path);
    return { state: { path, ...(found && { text: found.text }) }, found };
  },
  plan: ({ found }, { path, text }) => [writeFile(path, text, found && { before: found })],
});
`;

const inventory = `[routers]
kvm1 forward=1
[stores]
kvm2
[all:vars]
ansible_user=admin
timeout=10
`;

/** What failed, and nobody dealt with. */
function troubles(stdout: string): readonly string[] {
  return jsonEvents(stdout).flatMap((event) =>
    'error' in event && !('handling' in event) ? [event.error?.message ?? ''] : [],
  );
}

withTwoLabs('a site with two groups of hosts', ['kvm1', 'kvm2'], (...machines) => {
  const at = (name: string): string => join(machines[0].directory, name);
  beforeAll(async () => {
    const configs = await Promise.all(machines.map(({ lab }) => readFile(lab.sshConfig, 'utf8')));
    await writeFile(at('ssh_config'), configs.join('\n'));
    await writeFile(at('site.ts'), site);
    await writeFile(at('entry.ts'), entryModule);
    await writeFile(at('hosts'), inventory);
  });

  const run = (...more: readonly string[]) =>
    runCommand([...[at('site.ts'), '-i', at('hosts'), '--ssh-config', at('ssh_config'), '--json', ...more]]);

  test('check says what apply does, and a second run changes nothing', async () => {
    const checked = await run('--check');
    expect([checked.exitCode, checked.stderr, troubles(checked.stdout)]).toEqual([0, '', []]);
    const applied = await run();
    expect([applied.exitCode, applied.stderr, troubles(applied.stdout)]).toEqual([0, '', []]);
    const ends = (stdout: string, host: string): readonly string[] =>
      jsonEvents(stdout).flatMap((event) =>
        event.type === 'task-end' && event.host === host
          ? [[event.task.title, event.status, ...(event.handling === undefined ? [] : [event.handling])].join(' ')]
          : [],
      );
    for (const host of ['kvm1', 'kvm2']) {
      expect(ends(checked.stdout, host)).toEqual(ends(applied.stdout, host));
    }
    expect(ends(applied.stdout, 'kvm1')).toEqual([
      'It is Debian ok',
      'sysctl net.ipv4.ip_forward changed',
      'Close sooner changed',
      'Without net.ipv4.tcp_timestamps changed',
      'Without net.ipv4.tcp_sack changed',
      'Start what is not there failed rescued',
      'Note it changed',
      'Always changed',
      'Only where packets are forwarded changed',
      'Found changed',
      'Never skipped',
      'Of the user who logs in changed',
      'As root changed',
      'In a block changed',
    ]);
    expect(ends(applied.stdout, 'kvm2')).toContain('Only where packets are forwarded skipped');

    const look = `cat /root/rescued /root/always /root/found; stat -c %U /home/admin/mine /root/theirs /root/block; sysctl -n net.ipv4.tcp_fin_timeout; ls /root/never /root/router 2>/dev/null; true`;
    const seen = await Promise.all(machines.map(({ inside }) => inside(look)));
    expect(seen.map((text) => text.replaceAll('\n', ' '))).toEqual([
      'rescuedalwayskvm1 lacks itadmin root root 10 /root/router',
      'rescuedalwayskvm2 lacks it10',
    ]);

    const again = await run('--expect-no-change');
    expect([again.exitCode, again.stderr, troubles(again.stdout)]).toEqual([0, '', []]);
  });

  test('tags choose blocks, and -e wins over the inventory', async () => {
    const { exitCode, stdout } = await run('--tags', 'tuned', '-e', 'timeout=20', '--limit', 'kvm2');
    expect([exitCode, troubles(stdout)]).toEqual([0, []]);
    const tasks = jsonEvents(stdout).flatMap((event) =>
      event.type === 'task-end' ? [`${event.task.title} ${event.status}`] : [],
    );
    expect(tasks).toEqual([
      'Close sooner changed',
      'Without net.ipv4.tcp_timestamps ok',
      'Without net.ipv4.tcp_sack ok',
    ]);
  });
});
