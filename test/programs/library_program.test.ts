import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { takeTurnsOnThisMachine } from '../support/this_machine.ts';

takeTurnsOnThisMachine();

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The program of docs/library.md that follows a run. */
const [program = ''] = [...readFileSync(join(root, 'docs/library.md'), 'utf8').matchAll(/^```ts\n(.*?)^```/gms)]
  .map(([, code = '']) => code)
  .filter((code) => code.includes('of events('));

/** Tasks that write a file each into a directory, each after half a second; the third one cannot. */
const site = (directory: string): string => `import { defineModule, play, writeFile } from 'kvm-play';

const file = defineModule<{ path: string }, { path: string; text: string }, undefined>({
  name: 'file',
  desired: ({ path }) => ({ path, text: 'there' }),
  subject: ({ path }) => path,
  read: async (host, wanted) => {
    const { stdout } = await host.query(['sh', '-c', 'sleep 0.5; cat "$1" 2>/dev/null', 'sh', wanted.path]);
    return { state: { path: wanted.path, text: stdout }, found: undefined };
  },
  plan: (_seen, { path, text }) => [writeFile(path, text)],
});

export default play({
  name: 'Files',
  tasks: ['one', 'two', 'none/three', 'four'].map((name) => file(name, { path: ${JSON.stringify(directory)} + '/' + name })),
});
`;

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'kvm-play-program-'));
  writeFileSync(join(directory, 'program.ts'), program);
  writeFileSync(join(directory, 'site.ts'), site(directory));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Runs the program against this very machine, whose files are those of the directory. */
async function runProgram(
  onOutput: (text: string) => NodeJS.Signals | undefined,
): Promise<readonly [number | null, string]> {
  const alias = { 'kvm-play': join(root, 'lib/index.ts'), 'kvm-play/modules': join(root, 'modules/index.ts') };
  const child = spawn(process.execPath, [join(root, 'node_modules/jiti/lib/jiti-cli.mjs'), 'program.ts', 'localhost'], {
    cwd: directory,
    env: { ...process.env, NODE_OPTIONS: '', JITI_ALIAS: JSON.stringify(alias) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (text) => {
    said += text;
    const signal = onOutput(said);
    // A second one ends the program at once.
    if (signal !== undefined && !child.killed) child.kill(signal);
  });
  await once(child, 'close');
  return [child.exitCode, said];
}

test('the program in docs/library.md follows a run, and ends it at the first failure', async () => {
  expect(program.trimEnd().split('\n').length).toBeLessThan(40);
  const [exitCode, said] = await runProgram(() => undefined);
  expect(said.split('\n')).toEqual([
    'localhost: one: changed',
    'localhost: two: changed',
    'localhost: none/three: failed',
    '',
  ]);
  expect(exitCode).toBe(2);
});

test('it ends a run on Ctrl-C', async () => {
  rmSync(join(directory, 'one'));
  rmSync(join(directory, 'two'));
  const [exitCode, said] = await runProgram((text) => (text.includes('one: changed') ? 'SIGINT' : undefined));
  expect(said).toContain('localhost: one: changed\n');
  expect(said).not.toContain('failed');
  expect(said).toContain('localhost: four: skipped\n');
  expect(exitCode).toBe(2);
});
