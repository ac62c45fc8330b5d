import type { Host } from '../hosts/host.ts';
import { fileNameOf, stateDirectory } from '../hosts/shell/paths.ts';
import { makeDirectory, removeFile, type Step, writeFile } from '../task/step.ts';
import type { Task } from '../task/task.ts';

const pending = 'pending';
const directory = `${stateDirectory}/${pending}`;

/** Tasks that another one loads; see lib/process/README.md. The loading task may be left out of the run, by its tags for example. */
const reflected = new WeakSet<Task>();

/** Registers tasks that another one loads. */
export function noteReflected(tasks: readonly Task[]): void {
  for (const task of tasks) reflected.add(task);
}

/** Tells whether something has to load what a task writes: then a marker on the host says so until it is loaded. */
export function leavesMarker(task: Task): boolean {
  return !task.loadedLater && (task.inForce !== undefined || reflected.has(task));
}

/**
 * Steps that leave a marker on the host: what this task writes is not loaded yet. It outlives the run and a reboot,
 * so that a run that died between writing and loading is completed by the next.
 */
export function markerSteps(task: Task): readonly Step[] {
  return [makeDirectory(directory, { mode: 0o711 }), writeFile(markerPath(task), `${task.title}\n`, { mode: 0o600 })];
}

/** Tells whether something that this task wrote has not been loaded yet, as far as is known. */
export async function hasMarker(host: Host, task: Task): Promise<boolean> {
  return host.reader.hasNote(`${pending}/${markerName(task)}`);
}

/** Removes the marker: what the task wrote is in force. */
export async function clearMarker(host: Host, task: Task): Promise<void> {
  await host.lock();
  await host.execute(removeFile(markerPath(task)));
}

/** The path of a task's marker. For a task that is not done as root it is below the user's own state directory. */
export function markerPath(task: Task): string {
  return `${directory}/${markerName(task)}`;
}

function markerName({ module, subject }: Task): string {
  return `${module}-${fileNameOf(subject)}`;
}
