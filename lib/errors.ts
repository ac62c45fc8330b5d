import { masked } from './process/masking.ts';

/** Where in the user's site something was written. The column is left out: what strips a site's types may shift it. */
export interface Location {
  readonly file: string;
  readonly line: number;
}

/** Names the place that a message is about, as far as it is known. */
export interface ErrorContext {
  /** The task's title. */
  task?: string | undefined;
  /** The host's name, as the user wrote it. */
  host?: string | undefined;
  /** The user's own line. */
  location?: Location | undefined;
}

/**
 * Base of every error that kvm-play throws on purpose. Its message is written for the person who reads it:
 * what was wanted, what was found, what to do next. Task, host and line are kept beside the message, and reporters show them.
 */
export class KvmPlayError extends Error {
  override readonly name: string = 'KvmPlayError';
  readonly context: ErrorContext = {};

  /** A host's own words may hold what it was given: secrets are hidden in the message. */
  constructor(message: string, options?: ErrorOptions) {
    super(masked(message), options);
  }

  /** Adds what is known of the place, without replacing what is known already; returns the same error. */
  at(context: ErrorContext): this {
    this.context.task ??= context.task;
    this.context.host ??= context.host;
    this.context.location ??= context.location;
    return this;
  }
}

/** An argument of a task is wrong: unknown, of the wrong type, or impossible beside another. */
export class ArgumentError extends KvmPlayError {
  override readonly name = 'ArgumentError';
}

/** A site cannot be loaded or makes no sense as a whole. */
export class PlaybookError extends KvmPlayError {
  override readonly name = 'PlaybookError';
}

/** A secret could not be read where it comes from. */
export class SecretError extends KvmPlayError {
  override readonly name = 'SecretError';
}

/** A host could not be reached, or the link to it was lost for good. */
export class ConnectionError extends KvmPlayError {
  override readonly name = 'ConnectionError';
}

/** What is known of a command that failed. */
export interface CommandFailure {
  /** The argument vector, with secret arguments replaced. */
  readonly argv: readonly string[];
  readonly exitCode: number;
  readonly stderr: string;
}

/** A command on a host failed, or ran into its time limit. */
export class CommandError extends KvmPlayError {
  override readonly name = 'CommandError';
  readonly failure: CommandFailure;

  constructor(message: string, failure: CommandFailure, options?: ErrorOptions) {
    super(message, options);
    this.failure = { ...failure, argv: failure.argv.map(masked), stderr: masked(failure.stderr) };
  }
}

/** The wanted change cannot be made, or would disturb what the task did not say it may disturb. */
export class UnsupportedChangeError extends KvmPlayError {
  override readonly name = 'UnsupportedChangeError';
}

/** What a task leans on is not there (a tool, a pool, an interface), and no earlier task provides it. */
export class MissingError extends KvmPlayError {
  override readonly name = 'MissingError';
}

/** Something that a site demands of a host does not hold. */
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

/** A network change is pending on the host, and it is not this site's. */
export class PendingChangeError extends KvmPlayError {
  override readonly name = 'PendingChangeError';
}

/** A network change was rolled back. The message says that the host is as it was before, or names what differs. */
export class RolledBackError extends KvmPlayError {
  override readonly name = 'RolledBackError';
}

/** A network change was not confirmed, and the host could not be seen to have gone back in all that matters to reaching it. */
export class RollBackUnverifiedError extends KvmPlayError {
  override readonly name = 'RollBackUnverifiedError';
}

/** A plan cannot be made, or what is given as one is none. */
export class PlanError extends KvmPlayError {
  override readonly name = 'PlanError';
}

/** What would be done is not exactly what the plan that was reviewed says: another site, or a host that has moved since. */
export class PlanMismatchError extends KvmPlayError {
  override readonly name = 'PlanMismatchError';
}

/** The run was interrupted by its caller. */
export class InterruptedError extends KvmPlayError {
  override readonly name = 'InterruptedError';
  /** Steps that the task under way had taken by then. */
  readonly taken: number;

  constructor(message: string, taken = 0) {
    super(message);
    this.taken = taken;
  }
}

/** A module or the engine broke one of its own laws. Nothing that a user does may cause it. */
export class BugError extends KvmPlayError {
  override readonly name = 'BugError';
}
