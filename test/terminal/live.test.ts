import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { pasteable } from '../../lib/hosts/shell/quote.ts';
import { program, runCommand } from '../support/command.ts';
import { describeWith } from '../support/programs.ts';
import { Tmux } from '../support/tmux.ts';

/**
 * A site of two tasks that are made twice: when the play is foreseen, and in their turn; then each looks until it is told to find
 * what is wanted, and not before a view would have been drawn. Nothing is written, and no lock is taken.
 */
const site = `import { defineModule, later, play } from 'kvm-play';

const wait = defineModule<{ file: string }, { file: string }, undefined>({
  name: 'wait',
  desired: ({ file }) => ({ file }),
  subject: ({ file }) => file,
  read: async (host, { file }) => {
    const script = '[ -z "$1" ] || sleep 0.3; until [ -z "$1" ] || [ -e "$1" ]; do sleep 0.05; done';
    await host.query(['sh', '-c', script, 'sh', String(file)]);
    return { state: { file }, found: undefined };
  },
  plan: () => [],
});

function inTurn(title: string, name: string) {
  let isForeseen = false;
  return later(title, () => {
    const file = isForeseen ? \`\${process.cwd()}/\${name}\` : '';
    isForeseen = true;
    return wait(title, { file });
  });
}

export default play({
  name: 'Wait',
  tasks: [inTurn('Wait for the one, under a title that is longer than a narrow window: 橋', 'one'), inTurn('Wait for two', 'two')],
});
`;

const commandLine = pasteable([process.execPath, ...program, 'site.ts']);
const columnsOfBar = /^[━─]+ {2}\d of 2 tasks, /;

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'kvm-play-live-'));
  writeFileSync(join(cwd, 'site.ts'), site);
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

/** Tells tasks to end. */
function go(...names: readonly string[]): void {
  for (const name of names) writeFileSync(join(cwd, name), '');
}

describeWith(['tmux', 'bash'], 'the live view in a terminal', () => {
  let terminal: Tmux;
  beforeEach(async () => {
    const env = { PS1: '> ', LC_ALL: 'C.UTF-8', NODE_OPTIONS: '', NO_COLOR: '1', GITHUB_ACTIONS: '' };
    terminal = await Tmux.open(['bash', '--norc'], { width: 80, height: 24, cwd, env });
    await terminal.until((lines) => lines[0] === '>');
  });
  afterEach(() => terminal.close());

  async function start(): Promise<void> {
    await terminal.type(`clear; ${commandLine}`);
    await terminal.press('Enter');
  }

  /** The command has ended, and the shell asks again. */
  const hasEnded = (lines: readonly string[]): boolean => lines.filter((line) => line !== '').at(-1) === '>';
  const isAtWork = (lines: readonly string[]): boolean =>
    lines.some((line) => /^localhost .* Wait for the one/.test(line));
  const hasView = (lines: readonly string[]): boolean => lines.some((line) => columnsOfBar.test(line));

  test('is there while a task runs, fits the window, and is gone at the end', async () => {
    await start();
    const first = await terminal.until((lines) =>
      lines.some((line) => /^localhost .* [1-9] s {2}Wait for the one/.test(line)),
    );
    expect(first.filter((line) => line !== '')).toEqual([
      expect.stringMatching(/^PLAY \[Wait\] \*+$/),
      expect.stringMatching(/^localhost {2}0\/2 {2}\d s {2}Wait for the one, .* than a nar…$/),
      expect.stringMatching(/^─{30} {2}0 of 2 tasks, \d s$/),
    ]);
    expect(await terminal.hasCursor()).toBe(false);

    await terminal.resize(40, 12);
    const narrow = await terminal.until((lines) => lines.some((line) => /^localhost.{27,29}…$/.test(line)));
    expect(narrow.filter((line) => line.startsWith('localhost'))).toHaveLength(1);
    await terminal.resize(80, 24);
    go('one');
    const second = await terminal.until(
      (lines) => lines.some((line) => line.includes('Wait for two')) && lines.some((line) => /^━{15}─{15} /.test(line)),
    );
    expect(second.filter((line) => line !== '').slice(-3)).toEqual([
      'ok: [localhost]',
      expect.stringMatching(/^localhost {2}1\/2 {2}\d s {2}Wait for two$/),
      expect.stringMatching(/^━{15}─{15} {2}1 of 2 tasks, \d+ s$/),
    ]);
    go('two');
    await terminal.until(hasEnded);
    expect(await terminal.hasCursor()).toBe(true);

    const piped = await runCommand(['site.ts'], { cwd });
    expect(await terminal.text()).toBe(`${piped.stdout}>`);
  });

  test('makes way for what an interruption has to say, and is gone after a second one', async () => {
    await start();
    await terminal.until(isAtWork);
    await terminal.press('C-c');
    const interrupted = await terminal.until(
      (lines) => lines.some((line) => line.startsWith('interrupted:')) && hasView(lines),
    );
    expect(interrupted.findIndex((line) => line.startsWith('interrupted:'))).toBeLessThan(
      interrupted.findIndex((line) => line.startsWith('localhost')),
    );
    await terminal.press('C-c');
    const ended = await terminal.until(hasEnded);
    expect([hasView(ended), await terminal.hasCursor()]).toEqual([false, true]);
    go('one', 'two');
  });

  test('leaves the terminal to the shell while it is stopped, and when it is killed by Ctrl-\\', async () => {
    await start();
    await terminal.until(isAtWork);
    await terminal.press('C-z');
    const stopped = await terminal.until(hasEnded);
    expect([hasView(stopped), await terminal.hasCursor()]).toEqual([false, true]);
    await terminal.type('fg');
    await terminal.press('Enter');
    await terminal.until(hasView);
    expect(await terminal.hasCursor()).toBe(false);
    await terminal.press('C-\\');
    const killed = await terminal.until(hasEnded);
    expect([hasView(killed), await terminal.hasCursor()]).toEqual([false, true]);
    expect(killed.join('\n')).toMatch(/Quit/);
    go('one', 'two');
  });
});

describeWith(['script'], 'there is no live view', () => {
  const moved = '\u001b[?25l';

  /** What the command writes to a terminal. */
  async function written(args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
    go('one', 'two');
    const line = `stty rows 24 cols 80; ${commandLine} ${pasteable(args)}`;
    const all = { LC_ALL: 'C.UTF-8', NODE_OPTIONS: '', GITHUB_ACTIONS: '', TERM: 'xterm', ...env };
    return (await execa('script', ['-qec', line, '/dev/null'], { cwd, env: all, stdin: 'ignore' })).stdout;
  }

  test('with --quiet, with --json, and where the cursor cannot be moved', async () => {
    expect(await written([], {})).toContain(moved);
    expect(await written(['--quiet'], {})).not.toContain(moved);
    expect(await written(['--json'], {})).not.toContain(moved);
    expect(await written([], { TERM: 'dumb' })).not.toContain(moved);
  });

  test('with a sign that the locale does not have, or a colour that is not wanted', async () => {
    const plain = await written([], { LC_ALL: 'C', NO_COLOR: '1' });
    expect(plain).toMatch(/#{15}-{15} {2}1 of 2 tasks/);
    expect(plain.replaceAll(/橋/g, '')).not.toMatch(/[^\u0000-\u007f]|\u001b\[\d+m/);
    expect(await written(['--color', 'always'], { NO_COLOR: '1' })).toContain('\u001b[32m━');
  });
});
