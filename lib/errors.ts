import { masked } from './process/masking.ts';

/** A line of the user's site. It has no column, because stripping the site's types may shift columns. */
export interface Location {
  readonly file: string;
  readonly line: number;
}

/** The place that a message is about, as far as it is known. */
export interface ErrorContext {
  /** The task's title. */
  task?: string | undefined;
  /** The host's name, as the user wrote it. */
  host?: string | undefined;
  /** The line of the site. */
  location?: Location | undefined;
}

/**
 * Base class of every error that kvm-play throws on purpose. The message says what was wanted, what was found and what to do next.
 * Task, host and line are stored beside the message; reporters show them.
 */
export class KvmPlayError extends Error {
  override readonly name: string = 'KvmPlayError';
  readonly context: ErrorContext = {};

  /** Masks secrets in the message, because a host's output may repeat what it was given. */
  constructor(message: string, options?: ErrorOptions) {
    super(masked(message), options);
  }

  /** Adds details of the place without replacing existing ones. @returns this error */
  at(context: ErrorContext): this {
    this.context.task ??= context.task;
    this.context.host ??= context.host;
    this.context.location ??= context.location;
    return this;
  }
}

/** An argument of a task is unknown, of the wrong type, or impossible together with another. */
export class ArgumentError extends KvmPlayError {
  override readonly name = 'ArgumentError';
}

/** A site cannot be loaded, or its parts contradict each other. */
export class PlaybookError extends KvmPlayError {
  override readonly name = 'PlaybookError';
}

/** A secret could not be read from its source. */
export class SecretError extends KvmPlayError {
  override readonly name = 'SecretError';
}

/** A host could not be reached, or the link to it was lost for good. */
export class ConnectionError extends KvmPlayError {
  override readonly name = 'ConnectionError';
}

/** Details of a command that failed. */
export interface CommandFailure {
  /** The argument vector, with secret arguments replaced. */
  readonly argv: readonly string[];
  readonly exitCode: number;
  readonly stderr: string;
}

/** A command on a host failed or exceeded its time limit. */
export class CommandError extends KvmPlayError {
  override readonly name = 'CommandError';
  readonly failure: CommandFailure;

  constructor(message: string, failure: CommandFailure, options?: ErrorOptions) {
    super(message, options);
    this.failure = { ...failure, argv: failure.argv.map(masked), stderr: masked(failure.stderr) };
  }
}

/** The wanted change cannot be made, or would disturb something that the task does not name in `disrupts`. */
export class UnsupportedChangeError extends KvmPlayError {
  override readonly name = 'UnsupportedChangeError';
}

/** Something that a task depends on (a tool, a pool, an interface) is missing, and no earlier task provides it. */
export class MissingError extends KvmPlayError {
  override readonly name = 'MissingError';
}

/** An assertion of a site does not hold on a host. */
export class AssertionError extends KvmPlayError {
  override readonly name = 'AssertionError';
}

/** After all steps, the host is still not as wanted, or a later task has undone an earlier one. */
export class ConvergenceError extends KvmPlayError {
  override readonly name = 'ConvergenceError';
}

/** Another run holds the host's lock. */
export class LockedError extends KvmPlayError {
  override readonly name = 'LockedError';
}

/** A network change other than this site's is pending on the host. */
export class PendingChangeError extends KvmPlayError {
  override readonly name = 'PendingChangeError';
}

/** A network change was rolled back. The message says that the host is as it was before, or names what differs. */
export class RolledBackError extends KvmPlayError {
  override readonly name = 'RolledBackError';
}

/**
 * A network change was not confirmed, and it could not be verified that the rollback restored everything that matters to reaching the
 * host.
 */
export class RollBackUnverifiedError extends KvmPlayError {
  override readonly name = 'RollBackUnverifiedError';
}

/** A plan cannot be made, or the given text is no plan. */
export class PlanError extends KvmPlayError {
  override readonly name = 'PlanError';
}

/** The run would do something other than the reviewed plan says: the site is another one, or a host has changed since. */
export class PlanMismatchError extends KvmPlayError {
  override readonly name = 'PlanMismatchError';
}

/** The run was interrupted by its caller. */
export class InterruptedError extends KvmPlayError {
  override readonly name = 'InterruptedError';
  /** How many steps of the current task had been executed by then. */
  readonly taken: number;

  constructor(message: string, taken = 0) {
    super(message);
    this.taken = taken;
  }
}

/** A module or the engine violated one of its own laws. Nothing that a user does may cause this error. */
export class BugError extends KvmPlayError {
  override readonly name = 'BugError';
}
