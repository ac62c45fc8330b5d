import { ArgumentError } from '../errors.ts';
import { mask, masked } from '../process/masking.ts';
import { callerLocation } from './location.ts';
import type { TextFile } from './readonly_host.ts';
import { Secret } from './secret.ts';

/** What a step may disturb. A task that needs such a step must say so: `disrupts: ['link']`. */
export type Disruption =
  /** cuts network links, perhaps the one that carries this session */
  | 'link'
  /** stops, restarts or replaces a running guest */
  | 'guest'
  /** destroys data */
  | 'data'
  /** discards snapshots or checkpoints of a guest */
  | 'snapshots'
  /** discards the memory in a guest's managed save */
  | 'saved-state';

/** What each kind of disruption does, in words. */
export const disruptions: Readonly<Record<Disruption, string>> = {
  link: 'cut network links',
  guest: 'disturb a running guest',
  data: 'destroy data',
  snapshots: 'discard snapshots of a guest',
  'saved-state': 'discard the saved state of a guest',
};

/** Runs one command on the host. */
export interface CommandStep {
  readonly kind: 'command';
  /** The argument vector; no shell ever splits or expands it. */
  readonly argv: readonly string[];
  /**
   * One line that reports and error messages show instead of `argv`, for a command that is the text of a shell program:
   * `netplan generate (checks the files)`.
   */
  readonly title?: string;
  /** Its standard input; it appears in no process list and in no report. */
  readonly stdin?: string | Secret;
  /** Seconds after which it is ended and counts as failed. Default 120. */
  readonly timeLimit?: number;
  /** Positions in `argv` that are shown as `***`. */
  readonly secret?: readonly number[];
  /** What it disturbs. `link` makes it run detached from the session, with a journal on the host, and stands alone. */
  readonly disrupts?: Disruption | readonly Disruption[];
  /**
   * What decides whether it succeeded: its exit code, or the state that is read afterwards. `state` is for a command whose exit code is
   * unreliable (the restart of `network` fails over a stale file of an absent device although everything is up). Default: `exit-code`.
   */
  readonly judgedBy?: 'exit-code' | 'state';
  /** systemd units that it starts, stops or reconfigures. */
  readonly units?: readonly string[];
  /**
   * The last argument is a path. It is resolved as a file's path is, without following a link or a name that another user could have
   * placed. `entry` is the name in its directory, `object` is its target.
   */
  readonly operand?: 'entry' | 'object';
  /** How a rollback undoes it, besides what it restores from the snapshot (files, units, links). */
  readonly undo?: Undo;
}

/** Commands that undo a step when a network change is rolled back. If one fails, the next one is run all the same. */
export interface Undo {
  /** Run while the files that the change wrote are still in place: only they say what has to be taken down. */
  readonly withNewFiles?: readonly (readonly string[])[];
  /** Run after the old files are restored. */
  readonly withOldFiles?: readonly (readonly string[])[];
  /** Run after the old files are restored at boot, before anything brings the network up. */
  readonly atBoot?: readonly (readonly string[])[];
  /** systemd units, with their suffixes, that read the files at boot: the old files are restored before them. */
  readonly before?: readonly string[];
}

/**
 * Writes a file atomically: a temporary name in the same directory, sync, rename. Mode, owner, access control list, extended
 * attributes and SELinux label are preserved. A link is followed only if nobody but root or the writing user could have made it.
 */
export interface WriteFileStep {
  readonly kind: 'write';
  /** Absolute path. */
  readonly path: string;
  readonly text: string | Secret;
  /** The file as it was read, for the diff and for its encoding; undefined if it did not exist or is secret. */
  readonly before?: TextFile;
  /** Mode of a file that does not exist yet. Default 0o644, and 0o600 for a secret text. */
  readonly mode?: number;
  /** Mode that it gets in any case, before its text can be read. */
  readonly chmod?: number;
  /** Owner and group that it gets, as chown(1) takes them, before its text can be read. Default: those of the existing file. */
  readonly owner?: string;
  /** The new or the old text is secret: neither is shown, and the old one is not backed up. */
  readonly secret?: true;
}

/** Makes a directory with its parents. */
export interface DirectoryStep {
  readonly kind: 'directory';
  readonly path: string;
  /** Mode of a directory that does not exist yet. Default 0o755. */
  readonly mode?: number;
  /** Owner and group of a directory that does not exist yet, as chown(1) takes them. */
  readonly owner?: string;
}

/** Removes one file or link, after a backup. */
export interface RemoveFileStep {
  readonly kind: 'remove';
  readonly path: string;
  /** The file as it was read, for the diff. */
  readonly before?: TextFile;
  /** The file's text is secret: it is neither shown nor backed up. */
  readonly secret?: true;
}

/**
 * One action on a host, as plain, frozen data that can be printed, compared and stored. Only the engine executes it: `takeSteps` in
 * lib/engine, through the `Host` of lib/hosts.
 */
export type Step = CommandStep | WriteFileStep | DirectoryStep | RemoveFileStep;

/** Builds a {@link CommandStep}. */
export function command(argv: readonly string[], options: Omit<CommandStep, 'kind' | 'argv'> = {}): CommandStep {
  if (!Array.isArray(argv)) {
    throw new ArgumentError(
      "command: in 'kvm-play' it makes a step of a module, from a list such as ['ls', '-l']; the module that runs a command is imported from 'kvm-play/modules'",
    ).at({ location: callerLocation() });
  }
  return Object.freeze({ kind: 'command', argv: Object.freeze([...argv]), ...options });
}

/** Builds a {@link WriteFileStep}. If its text is secret, the text that it replaces is secret too. */
export function writeFile(
  path: string,
  text: string | Secret,
  { before, mode, chmod, owner, secret }: Partial<Omit<WriteFileStep, 'kind' | 'path' | 'text'>> = {},
): WriteFileStep {
  const isSecret = secret === true || text instanceof Secret;
  return Object.freeze({
    kind: 'write',
    path,
    text,
    ...(before !== undefined && !isSecret && { before }),
    ...(mode !== undefined && { mode }),
    ...(chmod !== undefined && { chmod }),
    ...(owner !== undefined && { owner }),
    ...(isSecret && { secret: true }),
  });
}

/** Builds a {@link DirectoryStep}. */
export function makeDirectory(path: string, options: Pick<DirectoryStep, 'mode' | 'owner'> = {}): DirectoryStep {
  return Object.freeze({ kind: 'directory', path, ...options });
}

/** Builds a {@link RemoveFileStep}. */
export function removeFile(
  path: string,
  { before, secret }: Pick<RemoveFileStep, 'before' | 'secret'> = {},
): RemoveFileStep {
  const isShown = before !== undefined && secret !== true;
  return Object.freeze({ kind: 'remove', path, ...(isShown && { before }), ...(secret && { secret }) });
}

/** Returns the line that stands for a command which has a title; undefined for one that is shown by its arguments. */
export function shownTitle({ title }: Pick<CommandStep, 'title'>): string | undefined {
  return title === undefined ? undefined : masked(title);
}

/** Replaces what nobody may see in a command's argument vector: secret arguments, and secrets inside of others. */
export function shownArgv({ argv, secret = [] }: CommandStep): readonly string[] {
  return argv.map((argument, index) => (secret.includes(index) ? mask : masked(argument)));
}
