import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** What one run of a tool cost its own machine. */
export interface Cost {
  readonly seconds: number;
  /** Of the tool, the processes that it waited for, and the connections that it left open. */
  readonly cpuSeconds: number;
  readonly output: string;
}

const ticks = 100;

/** Runs a command, and says what it took. @param mark stands in the command lines of all its processes @throws when it fails */
export async function timed(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  mark: string,
): Promise<Cost> {
  const before = cpuOf(mark);
  const child = spawn('bash', ['-c', 'TIMEFORMAT="%R %U %S"; time "$@" 2>&1', 'bash', ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env, NODE_OPTIONS: '', LC_ALL: 'C.UTF-8' },
  });
  const texts = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].on('data', (piece: Buffer) => {
      texts[stream] += piece.toString();
    });
  }
  await once(child, 'exit');
  // Connections that persist hold the streams open.
  const [seconds = 0, user = 0, system = 0] = texts.stderr.trim().split('\n').at(-1)?.split(' ').map(Number) ?? [];
  if (child.exitCode !== 0) throw new Error(`${argv[0]} ended with ${child.exitCode}:\n${texts.stdout}${texts.stderr}`);
  const left = Math.max(0, cpuOf(mark) - before);
  return { seconds, cpuSeconds: user + system + left, output: texts.stdout };
}

/** Runs a command, and says how much memory all its processes had at most, in MiB: shared pages count in parts (PSS). */
export async function peakMemory(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  mark: string,
): Promise<number> {
  const running = timed(argv, env, mark);
  let isOver = false;
  const over = running.finally(() => {
    isOver = true;
  });
  let peak = 0;
  while (!isOver) {
    peak = Math.max(peak, sumOf(mark, pss));
    await sleep(100);
  }
  await over;
  return peak / 1024;
}

function cpuOf(mark: string): number {
  return sumOf(mark, (pid) => {
    const fields = read(pid, 'stat').split(') ').at(-1)?.split(' ') ?? [];
    return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticks;
  });
}

function pss(pid: string): number {
  return Number(/^Pss:\s*(\d+)/m.exec(read(pid, 'smaps_rollup'))?.[1] ?? 0);
}

function sumOf(mark: string, of: (pid: string) => number): number {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
  return all.filter((pid) => read(pid, 'cmdline').includes(mark)).reduce((sum, pid) => sum + of(pid), 0);
}

/** A process may end while it is looked at. */
function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
