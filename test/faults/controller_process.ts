import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Lab } from '../../lib/lab/index.ts';
import { sourceArguments } from '../support/command.ts';
import type { SiteOptions } from './site.ts';

const controller = sourceArguments(fileURLToPath(new URL('./controller.ts', import.meta.url)));

/** How a controller is run. */
export interface ControllerOptions {
  readonly site?: SiteOptions | undefined;
  readonly check?: boolean;
  readonly expectNoChange?: boolean;
  /** `[user@]address[:port]`; default: root at the address that the lab's host starts with. */
  readonly host?: string;
  /** Path of the ssh_config. Default: the lab's own. */
  readonly sshConfig?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Called before each step of the protocol, which waits for it. `kill` ends the controller, then or later. */
  readonly onPhase?: (phase: string, kill: () => void) => Promise<unknown>;
}

/** How a controller ended. */
export interface ControllerEnd {
  /** undefined when it was killed. */
  readonly exitCode: number | undefined;
  /** Its errors, all in one. */
  readonly message: string;
  readonly phases: readonly string[];
}

/** Runs the suite's site on a lab's host in a process of its own. @throws Error when that process breaks down */
export async function runController(lab: Lab, options: ControllerOptions = {}): Promise<ControllerEnd> {
  const { site = {}, check = false, expectNoChange = false, onPhase } = options;
  const host = options.host ?? `root@${lab.hostAddress}`;
  const { sshConfig = lab.sshConfig } = options;
  const order = JSON.stringify({ host, sshConfig, site, check, expectNoChange });
  const child = spawn(process.execPath, [...controller, order], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C.UTF-8', NODE_OPTIONS: '', ...options.env },
  });
  const closed = once(child, 'close');
  const [, stdout, stderr, steps, answers] = child.stdio;
  if (!(stdout instanceof Readable && stderr instanceof Readable)) throw new Error('the controller has no output');
  if (!(steps instanceof Readable && answers instanceof Writable)) throw new Error('the controller has no gate');
  const output = { stdout: '', stderr: '' };
  stdout.on('data', (text) => {
    output.stdout += text;
  });
  stderr.on('data', (text) => {
    output.stderr += text;
  });
  answers.on('error', () => {});
  const phases: string[] = [];
  let killed = false;
  const kill = (): void => {
    killed = true;
    child.kill('SIGKILL');
  };
  for await (const phase of createInterface({ input: steps })) {
    phases.push(phase);
    await onPhase?.(phase, kill);
    if (killed) break;
    answers.write('.');
  }
  await closed;
  if (killed) return { exitCode: undefined, message: '', phases };
  if (output.stdout === '') throw new Error(`the controller broke down: ${output.stderr}`);
  const end: { exitCode: number; messages: string[] } = JSON.parse(output.stdout);
  return { exitCode: end.exitCode, message: end.messages.join('\n'), phases };
}
