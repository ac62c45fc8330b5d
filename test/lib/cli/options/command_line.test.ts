import { describe, expect, test } from '@jest/globals';
import { insteadOf } from '../../../../lib/cli/options/ansible_options.ts';
import { parseCommandLine } from '../../../../lib/cli/options/command_line.ts';
import { commandNames, commands } from '../../../../lib/cli/options/commands.ts';
import { options, spellingsOf, takersOf } from '../../../../lib/cli/options/option_table.ts';
import { usage } from '../../../../lib/cli/options/usage.ts';
import { PlaybookError } from '../../../../lib/errors.ts';
import { defaultForks } from '../../../../lib/hosts/forks.ts';

const refusal = (...args: readonly string[]): string => {
  try {
    parseCommandLine(args);
  } catch (error) {
    if (error instanceof PlaybookError) return error.message;
    throw error;
  }
  return 'accepted';
};

describe('parseCommandLine', () => {
  test('a site alone', () => {
    expect(parseCommandLine(['site.ts'])).toEqual({
      command: 'run',
      site: 'site.ts',
      host: [],
      inventory: [],
      limit: undefined,
      serial: undefined,
      privateKey: undefined,
      sshConfig: undefined,
      check: false,
      network: 'auto',
      noReboot: false,
      planOut: undefined,
      applyPlan: undefined,
      debian: '12',
      diff: false,
      listTasks: false,
      listTags: false,
      listHosts: false,
      tags: [],
      skipTags: [],
      startAtTask: undefined,
      extraVars: [],
      become: false,
      askBecomePass: false,
      forks: 32,
      verbose: 0,
      quiet: false,
      color: 'auto',
      json: false,
      junit: undefined,
      expectNoChange: false,
      restartOwnNetwork: false,
      yes: false,
      keep: false,
      remove: undefined,
      help: false,
      version: false,
    });
  });

  test('options before and after the site', () => {
    const line = parseCommandLine(
      '--check --host root@a:2222 -v site.ts --host localhost --private-key k --ssh-config c --diff --json'.split(' '),
    );
    expect(line).toMatchObject({
      site: 'site.ts',
      host: ['root@a:2222', 'localhost'],
      privateKey: 'k',
      sshConfig: 'c',
      check: true,
      diff: true,
      json: true,
      verbose: 1,
    });
    const rest = parseCommandLine('site.ts --become --list-tasks --expect-no-change --restart-own-network'.split(' '));
    expect(rest).toMatchObject({ become: true, listTasks: true, expectNoChange: true, restartOwnNetwork: true });
  });

  test('how much is shown', () => {
    expect(parseCommandLine(['-vvv', 's.ts', '-v']).verbose).toBe(4);
    expect(parseCommandLine('-q --color never --junit x.xml s.ts'.split(' '))).toMatchObject({
      quiet: true,
      color: 'never',
      junit: 'x.xml',
    });
  });

  test('to make a plan implies check mode, to apply one does not', () => {
    expect(parseCommandLine(['--plan-out', 'p', 's.ts'])).toMatchObject({ check: true, planOut: 'p' });
    expect(parseCommandLine(['--apply-plan', 'p', 's.ts'])).toMatchObject({ check: false, applyPlan: 'p' });
  });

  test('forks are a whole number from 1 on', () => {
    expect(parseCommandLine(['site.ts', '--forks', '8']).forks).toBe(8);
    for (const text of ['0', '-1', '1.5', 'many', ''])
      expect(refusal('site.ts', `--forks=${text}`)).toMatch(/^--forks takes/);
  });

  test('variables are split at the first equals sign, and stay text', () => {
    expect(parseCommandLine(['-e', 'a=1', '--extra-vars', 'b=c=d', '-e', 'e=', 's.ts']).extraVars).toEqual([
      { pairs: { a: '1' } },
      { pairs: { b: 'c=d' } },
      { pairs: { e: '' } },
    ]);
  });

  test('rehearse', () => {
    const line = parseCommandLine(['rehearse', '--yes', '--keep', '-e', 'a=1', 'site.ts']);
    expect(line).toMatchObject({
      command: 'rehearse',
      site: 'site.ts',
      yes: true,
      keep: true,
      extraVars: [{ pairs: { a: '1' } }],
    });
    expect(parseCommandLine(['rehearse', '--remove', 'x1'])).toMatchObject({ remove: 'x1', site: undefined });
  });

  test.each([[['--help']], [['-h']], [['--version']], [['rehearse', '--help']]])('%j needs no site', (args) => {
    expect(parseCommandLine(args).site).toBeUndefined();
  });

  test.each([
    [['--chekc', 's.ts'], 'there is no option --chekc; did you mean --check?'],
    [['--expect-nochange', 's.ts'], 'there is no option --expect-nochange; did you mean --expect-no-change?'],
    [['--hots=a', 's.ts'], 'there is no option --hots; did you mean --host?'],
    [['-x', 's.ts'], 'there is no option -x; see --help'],
    [['--frobnicate-all', 's.ts'], 'there is no option --frobnicate-all; see --help'],
    [['--check=yes', 's.ts'], "--check takes no value, and was given 'yes'"],
    [['s.ts', '--host'], '--host takes a value: --host [USER@]NAME[:PORT]'],
    [[], 'name a site: npx kvm-play site.ts (see --help)'],
    [['rehearse'], 'name a site: npx kvm-play site.ts (see --help)'],
    [['a.ts', 'b.ts'], 'one site at a time, and these are 2: a.ts, b.ts'],
    [['reherse', 'b.ts'], 'one site at a time, and these are 2: reherse, b.ts; did you mean rehearse?'],
    [['-e', 'memory', 's.ts'], "-e takes NAME=VALUE, and was given 'memory'"],
    [['-e', '=1', 's.ts'], "-e takes NAME=VALUE, and was given '=1'"],
    [['--color', 'allways', 's.ts'], "--color does not know 'allways'; did you mean always?"],
    [['-q', '-v', 's.ts'], '--quiet and --verbose exclude each other: the one shows less, the other more'],
    [
      ['--apply-plan', 'p', '--check', 's.ts'],
      '--apply-plan and --check exclude each other: a plan is made in check mode, and applied without it',
    ],
    [
      ['--apply-plan', 'p', '--plan-out', 'p', 's.ts'],
      '--apply-plan and --plan-out exclude each other: a plan is made in one run, and applied in another',
    ],
    [['-q', '--json', 's.ts'], '--quiet and --json exclude each other: the JSON stream has every event'],
    [
      ['network', 'status', 'a', '--forks', '2'],
      'network takes no --forks: it acts on the network change that is pending on a host',
    ],
    [['--yes', 's.ts'], '--yes is an option of rehearse: npx kvm-play rehearse --yes ...'],
    [
      ['rehearse', '--check', 's.ts'],
      'rehearse takes no --check: it runs the whole site against a throwaway host of its own',
    ],
    [
      ['rehearse', '--host', 'a', 's.ts'],
      'rehearse takes no --host: it runs the whole site against a throwaway host of its own',
    ],
  ])('%j is refused', (args, message) => {
    expect(refusal(...args)).toBe(message);
  });
});

