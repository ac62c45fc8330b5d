import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { runCommand } from '../support/command.ts';
import { jsonEvents } from '../support/json_stream.ts';
import { blocksOf } from '../support/pages.ts';
import { withLab } from './support.ts';

const page = 'docs/from_ansible.md';

/** A site of the rows of `Keywords`. Each task is named by the keyword that it stands for; those that change something are files. */
const keywords = `import { assert, block, fail, later, play, secret } from 'kvm-play';
import { command, file, query } from 'kvm-play/modules';

const kernel = query('register', { argv: ['uname', '-s'] });
const made = file('vars', { path: '/srv/rows', state: 'directory' });
const text = (name: string): string => \`\${name}\\n\`;
const role = (name: string) => block('roles', [file(\`roles \${name}\`, { path: \`/srv/rows/\${name}\`, content: text(name) })]);

export default play({
  name: 'Rows',
  hosts: ['web:!none'],
  become: true,
  vars: { named: 'own', hosted: 'own', given: 'own', wanted: false },
  tasks: ({ named, hosted, given, wanted }) => [
    kernel,
    made,
    file('group_vars', { path: '/srv/rows/vars', content: \`\${named} \${hosted} \${given}\\n\` }),
    ...(wanted ? [fail('a condition on a variable')] : []),
    file('when', { path: '/srv/rows/never', content: '', when: ({ facts }) => facts.family !== 'debian' }),
    later('set_fact', (known) => file('template', { path: '/srv/rows/kernel', content: text(known.after(kernel).stdout ?? '') })),
    ...['a', 'b'].map((name) => file(\`loop \${name}\`, { path: \`/srv/rows/\${name}\`, content: text(name) })),
    query('until', { argv: ['cat', '/proc/uptime'], until: ({ stdout }) => stdout !== '', retry: { attempts: 2, interval: 1 } }),
    query('ignore_errors', { argv: ['false'], mayFail: true }),
    assert('failed_when', ({ facts }) => facts.init === 'systemd'),
    command('changed_when', { argv: ['touch', '/srv/rows/once'], creates: '/srv/rows/once' }),
    block('block', [query('block fails', { argv: ['false'] })], {
      rescue: [file('rescue', { path: '/srv/rows/rescued', content: '' })],
      always: [file('always', { path: '/srv/rows/always', content: '' })],
    }),
    query('become', { argv: ['id', '-un'] }),
    query('become: false', { argv: ['id', '-un'], become: false }),
    query('timeout', { argv: ['sleep', '20'], timeLimit: 1, mayFail: true }),
    role('south'),
    file('no_log', { path: '/srv/rows/secret', content: secret.text\`password=\${secret.env('ROW_SECRET')}\\n\`, tags: ['kept'] }),
    file('tags', { path: '/srv/rows/slow', content: '', tags: ['slow', 'never'] }),
  ],
});
`;

/** Two plays in the place of `delegate_to`, and a host that fails in the first. */
const twoPlays = `import { play } from 'kvm-play';
import { query } from 'kvm-play/modules';

export default [
  play({ name: 'Own', hosts: ['kvm1', 'kvm2'], vars: { tool: 'true' }, tasks: ({ tool }) => [query('own', { argv: [tool] })] }),
  play({ name: 'For another', hosts: ['kvm2'], tasks: [query('for another', { argv: ['hostname'] })] }),
];
`;

/** The rows of `Modules` that a fresh host can take. */
const moduleRows = `import { play } from 'kvm-play';
import { command, file, query, service, sysctl, virshNetwork, virshPool, virshVolume } from 'kvm-play/modules';

export default play({
  name: 'Modules',
  tasks: [
    file({ path: '/srv/copied', content: 'copied' }),
    sysctl({ values: { 'net.ipv4.tcp_fin_timeout': 41 } }),
    command({ argv: ['touch', '/srv/commanded'], creates: '/srv/commanded' }),
    query({ argv: ['stat', '-c', '%U', '/srv'] }),
    service({ name: 'libvirtd', state: 'started' }),
    virshPool({ name: 'default' }),
    virshNetwork({ name: 'default' }),
    virshVolume({ name: 'row.img', capacity: '8M' }),
  ],
});
`;
const sites = blocksOf(page, 'ts').map(({ line, code }) => [`${page}:${line}`, code] as const);

