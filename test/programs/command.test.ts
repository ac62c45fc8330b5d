import { type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runCommand, startCommand } from '../support/command.ts';
import { takeTurnsOnThisMachine } from '../support/this_machine.ts';

takeTurnsOnThisMachine();

/** A site of one task that looks at this machine, as long as is wanted, and finds what is wanted of it. */
const site = `import { command, defineModule, play } from 'kvm-play';

const look = defineModule<{ value: string; seconds: number }, { value: string }, undefined>({
  name: 'look',
  desired: ({ value, seconds }) => ({ value, seconds }),
  subject: () => 'here',
  read: async (host, wanted) => {
    const { stdout } = await host.query(['sh', '-c', 'touch "$1/looking"; sleep "$2"; echo so', 'sh', process.cwd(), String(Object(wanted).seconds)]);
    return { state: { ...wanted, value: stdout.trim() }, found: undefined };
  },
  plan: (_seen, { value }) => [command(['make-it', value])],
});

export default play({
  name: 'Look',
  vars: { value: 'so', seconds: 0 },
  tasks: ({ value, seconds }) => [look('Look around', { value, seconds })],
});
`;

describe('kvm-play', () => {
  let cwd: string;
  beforeAll(() => {
    cwd = mkdtempSync(join(tmpdir(), 'kvm-play-cli-'));
    writeFileSync(join(cwd, 'site.ts'), site);
  });
  afterAll(() => rmSync(cwd, { recursive: true, force: true }));

  test('--version and --help', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(await runCommand(['--version'])).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
    expect((await runCommand(['-h'])).stdout).toMatch(/^Usage: kvm-play \[options\] SITE\.ts\n/);
  });

  test('a run with nothing to do', async () => {
    const { exitCode, stdout, stderr } = await runCommand(['--expect-no-change', 'site.ts'], { cwd });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(/^\nPLAY \[Look\] \*+\n\nTASK \[Look around\] \*+\nok: \[localhost\]\n\nPLAY RECAP \*+\n/);
    expect(stdout).toMatch(/localhost : ok=1 +changed=0 +unreachable=0 +failed=0 +skipped=0 +warnings=0\n$/);
  });

  test('check mode shows what would change', async () => {
    const args = ['--check', '-e', 'value=other', 'site.ts'];
    const { exitCode, stdout } = await runCommand(args, { cwd });
    expect(exitCode).toBe(0);
    expect(stdout).toContain('changed: [localhost]\n    value: so → other\n    $ make-it other\n');
    expect(stdout).not.toContain('\u001b');
    expect((await runCommand(['--expect-no-change', ...args], { cwd })).exitCode).toBe(3);
    expect((await runCommand(args, { cwd, env: { LC_ALL: 'C' } })).stdout).toContain('value: so -> other');
  });

  test('--json prints one object a line, and nothing else', async () => {
    const { exitCode, stdout } = await runCommand(['--json', '--check', '-e', 'value=other', 'site.ts'], { cwd });
    const events: readonly { version: number; type: string }[] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(exitCode).toBe(0);
    expect(events.map(({ type }) => type)).toEqual([
      'run-start',
      'play-start',
      'host-phase',
      'task-end',
      'host-phase',
      'run-end',
    ]);
    expect(events.every(({ version }) => version === 1)).toBe(true);
  });

  test('--quiet says nothing of what is so already; -vv says how long it took', async () => {
    expect((await runCommand(['--quiet', 'site.ts'], { cwd })).stdout).toMatch(/^\nPLAY RECAP \*+\nlocalhost : .*\n$/);
    expect((await runCommand(['-vv', '--color', 'always', 'site.ts'], { cwd })).stdout).toMatch(
      /\u001b\[32mok: \[localhost\] in \d+\.\d s\u001b/,
    );
  });

  test('--junit writes a report as well, and refuses what cannot be written before anything is attempted', async () => {
    const report = join(cwd, 'report.xml');
    const args = ['--check', '--expect-no-change', '-e', 'value=other', 'site.ts', '--junit'];
    const { exitCode, stdout } = await runCommand([...args, report], { cwd });
    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: expect.stringContaining('PLAY RECAP') });
    expect(readFileSync(report, 'utf8')).toMatch(/<testsuite name="Look on localhost" tests="1" failures="1"/);
    rmSync(join(cwd, 'looking'));
    const refused = await runCommand([...args, join(cwd, 'none/report.xml')], { cwd });
    expect(refused).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringContaining('--junit') });
    expect(existsSync(join(cwd, 'looking'))).toBe(false);
  });

  test('on GitHub Actions there are annotations, and never in a stream of JSON', async () => {
    const env = { GITHUB_ACTIONS: 'true', GITHUB_WORKSPACE: tmpdir() };
    const args = ['--check', '--expect-no-change', '-e', 'value=other', 'site.ts'];
    const place = `file=${basename(cwd)}/site.ts,line=\\d+`;
    const { stdout } = await runCommand(args, { cwd, env });
    expect(stdout).toMatch(
      new RegExp(`^::stop-commands::(\\S+)\n.+\n::\\1::\n::error ${place},title=Look around on`, 's'),
    );
    const json = await runCommand(['--json', ...args], { cwd, env });
    expect(json.stdout).not.toContain('::');
    expect(json.stderr).toMatch(new RegExp(`^::error ${place},`));
  });

  test('network begins with the name of its host, and says on standard error what went wrong', async () => {
    const status = await runCommand(['network', 'status', 'localhost'], { cwd });
    expect(status).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^localhost: .*network change/) });
    const { exitCode, stdout, stderr } = await runCommand(['network', 'confirm', 'none.invalid'], { cwd });
    expect([exitCode, stdout, stderr]).toEqual([4, '', expect.stringMatching(/^none\.invalid: /)]);
  });

  test('a host that cannot be reached', async () => {
    const { exitCode, stdout } = await runCommand(['--host', 'none.invalid', 'site.ts'], { cwd });
    expect(exitCode).toBe(4);
    expect(stdout).toMatch(/\nunreachable: \[none\.invalid\] => .+\n/);
    const events = (await runCommand(['--json', '--host', 'none.invalid', 'site.ts'], { cwd })).stdout;
    expect(events.match(/"phase":"\w+"|host-unreachable/g)).toEqual([
      '"phase":"connecting"',
      'host-unreachable',
      '"phase":"ended"',
    ]);
  });

  test('what is wrong before anything is attempted', async () => {
    const wrong = async (...args: readonly string[]): Promise<readonly [number | null, string]> => {
      const { exitCode, stdout, stderr } = await runCommand(args, { cwd });
      expect(stdout).toBe('');
      return [exitCode, stderr];
    };
    expect(await wrong('--chekc', 'site.ts')).toEqual([
      1,
      'kvm-play: there is no option --chekc; did you mean --check?\n',
    ]);
    expect(await wrong()).toEqual([1, 'kvm-play: name a site: npx kvm-play site.ts (see --help)\n']);
    expect(await wrong('-e', 'valeu=x', 'site.ts')).toEqual([
      1,
      "kvm-play: the site has no variable 'valeu'; did you mean 'value'?\n",
    ]);
    // Before it is looked whether a host can be built here, and before one is.
    expect(await wrong('rehearse', '-e', 'valeu=x', 'site.ts')).toEqual([
      1,
      "kvm-play: the site has no variable 'valeu'; did you mean 'value'?\n",
    ]);
    expect(await wrong('rehearse', '--network', 'network-scripts', '--debian', '13', 'site.ts')).toEqual([
      1,
      'kvm-play: a host with the network scripts is built from Debian 12 alone, and Debian 13 was asked for; leave --debian out, or choose another host with --network\n',
    ]);
    expect(await wrong('rehearse', '--network', 'networkd2', 'site.ts')).toEqual([
      1,
      "kvm-play: --network does not know 'networkd2'; did you mean networkd?\n",
    ]);
    expect(await wrong('-i', 'none', 'site.ts')).toEqual([
      1,
      'kvm-play: there is no inventory none; name a file, a directory or a program, or hosts with a comma: -i none,\n',
    ]);
    expect(await wrong('--host', '-x@y', 'site.ts')).toEqual([1, expect.stringMatching(/--host/)]);
    expect(await wrong('--private-key', 'none', 'site.ts')).toEqual([
      1,
      'kvm-play: --private-key: there is no file none; name a private key, e.g. ~/.ssh/id_ed25519\n',
    ]);
  });

  /** Starts a run that looks for so many seconds, and waits until it does. */
  async function looking(
    seconds: number,
    ...more: readonly string[]
  ): Promise<{ child: ChildProcess; said: () => string }> {
    rmSync(join(cwd, 'looking'), { force: true });
    const child = startCommand(['--check', '-e', `seconds=${seconds}`, 'site.ts', ...more], { cwd });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (more) => {
        text += more;
      });
    }
    while (spawnSync('test', ['-e', join(cwd, 'looking')]).status !== 0) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return { child, said: () => text };
  }

  test.each(['SIGINT', 'SIGTERM'] as const)('%s ends the run after what is under way', async (signal) => {
    const { child, said } = await looking(2);
    child.kill(signal);
    await once(child, 'close');
    expect(child.exitCode).toBe(130);
    expect(said()).toMatch(/^interrupted: finishing the current step, then stopping/m);
    expect(said()).toContain('PLAY RECAP');
    expect(said()).toMatch(/^interrupted: \[localhost\] 0 would change, 1 unchanged, 0 not attempted/m);
  });

  test('a second Ctrl-C ends it at once, and the report is written all the same', async () => {
    const report = join(cwd, 'interrupted.xml');
    const { child, said } = await looking(25, '--junit', report);
    child.kill('SIGINT');
    while (!said().includes('interrupted:')) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill('SIGINT');
    await once(child, 'exit');
    expect(child.exitCode).toBe(130);
    expect(said()).not.toContain('PLAY RECAP');
    expect(readFileSync(report, 'utf8')).toContain('<testsuite name="Look on localhost"');
  });
});
