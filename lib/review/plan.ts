import type { ChangePlan, Selection, TaskName, TaskStatus } from '../events/events.ts';
import type { CommandStep, DirectoryStep, RemoveFileStep, WriteFileStep } from '../task/step.ts';

/** Version of the file; it grows when a field is removed, is added, or changes its meaning. */
export const planVersion = 2;

/** What a run in check mode has predicted, for a reviewer, and for a later run that must do exactly this. It is plain data. */
export interface Plan {
  readonly type: 'kvm-play-plan';
  readonly version: typeof planVersion;
  /** When it was made, in ISO 8601. */
  readonly made: string;
  /** Goes into every seal. */
  readonly salt: string;
  /** Which part of the site was chosen; left out if all of it was. It explains differences, and is not compared. */
  readonly selection?: Selection;
  /** In order. */
  readonly plays: readonly PlanPlay[];
}

/** One play of a plan. */
export interface PlanPlay {
  /** The play's name. */
  readonly play: string;
  readonly hosts: readonly PlanHost[];
}

/** One play on one host. */
export interface PlanHost {
  /** The host's name, as the user wrote it. */
  readonly host: string;
  /** In order. The tasks that a `later` item makes are in its place. */
  readonly tasks: readonly PlanTask[];
  /** The network changes that have something to do. */
  readonly networkChanges: readonly PlanChange[];
}

/** One task on one host. */
export interface PlanTask extends Omit<TaskName, 'location'> {
  readonly status: TaskStatus;
  /** With `skipped`: why the task is not wanted. It is left out if the task is not attempted because an earlier one failed. */
  readonly reason?: string;
  /** With `failed`: why. The run goes on all the same, or a rescue follows. */
  readonly error?: string;
  /** Titles of earlier tasks that provide what this one depends on. */
  readonly after?: readonly string[];
  readonly differences: readonly PlanDifference[];
  readonly warnings: readonly string[];
  readonly steps: readonly PlanStep[];
}

/** A difference between the wanted and the actual state; absent values are left out. It is for the reviewer: only steps are compared. */
export interface PlanDifference {
  /** Dotted path in the task's state. */
  readonly path: string;
  readonly wanted?: unknown;
  readonly actual?: unknown;
}

/** What must not be seen of a step. */
interface Sealed {
  /** Derived from the secret texts of the step and the plan's salt, slowly: it tells whether they are the same, and nothing else. */
  readonly seal?: string;
}

/** A command. Secret arguments appear as `***`. */
export interface PlanCommand extends Omit<CommandStep, 'stdin' | 'secret'>, Sealed {
  /** Present if the command has standard input; the seal covers it. */
  readonly stdin?: '***';
}

/** A file that is written. If its text is secret, the seal covers it. */
export interface PlanWrite extends Omit<WriteFileStep, 'text' | 'before'>, Sealed {
  readonly text?: string;
  /** SHA-256 of the file that is replaced; left out if there is none, and if it is secret. */
  readonly replaces?: string;
}

/** A file that is removed. */
export interface PlanRemoval extends Omit<RemoveFileStep, 'before'>, Sealed {
  /** SHA-256 of the file; left out if it is secret. */
  readonly replaces?: string;
}

/** A directory that is made. */
export interface PlanDirectory extends DirectoryStep, Sealed {}

/** A step in a plan: everything that it does, with a seal in place of its secrets. */
export type PlanStep = PlanCommand | PlanWrite | PlanDirectory | PlanRemoval;

/** A network change that has something to do. */
export interface PlanChange extends ChangePlan {
  readonly title: string;
}
