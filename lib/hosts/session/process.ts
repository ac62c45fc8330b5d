import { spawn } from 'node:child_process';
import { environmentForOthers } from '../../task/secret.ts';
import { OutputLimitError, outputLimit } from '../shell/transport.ts';
import type { SudoDialog } from './sudo_dialog.ts';

/** How a process is run. */
export interface ProcessOptions {
  /** Bytes for its standard input. Default: none. */
  readonly input?: Buffer;
  /** Seconds after which it is ended. */
  readonly timeLimit: number;
  /** The talk with sudo that comes before the input. */
  readonly dialog?: SudoDialog | undefined;
}

/** How a process of this machine ended. */
export interface ProcessResult {
  /** undefined when a signal ended it, or when it could not be started. */
  readonly exitCode: number | undefined;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly timedOut: boolean;
  /** In one line, why it did not exit by itself. */
  readonly trouble: string;
}

/**
 * Runs a process of this machine in a process group of its own: Ctrl-C at the terminal then ends the run and not the step under way,
 * and a time limit ends whatever the process has started as well.
 * @throws OutputLimitError
 */
export async function runProcess(
  file: string,
  args: readonly string[],
  { input, timeLimit, dialog }: ProcessOptions,
): Promise<ProcessResult> {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true, env: environmentForOthers() });
  const output: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] };
  let length = 0;
  let timedOut = false;
  const end = (): void => {
    if (child.pid !== undefined) endGroup(child.pid);
  };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].on('data', (piece: Buffer) => {
      const reaction = dialog?.hear(stream, piece);
      if (reaction === 'answer') child.stdin.write(dialog?.answer);
      if (reaction === 'begin') child.stdin.end(input);
      if (reaction === 'refuse') end();
      length += piece.length;
      if (length > outputLimit) end();
      else output[stream].push(piece);
    });
  }
  const timer = setTimeout(() => {
    timedOut = true;
    end();
  }, timeLimit * 1000);
  child.stdin.on('error', () => {});
  if (dialog === undefined) child.stdin.end(input);
  const { exitCode, trouble } = await ended(child);
  clearTimeout(timer);
  const [stdout, stderr] = [Buffer.concat(output.stdout), Buffer.concat(output.stderr)];
  if (length > outputLimit) throw new OutputLimitError({ exitCode: 1, stdout, stderr });
  if (dialog === undefined) return { exitCode, stdout, stderr, timedOut, trouble };
  return { exitCode, stdout: dialog.behindReady(stdout), stderr: dialog.behindPrompt(stderr), timedOut, trouble };
}

async function ended(child: ReturnType<typeof spawn>): Promise<Pick<ProcessResult, 'exitCode' | 'trouble'>> {
  return new Promise((resolve) => {
    child.once('error', ({ message }) => resolve({ exitCode: undefined, trouble: message }));
    child.once('close', (code, signal) => {
      resolve({ exitCode: code ?? undefined, trouble: signal === null ? '' : `it was ended by ${signal}` });
    });
  });
}

/** Ends a process of this machine that leads a group, and whatever it has started. */
export function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