withLab('what is shown to users of Ansible', (machine) => {
  const { inside } = machine;
  const at = (name: string): string => join(machine.directory, name);

  const run = (...more: readonly string[]) => machine.command([at('site.ts'), '--json', ...more]);
  const ends = (stdout: string): readonly string[] =>
    jsonEvents(stdout).flatMap((event) =>
      event.type === 'task-end' && event.status !== 'skipped' ? [`${event.task.title} ${event.status}`] : [],
    );

  test.each(sites)('%s does what check says, once', async (_name, code) => {
    await writeFile(at('site.ts'), code);
    const checked = await run('--check');
    const applied = await run();
    expect([applied.exitCode, applied.stderr]).toEqual([0, '']);
    expect(ends(applied.stdout).some((end) => end.endsWith(' changed'))).toBe(true);
    const again = await run('--expect-no-change');
    expect([again.exitCode, again.stderr]).toEqual([0, '']);
    expect(checked.exitCode).toBe(0);
  });

  /** Runs the site of the keywords with an inventory, as a user who may become root. */
  const rows = (...more: readonly string[]) =>
    runCommand(['-i', at('inventory'), '--ssh-config', machine.lab.sshConfig, '--json', ...more, at('rows.ts')], {
      env: { ROW_SECRET: 'hunter2' },
    });
  const endOf = (stdout: string, title: string): unknown =>
    jsonEvents(stdout).flatMap((event) =>
      event.type === 'task-end' && event.task.title === title
        ? [
            [event.status, event.handling, event.result?.answer?.stdout]
              .filter((each) => each !== undefined)
              .join(' ')
              .trim(),
          ]
        : [],
    )[0];

  test('the rows of keywords do what they say', async () => {
    await inside(
      'useradd -m ops; echo "ops ALL=(ALL) NOPASSWD: ALL" > /etc/sudoers.d/ops; chmod 440 /etc/sudoers.d/ops; cp -r /root/.ssh ~ops/; chown -R ops: ~ops/.ssh',
    );
    await mkdir(at('inventory/group_vars'), { recursive: true });
    await mkdir(at('inventory/host_vars'));
    await writeFile(at('rows.ts'), keywords);
    await writeFile(
      at('inventory/hosts'),
      `[web]\nkvm1 ansible_host=${machine.lab.hostAddress} ansible_user=ops\n[none]\n`,
    );
    await writeFile(at('inventory/group_vars/web.yml'), 'named: group\n');
    await writeFile(at('inventory/host_vars/kvm1.yml'), 'hosted: host\n');
    await writeFile(at('values.yml'), 'given: file\n');
    const { exitCode, stdout, stderr } = await rows('-e', `@${at('values.yml')}`);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const titles = [
      'register',
      'vars',
      'group_vars',
      'when',
      'template',
      'loop a',
      'loop b',
      'until',
      'ignore_errors',
      'failed_when',
    ];
    const others = [
      'changed_when',
      'block fails',
      'rescue',
      'always',
      'become',
      'become: false',
      'timeout',
      'roles south',
      'no_log',
      'tags',
    ];
    const ends = Object.fromEntries([...titles, ...others].map((title) => [title, endOf(stdout, title)]));
    expect(ends).toEqual({
      ...{ register: 'ok Linux', vars: 'changed', group_vars: 'changed', when: 'skipped', template: 'changed' },
      ...{
        'loop a': 'changed',
        'loop b': 'changed',
        until: expect.stringMatching(/^ok \d/),
        ignore_errors: 'failed ignored',
      },
      ...{
        failed_when: 'ok',
        changed_when: 'changed',
        'block fails': 'failed rescued',
        rescue: 'changed',
        always: 'changed',
      },
      ...{
        become: 'ok root',
        'become: false': 'ok ops',
        timeout: 'failed ignored',
        'roles south': 'changed',
        no_log: 'changed',
      },
    });
    expect(stdout).not.toContain('hunter2');
    expect(await inside('cd /srv/rows; cat vars kernel a south secret; ls')).toBe(
      'group host file\nLinux\n\na\nsouth\npassword=hunter2\na\nalways\nb\nkernel\nonce\nrescued\nsecret\nsouth\nvars',
    );
    const again = await rows('--expect-no-change', '-e', 'given=file');
    expect({ exitCode: again.exitCode, stderr: again.stderr }).toEqual({ exitCode: 0, stderr: '' });
  });

  test('the rows of the command line do what they say', async () => {
    const text = async (...args: readonly string[]): Promise<string> => {
      const hosts = ['-i', at('inventory')];
      const reach = args[0] === 'inventory' ? [] : ['--ssh-config', machine.lab.sshConfig];
      const { exitCode, stdout, stderr } = await runCommand([...args, ...hosts, ...reach], {
        env: { ROW_SECRET: 'hunter2' },
      });
      expect({ args, exitCode, stderr }).toEqual({ args, exitCode: 0, stderr: '' });
      return stdout;
    };
    const site = at('rows.ts');
    expect(await text('--list-hosts', '-l', 'web,!none', site)).toBe('play: Rows\n  host: kvm1\n');
    expect(await text('--list-tasks', '-t', 'slow', site)).toBe('play: Rows\n  tags (file) [slow, never]\n');
    expect(await text('--list-tags', site)).toBe('play: Rows\n  tags: kept\n');
    expect(await text('--check', '-e', 'given=file', '--start-at-task', 'no_log', '--forks', '2', site)).toMatch(
      /^kvm1 : ok=1 +changed=0/m,
    );
    expect(await text('--check', '--skip-tags', 'slow', site)).toContain('-group host file\n    +group host own');
    const plan = at('plan.json');
    await text('--plan-out', plan, site);
    expect(await text('--apply-plan', plan, '--diff', site)).toMatch(/^kvm1 : ok=\d+ +changed=1/m);
    const listed = JSON.parse(await text('inventory'));
    expect(listed).toMatchObject({
      web: { hosts: ['kvm1'] },
      _meta: { hostvars: { kvm1: { named: 'group', hosted: 'host' } } },
    });
    expect(await text('network', 'status', 'web', '--become')).toMatch(/^kvm1: there has been no network change$/m);
  });

  test('the rows of hosts that fail, and of tasks for other hosts, do what they say', async () => {
    await writeFile(at('plays.ts'), twoPlays);
    const address = `ansible_host=${machine.lab.hostAddress} ansible_user=root`;
    await writeFile(at('two'), `kvm1 tool=false ${address}\nkvm2 ${address}\n`);
    const twice = async (...more: readonly string[]): Promise<readonly string[]> => {
      const args = [at('plays.ts'), '-i', at('two'), '--ssh-config', machine.lab.sshConfig, '--json', ...more];
      const { exitCode, stdout } = await runCommand(args);
      expect(exitCode).toBe(2);
      const ended = jsonEvents(stdout).flatMap((event) => (event.type === 'task-end' ? [event] : []));
      return ended.map(({ host, task, status }) => `${host} ${task.title} ${status}`).sort();
    };
    // any_errors_fatal, delegate_to: the other host goes on with both plays.
    expect(await twice()).toEqual(['kvm1 own failed', 'kvm2 for another ok', 'kvm2 own ok']);
    // serial, max_fail_percentage: it does not begin.
    expect(await twice('--serial', '1')).toEqual(['kvm1 own failed']);
    // Callback plugins: GitHub's annotations come by themselves.
    const args = [at('plays.ts'), '-i', at('two'), '--ssh-config', machine.lab.sshConfig];
    const { stdout } = await runCommand(args, {
      env: { GITHUB_ACTIONS: 'true', GITHUB_WORKSPACE: machine.directory },
    });
    expect(stdout).toMatch(/^::error file=plays\.ts,line=\d+,title=own on kvm1::/m);
  });

  test('the rows of modules and of callback plugins do what they say', async () => {
    await writeFile(at('modules.ts'), moduleRows);
    const applied = await machine.command([at('modules.ts'), '--json', '--junit', at('junit.xml')]);
    expect([applied.exitCode, applied.stderr]).toEqual([0, '']);
    const ended = jsonEvents(applied.stdout).flatMap((event) => (event.type === 'task-end' ? [event] : []));
    expect(ended.map(({ task, status }) => `${task.module} ${status}`)).toEqual([
      ...['file changed', 'sysctl changed', 'command changed', 'query ok', 'service changed'],
      ...['virsh_pool changed', 'virsh_network changed', 'virsh_volume changed'],
    ]);
    expect(await readFile(at('junit.xml'), 'utf8')).toMatch(/<testsuites[^>]* tests="8" failures="0"/);
    const again = await machine.command([at('modules.ts'), '--expect-no-change']);
    expect([again.exitCode, again.stderr]).toEqual([0, '']);
  });
});
