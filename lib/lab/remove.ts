import { readdir, readFile, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { waitUntil } from '../process/wait_until.ts';
import { LabError } from './error.ts';
import { type LabLayout, labsDirectory, layoutOf } from './layout.ts';
import { takeLock } from './lock.ts';
import { endProcesses, processesInNamespace, processesMarked } from './processes.ts';

/**
 * Takes a lab away: its processes, namespaces, mounts, cgroups and files, in this order. Only its holder may call it.
 * What is gone already is no error, so that it can be called again after it was interrupted.
 * @param layout the lab's names
 * @throws LabError when something does not go away
 */
export async function removeLab(layout: LabLayout): Promise<void> {
  await endProcesses(() => processesMarked(layout.machine));
  for (const namespace of [layout.hostNamespace, layout.lanNamespace]) {
    await endProcesses(() => processesInNamespace(namespace));
    await execa('ip', ['netns', 'delete', namespace], { reject: false });
  }
  const rootInode = await stat(layout.root).catch(() => undefined);
  await unmountBelow(layout.directory);
  await removeCgroups(layout.machine);
  await execa('rm', ['-rf', '--one-file-system', '--', layout.directory]);
  // What systemd-nspawn keeps beside its machines and leaves behind when it is killed.
  for (const path of [`propagate/${layout.machine}`, `unix-export/${layout.machine}`]) {
    await rmdir(join('/run/systemd/nspawn', path)).catch(() => {});
  }
  if (rootInode !== undefined) {
    await rm(join('/run/systemd/nspawn/locks', `inode-${rootInode.dev}:${rootInode.ino}`), { force: true });
  }
  await rm(layout.lockFile, { force: true });
}

/**
 * Takes away a lab that was built to be kept, or one that a dead process left.
 * @param id the lab's id
 * @throws LabError when there is no such lab, or when somebody uses it
 */
export async function destroyLab(id: string): Promise<void> {
  const layout = layoutOf(id);
  if (!(await labIds()).includes(id)) throw new LabError(`there is no lab ${id} on this machine`);
  const lock = await takeLock(layout.lockFile);
  if (lock === undefined) throw new LabError(`lab ${id} is in use by another process`);
  try {
    await removeLab(layout);
  } finally {
    await lock.release();
  }
}

/** Takes away the labs whose lock nobody holds, and no others: those of dead processes. Labs to be kept stay. */
export async function sweepLabs(): Promise<void> {
  for (const id of await labIds()) {
    const layout = layoutOf(id);
    const lock = await takeLock(layout.lockFile);
    if (lock === undefined) continue;
    try {
      if (!(await isKept(layout))) await removeLab(layout);
    } finally {
      await lock.release();
    }
  }
}

/** Lists the ids of all labs of this machine: those in use, those that are kept, and those to be swept. */
export async function labIds(): Promise<readonly string[]> {
  const names = await readdir(labsDirectory).catch(() => []);
  return names.flatMap((name) => /^([0-9a-f]{8})\.lock$/.exec(name)?.[1] ?? []);
}

async function isKept(layout: LabLayout): Promise<boolean> {
  const text = await readFile(layout.description, 'utf8').catch(() => undefined);
  if (text === undefined) return false;
  const description: unknown = JSON.parse(text);
  return typeof description === 'object' && description !== null && 'keep' in description && description.keep === true;
}

/** Seconds in which nothing may be in use any more: a process that has just been killed closes its files a moment later. */
const unmountLimit = 60;

async function unmountBelow(directory: string): Promise<void> {
  const unmounted = async (): Promise<readonly string[]> => {
    for (const path of await mountsBelow(directory)) await execa('umount', ['--', path], { reject: false });
    return mountsBelow(directory);
  };
  const left = await waitUntil(unmounted, (paths) => paths.length === 0, { within: unmountLimit, interval: 0.05 });
  if (left.length > 0) throw new LabError(`${left.join(', ')} cannot be unmounted`);
}

/** Lists what is mounted below a directory, the innermost first. */
async function mountsBelow(directory: string): Promise<readonly string[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  return text
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? [])
    .filter((path) => path.startsWith(`${directory}/`))
    .toReversed();
}

/** Removes the cgroups that a supervisor made where no systemd hands them out. */
async function removeCgroups(machine: string): Promise<void> {
  const removeTree = async (path: string): Promise<void> => {
    const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) if (entry.isDirectory()) await removeTree(join(path, entry.name));
    await rmdir(path).catch(() => {});
  };
  for (const root of ['/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified', '/sys/fs/cgroup']) {
    await removeTree(join(root, machine));
  }
}
