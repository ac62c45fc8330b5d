import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { completionScript } from '../../lib/cli/completion/script.ts';
import { commandNames, networkActions, shells } from '../../lib/cli/options/commands.ts';
import { options, takersOf } from '../../lib/cli/options/option_table.ts';
import { runCommand } from '../support/command.ts';
import { describeWith } from '../support/programs.ts';
import { Tmux } from '../support/tmux.ts';

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'kvm-play-completion-'));
  for (const shell of shells) writeFileSync(join(cwd, `script.${shell}`), completionScript(shell));
  mkdirSync(join(cwd, 'sites'));
  for (const name of ['site.ts', 'second site.ts', 'sites/inner.ts', 'hosts.ini']) writeFileSync(join(cwd, name), '');
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

/** What is typed, the last word unfinished, and what it may become. */
const cases: readonly (readonly [typed: readonly string[], words: readonly string[]])[] = [
  [['--di'], ['--diff']],
  [['--list'], ['--list-hosts', '--list-tags', '--list-tasks']],
  [['-v', 'rehearse', '--k'], ['--keep']],
  [['--ke'], []],
  [['site.ts', '--che'], ['--check']],
  [['--host', 'rehearse', '--che'], ['--check']],
  [['rehearse', '--che'], []],
  [
    ['--color', ''],
    ['always', 'auto', 'never'],
  ],
  [
    ['--color', 'a'],
    ['always', 'auto'],
  ],
  [['--host', ''], []],
  [['-i', 'hos'], ['hosts.ini']],
  [['rehearse', '--junit', 'hos'], ['hosts.ini']],
  [['re'], ['rehearse']],
  [['site.'], ['site.ts']],
  [['hos'], []],
  [['site.ts', ''], []],
  [['rehearse', 'site.'], ['site.ts']],
  [['rehearse', 'site.ts', ''], []],
  [['rehearse', 'ne'], []],
  [['network', ''], [...networkActions].sort()],
  [['network', '--become', 'co'], ['confirm']],
  [['network', 'status', ''], []],
  [
    ['network', '--h'],
    ['--help', '--host'],
  ],
  [['completion', ''], [...shells].sort()],
  [['completion', 'bash', ''], []],
  [['--', 'rehearse', '--ke'], []],
];

/** Every option of a command. */
const optionsOf = (command: (typeof commandNames)[number]): readonly string[] =>
  [...options]
    .filter(([, option]) => takersOf(option).includes(command))
    .map(([name]) => `--${name}`)
    .sort();

const typedCommands = commandNames.map((command) => [command, command === 'run' ? [] : [command]] as const);

