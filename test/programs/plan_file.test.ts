import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type CommandEnd, runCommand } from '../support/command.ts';
import { takeTurnsOnThisMachine } from '../support/this_machine.ts';

takeTurnsOnThisMachine();

/** A site of one task that looks at a file of the working directory, and would change it if it held something else. */
const site = `import { command, defineModule, play } from 'kvm-play';

const note = defineModule<{ value: string }, { value: string }, undefined>({
  name: 'note',
  desired: ({ value }) => ({ value }),
  subject: () => 'here',
  read: async (host) => {
    const { stdout, exitCode } = await host.query(['cat', process.cwd() + '/note']);
    const missing = exitCode === 0 ? [] : [{ key: 'note', what: 'there is no note', remedy: 'write one' }];
    return { state: { value: stdout }, found: undefined, missing };
  },
  plan: ({ state }, { value }) => [command(['change', String(state.value), value])],
});

export default play({ name: 'Note', vars: { value: 'so' }, tasks: ({ value }) => [note('Note it', { value })] });
`;

describe('a plan of the command', () => {
  let cwd: string;
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), 'kvm-play-plan-'));
    writeFileSync(join(cwd, 'site.ts'), site);
    writeFileSync(join(cwd, 'note'), 'so');
  });
  afterEach(() => rmSync(cwd, { recursive: true, force: true }));

  const kvmPlay = (...args: readonly string[]): Promise<CommandEnd> => runCommand([...args, 'site.ts'], { cwd });
  const stepsOf = (name: string): unknown => {
    const { plays } = JSON.parse(readFileSync(join(cwd, name), 'utf8'));
    return plays[0].hosts[0].tasks[0].steps;
  };

  test('is made in check mode, shown as ever, and is for its owner only', async () => {
    const { exitCode, stdout, stderr } = await kvmPlay('--plan-out', 'plan.json', '-e', 'value=other');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toContain('    $ change so other\n');
    expect(stdout).toMatch(/\nthe plan was written to plan\.json: 1 step; --apply-plan plan\.json .*applies it\n$/);
    expect(stepsOf('plan.json')).toEqual([{ kind: 'command', argv: ['change', 'so', 'other'] }]);
    expect(statSync(join(cwd, 'plan.json')).mode & 0o777).toBe(0o600);
    expect(readdirSync(cwd).sort()).toEqual(['note', 'plan.json', 'site.ts']);
  });

  test('is written where changes were not expected, and there are some', async () => {
    const args = ['--check', '--expect-no-change', '--plan-out', 'plan.json', '-e', 'value=other'];
    expect((await kvmPlay(...args)).exitCode).toBe(3);
    expect(stepsOf('plan.json')).toHaveLength(1);
  });

  test('is not written where the check failed, and an older one stays', async () => {
    rmSync(join(cwd, 'note'));
    writeFileSync(join(cwd, 'plan.json'), 'old');
    const { exitCode, stderr } = await kvmPlay('--plan-out', 'plan.json');
    expect(exitCode).toBe(2);
    expect(stderr).toBe(
      'kvm-play: no plan was made\n  [localhost] failed: what cannot be checked cannot be reviewed\n  nothing was written to plan.json\n',
    );
    expect(readFileSync(join(cwd, 'plan.json'), 'utf8')).toBe('old');
  });

  test('without steps is applied, and changes nothing', async () => {
    await kvmPlay('--plan-out', 'plan.json');
    const { exitCode, stdout } = await kvmPlay('--apply-plan', 'plan.json', '--expect-no-change');
    expect(stdout).toContain('ok: [localhost]\n');
    expect(exitCode).toBe(0);
  });

  test('is refused with 2 where the host has moved, and what differs is said', async () => {
    await kvmPlay('--plan-out', 'plan.json', '-e', 'value=other');
    writeFileSync(join(cwd, 'note'), 'moved');
    const { exitCode, stdout } = await kvmPlay('--apply-plan', 'plan.json', '-e', 'value=other');
    expect(stdout).toContain(
      [
        'failed: [localhost] => the host is not as it was when the plan was made, and nothing was written; make a new plan and review it',
        "    'Note it': changed by 1 step, and now by another",
        '      step 1, planned: change so other',
        '      step 1, now: change moved other\n',
      ].join('\n'),
    );
    expect(exitCode).toBe(2);
  });

  test('is refused with 1 for another site, other values, other hosts, and what is no plan', async () => {
    await kvmPlay('--plan-out', 'plan.json');
    const refused = async (...args: readonly string[]): Promise<string> => {
      const { exitCode, stdout, stderr } = await kvmPlay(...args);
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
      return stderr;
    };
    expect(await refused('--apply-plan', 'plan.json', '-e', 'value=other')).toBe(
      "kvm-play: the plan is not of this site with these hosts, values and tasks; give the same as when it was made, or make a new one\n  [localhost] 'Note it' has other arguments than planned\n",
    );
    expect(await refused('--apply-plan', 'plan.json', '--host', 'nowhere.invalid')).toMatch(
      /\n {2}\[localhost\] is in the plan of 'Note', and not in this run\n {2}\[nowhere\.invalid\] is in this run of/,
    );
    expect(await refused('--apply-plan', 'site.ts')).toMatch(/^kvm-play: --apply-plan site\.ts: it is no plan; /);
    expect(await refused('--apply-plan', 'none')).toBe(
      'kvm-play: --apply-plan none: there is no such file; name a plan that --plan-out has made\n',
    );
    expect(await refused('--plan-out', 'no/plan.json')).toMatch(/^kvm-play: --plan-out: no\/plan\.json cannot be/);
    expect(existsSync(join(cwd, 'no'))).toBe(false);
  });
});