test('the help names every option', () => {
  const options = [...usage.matchAll(/--[a-z-]+/g)].map(([option]) => option);
  for (const option of new Set(options)) expect(refusal(option, 'x', 's.ts')).not.toMatch(/there is no option/);
  expect(options).toEqual(
    expect.arrayContaining(
      '--host --private-key --ssh-config --become --check --expect-no-change --restart-own-network --list-tasks --extra-vars --diff --verbose --json --help --version --yes --keep --remove'.split(
        ' ',
      ),
    ),
  );
  expect(Math.max(...usage.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
});

test('what is chosen of hosts and tasks', () => {
  expect(
    parseCommandLine(
      '-i hosts.ini -i more.yml -l web:!old --serial 2 -t a,b -t c --skip-tags d s.ts -e x=1 -e @v.json'.split(' '),
    ),
  ).toMatchObject({
    inventory: ['hosts.ini', 'more.yml'],
    limit: 'web:!old',
    serial: 2,
    tags: ['a', 'b', 'c'],
    skipTags: ['d'],
    extraVars: [{ pairs: { x: '1' } }, { file: 'v.json' }],
  });
  expect(refusal('--limit', ' ', 's.ts')).toBe('--limit is empty; leave it out to take all hosts');
  expect(refusal('--serial', '0', 's.ts')).toContain(
    "--serial takes a whole number from 1 to 999999, and was given '0'",
  );
  expect(refusal('-i', 'hosts', '--host', 'a', 's.ts')).toContain(
    '--host and --inventory exclude each other: choose hosts of an inventory with a pattern: --limit PATTERN',
  );
});

test('a network change by hand', () => {
  expect(parseCommandLine('network status root@a --ssh-config c'.split(' '))).toMatchObject({
    command: 'network',
    networkCommand: { action: 'status', host: 'root@a' },
    sshConfig: 'c',
  });
  expect(parseCommandLine('network extend root@a:2222 120'.split(' ')).networkCommand).toEqual({
    action: 'extend',
    host: 'root@a:2222',
    seconds: 120,
  });
});

test('a network change by hand, on hosts of options and of an inventory', () => {
  const line = (text: string) => parseCommandLine(text.split(' '));
  expect(line('network status --host a --host root@b')).toMatchObject({
    networkCommand: { action: 'status' },
    host: ['a', 'root@b'],
  });
  expect(line('network extend --host a 60').networkCommand).toEqual({ action: 'extend', seconds: 60 });
  expect(line('network confirm -i hosts web:!old')).toMatchObject({
    networkCommand: { action: 'confirm', host: 'web:!old' },
    inventory: ['hosts'],
  });
  expect(refusal('network', 'status', '-i', 'hosts')).toBe('name a host: npx kvm-play network status HOST');
  expect(refusal('network', 'status', '-i', 'hosts', '--host', 'a')).toContain('network ACTION PATTERN');
  expect(refusal('network', 'status', '--host', 'a', 'b')).toContain('--host names the hosts already');
});

test('an inventory that is shown', () => {
  expect(parseCommandLine(['inventory', '-i', 'hosts'])).toMatchObject({ command: 'inventory', pattern: 'all' });
  expect(parseCommandLine(['inventory', '-i', 'hosts', 'web'])).toMatchObject({ pattern: 'web' });
  expect(refusal('inventory')).toContain('kvm-play inventory -i FILE');
  expect(refusal('inventory', '-i', 'x', '--check')).toContain('inventory takes no --check');
});

describe('an option that cannot be read is refused in plain words', () => {
  test.each([
    [['-b', 's.ts'], 'there is no option -b; here it is --become'],
    [['-C', 's.ts'], 'there is no option -C; here it is --check'],
    [['-vD', 's.ts'], 'there is no option -D; here it is --diff'],
    [['-f', '5', 's.ts'], 'there is no option -f; here it is --forks N'],
    [['-u', 'root', 's.ts'], 'there is no option -u; write the user before the host'],
    [['-k', 's.ts'], 'there is no option -k; ssh logs in with a key'],
    [['-m', 'ping', 'all'], 'there is no option -m; there are no commands without a site'],
    [['--syntax-check', 's.ts'], 'use --list-tasks, which loads the site'],
    [['--list', '-i', 'x'], 'kvm-play inventory -i FILE'],
    [['--vault-id', 'x', 's.ts'], 'secret.file'],
    [['--no-color', 's.ts'], 'there is no option --no-color; leave --color out'],
    [['-x', 's.ts'], 'there is no option -x; see --help'],
    [['--chekc', 's.ts'], 'there is no option --chekc; did you mean --check?'],
    [['--limit', '--check', 's.ts'], "--limit takes a value (PATTERN), and is followed by the option '--check'"],
    [['-l', '-v', 's.ts'], 'if that is the value, write -l-v'],
    [['s.ts', '--limit'], '--limit takes a value: --limit PATTERN'],
    [['s.ts', '-e'], '-e takes a value: -e NAME=VALUE'],
    [['--check=yes', 's.ts'], "--check takes no value, and was given 'yes'"],
    [['-l', 'a', 's.ts', '--limit', 'b'], '--limit is given twice'],
  ])('%j', (args, words) => {
    const message = refusal(...args);
    expect(message).toContain(words);
    expect(message).not.toMatch(/ambiguous|argument missing|positional/);
  });

  test('and what only looks so is taken', () => {
    expect(parseCommandLine(['--limit=-x', '--check', '--check', 's.ts'])).toMatchObject({ limit: '-x', check: true });
    expect(parseCommandLine(['--', 's.ts'])).toMatchObject({ site: 's.ts' });
  });
});

test.each([
  [['network'], "network does not know ''; status, confirm, rollback, extend"],
  [['network', 'confrim', 'a'], "network does not know 'confrim'; did you mean confirm?"],
  [['network', 'confirm'], 'name a host: npx kvm-play network confirm HOST'],
  [['network', 'confirm', 'a', 'b'], "network confirm takes one host, and was given 'b' too"],
  [
    ['network', 'extend', 'a'],
    'network extend takes a host and seconds, 1 to 99999: npx kvm-play network extend a 120',
  ],
  [['network', 'extend', 'a', '0'], 'network extend takes a host and seconds'],
  [['network', 'status', 'a', '--check'], 'network takes no --check'],
])('%j is refused', (args, words) => {
  expect(refusal(...args)).toContain(words);
});

describe('the option table', () => {
  test('names only options that there are in conflicts, implications and advice', () => {
    for (const [, { conflicts = {}, implies }] of options) {
      for (const other of Object.keys(conflicts)) expect(options.has(other)).toBe(true);
      if (implies !== undefined) expect(options.get(implies)?.kind).toBe('flag');
    }
    const spellings = [...options].flatMap(([name, option]) => [...spellingsOf(name, option)]);
    for (const option of ['-u', '-k', '--become-pass-file', '-T', '--ssh-common-args', '--syntax-check', '--step']) {
      const named = insteadOf(option)?.match(/--[a-z-]+/g) ?? [];
      expect(spellings).toEqual(expect.arrayContaining(named));
    }
  });

  test('gives a value to all options but flags and counters, and a one-letter form to one option only', () => {
    for (const { kind, value } of options.values()) {
      expect(value === undefined).toBe(kind === 'flag' || kind === 'counter');
    }
    const letters = [...options.values()].flatMap(({ short }) => short ?? []);
    expect(new Set(letters).size).toBe(letters.length);
  });

  test('has the default of connections', () => {
    expect(options.get('forks')?.default).toBe(defaultForks);
  });

  test('refuses each conflict that it names, in both orders', () => {
    const typed = (name: string): readonly string[] =>
      options.get(name)?.value === undefined ? [`--${name}`] : [`--${name}`, 'x'];
    for (const [name, { conflicts = {} }] of options) {
      for (const [other, reason] of Object.entries(conflicts)) {
        const words = `--${name} and --${other} exclude each other: ${reason}`;
        expect(refusal(...typed(name), ...typed(other), 's.ts')).toBe(words);
        expect(refusal(...typed(other), ...typed(name), 's.ts')).toBe(words);
      }
    }
  });

  test('is what each command takes, and refuses', () => {
    for (const [name, option] of options) {
      const typed = option.value === undefined ? [`--${name}`] : [`--${name}=${String(option.default ?? 'x=1')}`];
      for (const command of commandNames) {
        const said = refusal(...(command === 'run' ? [] : [command]), ...typed, '--help');
        const isTaken = !/takes no --|is an option of|there is no option/.test(said);
        expect([name, command, isTaken]).toEqual([name, command, takersOf(option).includes(command)]);
      }
    }
  });
});

test('the synopses name every word that a command takes', () => {
  for (const [, { operands, usage: lines }] of commands) {
    for (const { completes = {} } of operands) {
      if (completes === 'sites') expect(lines.join('\n')).toContain('SITE.ts');
      else for (const word of Object.keys(completes)) expect(lines.join('\n')).toMatch(new RegExp(`\\b${word}\\b`));
    }
  }
});