describeWith(['bash'], 'completion in bash', () => {
  /** Calls the function as bash does, with the words as it splits them. */
  async function completed(typed: readonly string[]): Promise<readonly string[]> {
    const calls = 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _kvm_play';
    const script = `. ./script.bash; ${calls}; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = await execa('bash', ['--norc', '-c', script, 'bash', 'kvm-play', ...typed], { cwd });
    expect(stderr).toBe('');
    return [...new Set(stdout.split('\n').filter((line) => line !== ''))].sort();
  }

  test.each(cases)('of %j', async (typed, words) => {
    expect(await completed(typed)).toEqual(words);
  });

  test.each([
    [
      ['--color', '='],
      ['always', 'auto', 'never'],
    ],
    [['--color', '=', 'ne'], ['never']],
    [['--color', '=', 'never', '--che'], ['--check']],
    [['--junit', '=', 'hos'], ['hosts.ini']],
    [['se'], ['second site.ts']],
    [['si'], ['site.ts', 'sites']],
    [['sites/'], ['sites/inner.ts']],
  ])('of %j, as bash splits it', async (typed, words) => {
    expect(await completed(typed)).toEqual(words);
  });

  test.each(typedCommands)('has the options that %s takes, and no other', async (command, typed) => {
    expect(await completed([...typed, '--'])).toEqual(optionsOf(command));
  });

  test('is registered for the command', async () => {
    const { stdout } = await execa('bash', ['--norc', '-c', '. ./script.bash; complete -p kvm-play'], { cwd });
    expect(stdout).toBe('complete -F _kvm_play kvm-play');
  });
});

describeWith(['fish'], 'completion in fish', () => {
  async function completed(typed: readonly string[]): Promise<readonly string[]> {
    const line = ['kvm-play', ...typed].join(' ');
    const script = 'source script.fish; complete -C $argv[1]';
    const { stdout, stderr } = await execa('fish', ['--no-config', '-c', script, line], { cwd, env: { HOME: cwd } });
    expect(stderr).toBe('');
    const words = stdout.split('\n').map((found) => found.split('\t')[0] ?? '');
    return [...new Set(words.filter((word) => word !== ''))].sort();
  }

  test.each(cases)('of %j', async (typed, words) => {
    expect(await completed(typed)).toEqual(words);
  });

  test('of words with a sign between, and of folders', async () => {
    expect(await completed(['--color=ne'])).toEqual(['--color=never']);
    expect(await completed(['si'])).toEqual(['site.ts', 'sites/']);
    expect(await completed(['sites/'])).toEqual(['sites/inner.ts']);
  });

  test.each(typedCommands)('has the options that %s takes, and no other', async (command, typed) => {
    expect(await completed([...typed, '--'])).toEqual(optionsOf(command));
  });
});

describeWith(['zsh', 'tmux'], 'completion in zsh', () => {
  let terminal: Tmux;
  beforeAll(async () => {
    terminal = await Tmux.open(['zsh', '--no-rcs'], { width: 150, height: 50, cwd, env: { PS1: 'zsh> ' } });
    await terminal.until((lines) => lines[0] === 'zsh>');
    await terminal.type(
      'autoload -U compinit; compinit -u -D; setopt no_list_ambiguous; LISTMAX=0; . ./script.zsh; clear',
    );
    await terminal.press('Enter');
    await terminal.until((lines) => lines[0] === 'zsh>');
  });
  afterAll(() => terminal.close());

  /** Presses Tab behind what is typed, and gives the screen once it shows what is wanted. */
  async function completed(typed: string, shows: RegExp): Promise<string> {
    await terminal.press('C-u');
    await terminal.press('C-l');
    await terminal.type(`kvm-play ${typed}`);
    await terminal.press('Tab');
    return (await terminal.until((lines) => shows.test(lines.join('\n')))).join('\n').trimEnd();
  }

  test('reads without an error', async () => {
    await execa('zsh', ['-n', 'script.zsh'], { cwd });
  });

  test.each([
    ['--di', /^zsh> kvm-play --diff$/m],
    ['-v rehearse --k', /^zsh> kvm-play -v rehearse --keep$/m],
    ['--host rehearse --che', /^zsh> kvm-play --host rehearse --check$/m],
    ['--color=ne', /^zsh> kvm-play --color=never$/m],
    ['--color ne', /^zsh> kvm-play --color never$/m],
    ['-i hos', /^zsh> kvm-play -i hosts\.ini$/m],
    ['site.', /^zsh> kvm-play site\.ts$/m],
    ['rehearse site.', /^zsh> kvm-play rehearse site\.ts$/m],
    ['rehea', /^zsh> kvm-play rehearse$/m],
    ['network --become co', /^zsh> kvm-play network --become confirm$/m],
    ['completion f', /^zsh> kvm-play completion fish$/m],
  ])('of %s', async (typed, shows) => {
    await completed(typed, shows);
  });

  test('shows what the help says', async () => {
    const listed = await completed('network --', /--version/);
    expect(listed.match(/--[a-z-]+/g)?.sort()).toEqual(optionsOf('network'));
    expect(listed).toMatch(/^--ssh-config +-- An ssh_config in place of your own$/m);
    expect(await completed('network ', /status/)).toMatch(
      /^rollback +-- Roll the change back now, and wait until the host has done so$/m,
    );
    expect(await completed('--li', /list-hosts/)).toContain(
      '-- Only some of the hosts, e.g. web:&dc1:!old; @failed stands for those that failed',
    );
  });
});

test('the script is what the command prints', async () => {
  for (const shell of shells) {
    expect(await runCommand(['completion', shell])).toEqual({
      exitCode: 0,
      stdout: completionScript(shell),
      stderr: '',
    });
  }
});
