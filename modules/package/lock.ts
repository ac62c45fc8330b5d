import { shellProgram } from '../../lib/process/package_files.ts';
import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';
import { type CommandStep, command } from '../../lib/task/step.ts';

/** A process that holds a lock of a package manager. */
export interface LockHolder {
  readonly file: string;
  readonly pid: number;
  /** Its name, as ps(1) shows it in the column COMMAND. */
  readonly name: string;
}

/**
 * Looks who holds one of some locks now. It neither takes nor awaits one.
 * @param files locked by fcntl(2), or, where the name ends with `.pid`, by the number of a process in them
 */
export async function readLockHolder(host: ReadonlyHost, files: readonly string[]): Promise<LockHolder | undefined> {
  const { stdout } = await host.query(waitArgv(0, files));
  const [, file, pid, name] = /^(\S+) (\d+) (.*)$/m.exec(stdout) ?? [];
  return file === undefined || name === undefined ? undefined : { file, pid: Number(pid), name };
}

/** Names the holder of a lock in a sentence. */
export function describeHolder({ file, pid, name }: LockHolder): string {
  return `process ${pid} (${name}) holds the lock ${file}`;
}

/** Makes the step that waits until nobody holds one of some locks; its error names who still does. @param seconds the most that it waits */
export function awaitLocks(seconds: number, files: readonly string[]): CommandStep {
  const script = `holder=$("$@") && exit 0
set -- $holder
echo "after ${seconds} s, process $2 ($3) still holds the lock $1; wait until it has ended, or allow more time with 'lockWait'" >&2
exit 75`;
  return command(['sh', '-c', script, 'sh', ...waitArgv(seconds, files)], {
    title: `wait up to ${seconds} s for the locks ${files.join(', ')}`,
    timeLimit: seconds + 60,
  });
}

function waitArgv(seconds: number, files: readonly string[]): readonly string[] {
  return ['sh', '-c', shellProgram('modules/package/lock.sh'), 'sh', String(seconds), ...files];
}
