import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, expect } from '@jest/globals';
import { root, staleSource } from './built.ts';
import { schemaErrors } from './json_stream.ts';

const jiti = join(root, 'node_modules/jiti/lib/jiti-cli.mjs');

/** Gives Node's arguments that run a source: by itself where it strips types; what the source loads then shares its copy of the library. */
export function sourceArguments(path: string): readonly string[] {
  return 'typescript' in process.features && process.features.typescript ? [path] : [jiti, path];
}

/** Node's arguments that run the command: as it was built, which starts in half the time, else from its sources. */
export const program: readonly string[] =
  staleSource() === undefined ? [join(root, 'dist/lib/cli/main.js')] : sourceArguments(join(root, 'lib/cli/main.ts'));

/** What the tests run on, a CI system as well, must not show in what they see. */
const plainEnvironment = {
  LC_ALL: 'C.UTF-8',
  NODE_OPTIONS: '',
  NO_COLOR: undefined,
  FORCE_COLOR: undefined,
  GITHUB_ACTIONS: undefined,
  GITHUB_WORKSPACE: undefined,
  ANSIBLE_CONFIG: undefined,
  ANSIBLE_INVENTORY: undefined,
};

/** What every command with `--json` has printed, by command. */
const streams: Buffer[][] = [];

/** Every stream that the tests of a file get is held against the schema, up to the last whole line: some commands are killed. */
afterAll(() => {
  const texts = streams.splice(0).map((pieces) => Buffer.concat(pieces).toString());
  expect(texts.flatMap((text) => schemaErrors(text.slice(0, text.lastIndexOf('\n') + 1)))).toEqual([]);
});

/** Where the command runs, and variables on top of this process's own. */
export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** How the command ended. */
export interface CommandEnd {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the command, in a process group of its own. */
export function startCommand(args: readonly string[], options: CommandOptions = {}): ChildProcess {
  const child = spawn(process.execPath, [...program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, ...plainEnvironment, ...options.env },
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
  if (args.includes('--json')) {
    const pieces: Buffer[] = [];
    child.stdout?.on('data', (piece) => pieces.push(piece));
    streams.push(pieces);
  }
  return child;
}

/** Runs the command, and waits for its end. */
export async function runCommand(args: readonly string[], options: CommandOptions = {}): Promise<CommandEnd> {
  const child = startCommand(args, options);
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (text) => {
    output.stdout += text;
  });
  child.stderr?.on('data', (text) => {
    output.stderr += text;
  });
  await once(child, 'close');
  return { exitCode: child.exitCode, ...output };
}
