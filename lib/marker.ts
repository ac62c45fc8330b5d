import type { Host } from './hosts/host.ts';
import { stateDirectory } from './hosts/paths.ts';
import type { Task } from './module.ts';
import { makeDirectory, removeFile, type Step, writeFile } from './step.ts';

const directory = `${stateDirectory}/pending`;

/**
 * Steps that leave a marker on the host: what this task writes is not loaded yet. It outlives the run and a reboot,
 * so that a run that died between writing and loading is completed by the next.
 */
export function markerSteps(task: Task): readonly Step[] {
  return [makeDirectory(directory, { mode: 0o700 }), writeFile(markerPath(task), `${task.title}\n`, { mode: 0o600 })];
}

/** Tells whether something that this task wrote was never seen loaded. */
export async function hasMarker(host: Host, task: Task): Promise<boolean> {
  return host.reader.exists(markerPath(task));
}

/** Takes the marker away: what the task wrote is in force. */
export async function clearMarker(host: Host, task: Task): Promise<void> {
  await host.lock();
  await host.execute(removeFile(markerPath(task)));
}

/** Where the marker of a task is. */
export function markerPath(task: Task): string {
  return `${directory}/${task.module}-${encodeURIComponent(task.subject)}`;
}
