import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';

/**
 * To be called by a file of tests that apply something on this very machine. Files of tests run side by side, kvm-play allows one run
 * at a time on a host, and so these files take turns. The kernel ends the turn when the process that has it dies.
 */
export function takeTurnsOnThisMachine(): void {
  let turn: ChildProcess | undefined;
  beforeAll(async () => {
    const path = join(tmpdir(), `kvm-play-tests-${userInfo().uid}.lock`);
    turn = spawn('flock', [path, 'sh', '-c', 'echo taken; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const [first] = await Promise.race([once(turn.stdout ?? turn, 'data'), once(turn, 'exit')]);
    if (String(first) !== 'taken\n') throw new Error(`flock ended with ${first} before it had ${path}`);
  });
  afterAll(async () => {
    if (turn === undefined || turn.exitCode !== null) return;
    const ended = once(turn, 'exit');
    turn.stdin?.end();
    await ended;
  });
}
