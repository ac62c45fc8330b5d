import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { waitUntil } from '../process/wait_until.ts';
import { LabError } from './error.ts';
import { type LabLayout, namespacePath } from './layout.ts';

/** Lists the numbers of all processes of this machine. */
async function allProcesses(): Promise<readonly number[]> {
  return (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
}

/** Lists the processes whose argument vector holds exactly this element. @param mark the element */
export async function processesMarked(mark: string): Promise<readonly number[]> {
  const marked: number[] = [];
  for (const pid of await allProcesses()) {
    const argv = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (pid !== process.pid && argv.split('\0').includes(mark)) marked.push(pid);
  }
  return marked;
}

/** Lists the processes in a named network namespace; none if it does not exist. @param name as `ip netns` knows it */
export async function processesInNamespace(name: string): Promise<readonly number[]> {
  const namespace = await stat(namespacePath(name)).catch(() => undefined);
  if (namespace === undefined) return [];
  const wanted = `net:[${namespace.ino}]`;
  const inside: number[] = [];
  for (const pid of await allProcesses()) {
    if ((await readlink(`/proc/${pid}/ns/net`).catch(() => '')) === wanted) inside.push(pid);
  }
  return inside;
}

/**
 * Finds the host's process 1, as this machine numbers it; undefined while the host is off.
 * @param layout the lab's names
 */
export async function findLeader(layout: LabLayout): Promise<number | undefined> {
  for (const pid of await processesInNamespace(layout.hostNamespace)) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    if (/^NSpid:.*\s1$/m.test(status) && (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')) === 'systemd\n')
      return pid;
  }
  return undefined;
}

/** Seconds that processes may take to end: a busy machine needs long to free a guest's memory. */
const endLimit = 120;

/**
 * Ends processes, and waits until they are gone.
 * @param find asked again until it finds none, so that what a dying process leaves behind is ended too
 * @throws LabError when some are still there after two minutes
 */
export async function endProcesses(find: () => Promise<readonly number[]>): Promise<void> {
  const killed = async (): Promise<readonly number[]> => {
    const found = await find();
    for (const pid of found) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself in between.
      }
    }
    return found;
  };
  const left = await waitUntil(killed, (found) => found.length === 0, { within: endLimit, interval: 0.05 });
  if (left.length > 0) throw new LabError(`processes ${left.join(', ')} of a lab do not end`);
}
