import { describe, expect, test } from '@jest/globals';
import { parseCommandLine } from '../../../lib/cli/options.ts';
import { usage } from '../../../lib/cli/usage.ts';
import { PlaybookError } from '../../../lib/errors.ts';

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
      hosts: [],
      inventory: undefined,
      limit: undefined,
      serial: undefined,
      privateKey: undefined,
      sshConfig: undefined,
      check: false,
      planOut: undefined,
      applyPlan: undefined,
      diff: false,
      listTasks: false,
      listTags: false,
      listHosts: false,
      tags: [],
      skipTags: [],
      startAtTask: undefined,
      vars: {},
      varFiles: [],
      become: false,
      askBecomePass: false,
      forks: undefined,
      verbosity: 0,
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
      hosts: ['root@a:2222', 'localhost'],
      privateKey: 'k',
      sshConfig: 'c',
      check: true,
      diff: true,
      json: true,
      verbosity: 1,
    });
    const rest = parseCommandLine('site.ts --become --list-tasks --expect-no-change --restart-own-network'.split(' '));
    expect(rest).toMatchObject({ become: true, listTasks: true, expectNoChange: true, restartOwnNetwork: true });
  });

  test('how much is shown', () => {
    expect(parseCommandLine(['-vvv', 's.ts', '-v']).verbosity).toBe(4);
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
    expect(parseCommandLine(['-e', 'a=1', '--extra-vars', 'b=c=d', '-e', 'e=', 's.ts']).vars).toEqual({
      a: '1',
      b: 'c=d',
      e: '',
    });
  });

  test('rehearse', () => {
    const line = parseCommandLine(['rehearse', '--yes', '--keep', '-e', 'a=1', 'site.ts']);
    expect(line).toMatchObject({ command: 'rehearse', site: 'site.ts', yes: true, keep: true, vars: { a: '1' } });
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
    [['--check=yes', 's.ts'], "Option '--check' does not take an argument"],
    [['s.ts', '--host'], "Option '--host <value>' argument missing"],
    [[], 'name a site: kvm-play site.ts (see --help)'],
    [['rehearse'], 'name a site: kvm-play site.ts (see --help)'],
    [['a.ts', 'b.ts'], 'one site at a time, and these are 2: a.ts, b.ts'],
    [['reherse', 'b.ts'], 'one site at a time, and these are 2: reherse, b.ts; did you mean rehearse?'],
    [['-e', 'memory', 's.ts'], "-e takes NAME=VALUE, and was given 'memory'"],
    [['-e', '=1', 's.ts'], "-e takes NAME=VALUE, and was given '=1'"],
    [['--color', 'allways', 's.ts'], "--color does not know 'allways'; did you mean always?"],
    [['-q', '-v', 's.ts'], '--quiet and --verbose exclude each other'],
    [
      ['--apply-plan', 'p', '--check', 's.ts'],
      '--apply-plan and --check exclude each other: a plan is made in check mode, and applied by itself',
    ],
    [
      ['--apply-plan', 'p', '--plan-out', 'p', 's.ts'],
      '--apply-plan and --plan-out exclude each other: a plan is made in check mode, and applied by itself',
    ],
    [['-q', '--json', 's.ts'], '--quiet says nothing about --json, which has every event'],
    [
      ['network', 'status', 'a', '--forks', '2'],
      'network takes no --forks: it is about the change that is pending on one host',
    ],
    [['--yes', 's.ts'], '--yes goes with rehearse only: kvm-play rehearse --yes ...'],
    [
      ['rehearse', '--check', 's.ts'],
      'rehearse takes no --check: it runs the site against a throwaway host of its own, twice',
    ],
    [
      ['rehearse', '--host', 'a', 's.ts'],
      'rehearse takes no --host: it runs the site against a throwaway host of its own, twice',
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
  expect(Math.max(...usage.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
});

test('what is chosen of hosts and tasks', () => {
  expect(
    parseCommandLine('-i hosts.ini -l web:!old --serial 2 -t a,b -t c --skip-tags d s.ts -e x=1 -e @v.json'.split(' ')),
  ).toMatchObject({
    inventory: 'hosts.ini',
    limit: 'web:!old',
    serial: 2,
    tags: ['a', 'b', 'c'],
    skipTags: ['d'],
    vars: { x: '1' },
    varFiles: ['v.json'],
  });
  expect(refusal('--limit', ' ', 's.ts')).toBe('--limit is empty; leave it out to take all hosts');
  expect(refusal('--serial', '0', 's.ts')).toContain("--serial takes a whole number from 1 on, and was given '0'");
  expect(refusal('-i', 'hosts', '--host', 'a', 's.ts')).toContain('choose among its hosts with --limit');
});

test('a network change by hand', () => {
  expect(parseCommandLine('network status root@a --ssh-config c'.split(' '))).toMatchObject({
    command: 'network',
    network: { action: 'status', host: 'root@a' },
    sshConfig: 'c',
  });
  expect(parseCommandLine('network extend root@a:2222 120'.split(' ')).network).toEqual({
    action: 'extend',
    host: 'root@a:2222',
    seconds: 120,
  });
});

test.each([
  [['network'], "network does not know ''; status, confirm, rollback, extend"],
  [['network', 'confrim', 'a'], "network does not know 'confrim'; did you mean confirm?"],
  [['network', 'confirm'], 'name a host: kvm-play network confirm HOST'],
  [['network', 'confirm', 'a', 'b'], "network confirm takes one host, and was given 'b' too"],
  [['network', 'extend', 'a'], 'network extend takes a host and seconds, 1 to 99999: kvm-play network extend a 120'],
  [['network', 'extend', 'a', '0'], 'network extend takes a host and seconds'],
  [['network', 'status', 'a', '--check'], 'network takes no --check'],
])('%j is refused', (args, words) => {
  expect(refusal(...args)).toContain(words);
});
