import type { Location } from '../errors.ts';
import type { TaskResult } from '../task/task.ts';

/** A task as events name it. */
export interface TaskName {
  /** Place in the play, from 0. */
  readonly index: number;
  readonly title: string;
  readonly module: string;
  /** Equal for every task that wants the same, in this run and in another; undefined for an item that is not a task. */
  readonly fingerprint?: string;
  readonly location: Location | undefined;
}

/**
 * The status of a task on a host. A `skipped` task was not wanted there, or not attempted because an earlier one failed or the run
 * ended early.
 */
export type TaskStatus = 'ok' | 'changed' | 'failed' | 'skipped';

/** Which part of a site was chosen for a run; options that were not given are left out. */
export interface Selection {
  readonly tags?: readonly string[];
  readonly skipTags?: readonly string[];
  readonly startAtTask?: string;
  readonly limit?: string;
}

/** Everything that happens in a run, in order. Reporters are functions of these. */
export type PlayEvent =
  | { readonly type: 'run-start'; readonly check: boolean; readonly selection?: Selection }
  | {
      readonly type: 'play-start';
      readonly play: string;
      readonly hosts: readonly string[];
      readonly tasks: readonly TaskName[];
    }
  | { readonly type: 'host-phase'; readonly host: string; readonly phase: HostPhase }
  | { readonly type: 'task-start'; readonly host: string; readonly task: TaskName }
  | {
      readonly type: 'task-end';
      readonly host: string;
      readonly task: TaskName;
      readonly status: TaskStatus;
      /** Present unless the task failed or was skipped. */
      readonly result?: TaskResult;
      /** In check mode: titles of earlier tasks that provide what this one depends on. */
      readonly after?: readonly string[];
      readonly error?: Error;
      /** With `failed`: the run goes on nevertheless, or a rescue follows. */
      readonly handling?: 'ignored' | 'rescued';
      /** With `skipped`: why the task is not wanted; absent if it was not attempted. */
      readonly reason?: string;
      /** How long the task took by itself, without the reading of all tasks at once; in check mode that leaves little. */
      readonly seconds: number;
    }
  /** The host could not be reached, or was lost: the current task (the error names it) has no `task-end`, and the others are skipped. */
  | { readonly type: 'host-unreachable'; readonly host: string; readonly error: Error }
  /** The host failed as a whole, for example because a later task has undone an earlier one. */
  | { readonly type: 'host-failed'; readonly host: string; readonly error: Error }
  /** A step of a network change begins, or has ended: `planned` in check mode, the others in apply mode. */
  | {
      readonly type: 'network-change';
      readonly host: string;
      readonly title: string;
      readonly phase: NetworkChangePhase;
      /** The change's id, once it has one. */
      readonly id?: string;
      /** Which task is applied, or why the host rolls back. */
      readonly reason?: string;
      /** With `planned` and `arming`. */
      readonly plan?: ChangePlan;
    }
  | { readonly type: 'run-end'; readonly summary: Summary };

/**
 * The phase of a host in a play. `connecting`: the connection is being opened; not on `localhost`. `looking`: the host answers, and all
 * tasks are read. `verifying`: something has changed, and all tasks are read once more. `ended`: the play has ended on the host.
 * `not-begun`: nothing was done on the host, because a host before it failed (`serial`) or the run was interrupted.
 */
export type HostPhase = 'connecting' | 'looking' | 'verifying' | 'ended' | 'not-begun';

/**
 * The steps of a network change: the host is read, the rollback is armed, tasks are applied, the host is reached again, everything is
 * proved and confirmed; or the host rolls back. `taking-up` concerns a change that an earlier run has left pending.
 */
export type NetworkChangePhase =
  | 'planned'
  | 'taking-up'
  | 'looking'
  | 'arming'
  | 'armed'
  | 'applying'
  | 'reached'
  | 'proving'
  | 'confirming'
  | 'confirmed'
  | 'rolling-back'
  | 'rolled-back';

/** What a network change is about to do. */
export interface ChangePlan {
  /** Seconds in which it must be confirmed. */
  readonly confirmWithin: number;
  /** Files that it writes or removes. */
  readonly files: readonly string[];
  /** What will be proved, in words. */
  readonly proves: readonly string[];
}

/** Counts of one host, over all plays. */
export interface HostSummary {
  readonly ok: number;
  readonly changed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly unreachable: number;
  /** Plays that were not begun on it, because a host before it failed (`serial`) or the run was interrupted. */
  readonly notBegun: number;
  readonly warnings: number;
  /** Network changes that were rolled back without a difference that matters to reaching the host. */
  readonly rolledBack: number;
  /** Network changes that were not confirmed, and whose rollback could not be verified. */
  readonly unverified: number;
  /** Tasks that failed although the run went on (`mayFail`). */
  readonly ignored: number;
  /** Tasks that failed and were followed by a rescue. */
  readonly rescued: number;
}

/** The counts of a host before its first event. */
export const nothingCounted: HostSummary = {
  ok: 0,
  changed: 0,
  failed: 0,
  skipped: 0,
  unreachable: 0,
  notBegun: 0,
  warnings: 0,
  rolledBack: 0,
  unverified: 0,
  ignored: 0,
  rescued: 0,
};

/** The result of a run. */
export interface Summary {
  readonly check: boolean;
  readonly hosts: Readonly<Record<string, HostSummary>>;
  /** True if the caller's signal ended the run early. */
  readonly interrupted: boolean;
}

/** Names a task, or another item of a play, for events. */
export function taskName(leaf: Omit<TaskName, 'index'>, index: number): TaskName {
  const { title, module, location } = leaf;
  return { index, title, module, ...('fingerprint' in leaf && { fingerprint: leaf.fingerprint }), location };
}
