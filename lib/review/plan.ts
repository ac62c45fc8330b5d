import type { ChangePlan, Selection, TaskName, TaskStatus } from '../events/events.ts';
import type { CommandStep, DirectoryStep, RemoveFileStep, WriteFileStep } from '../task/step.ts';

/** Version of the file; it grows when something is taken away, is added, or changes its meaning. */
export const planVersion = 2;

/** What a check run has foreseen, for somebody to review, and for a run to be held against. It is plain data. */
export interface Plan {
  readonly type: 'kvm-play-plan';
  readonly version: typeof planVersion;
  /** When it was made, as ISO 8601 writes it. */
  readonly made: string;
  /** Goes into every seal. */
  readonly salt: string;
  /** What was chosen of the site; left out where nothing was. It explains what differs, and is not compared. */
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

/** What one play comes to on one host. */
export interface PlanHost {
  /** The host's name, as the user wrote it. */
  readonly host: string;
  /** In order. What a `later` item makes stands in its place. */
  readonly tasks: readonly PlanTask[];
  /** The network changes that have something to do. */
  readonly networkChanges: readonly PlanChange[];
}

/** What one task comes to. */
export interface PlanTask extends Omit<TaskName, 'location'> {
  readonly status: TaskStatus;
  /** With `skipped`: why the task is not wanted. It is left out where the task is not attempted because an earlier one failed. */
  readonly reason?: string;
  /** With `failed`: why. The run goes on nevertheless, or a rescue follows. */
  readonly error?: string;
  /** Titles of earlier tasks that provide what this one leans on. */
  readonly after?: readonly string[];
  readonly differences: readonly PlanDifference[];
  readonly warnings: readonly string[];
  readonly steps: readonly PlanStep[];
}

/** What is not as wanted; what there is not is left out. It is for whoever reviews: steps alone are compared. */
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

/** A command. Secret arguments are `***`. */
export interface PlanCommand extends Omit<CommandStep, 'stdin' | 'secret'>, Sealed {
  /** There where it gets something on its standard input, which is in the seal. */
  readonly stdin?: '***';
}

/** A file that is written. Where its text is secret, that is in the seal. */
export interface PlanWrite extends Omit<WriteFileStep, 'text' | 'before'>, Sealed {
  readonly text?: string;
  /** SHA-256 of the file that is replaced; left out where there is none, and where it is secret. */
  readonly replaces?: string;
}

/** A file that is removed. */
export interface PlanRemoval extends Omit<RemoveFileStep, 'before'>, Sealed {
  /** SHA-256 of the file; left out where it is secret. */
  readonly replaces?: string;
}

/** A directory that is made. */
export interface PlanDirectory extends DirectoryStep, Sealed {}

/** A step as a plan holds it: everything that it does, and of what is secret a seal. */
export type PlanStep = PlanCommand | PlanWrite | PlanDirectory | PlanRemoval;

/** A network change that has something to do. */
export interface PlanChange extends ChangePlan {
  readonly title: string;
}
