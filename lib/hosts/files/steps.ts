import { randomBytes } from 'node:crypto';
import { KvmPlayError } from '../../errors.ts';
import { shellProgram } from '../../process/package_files.ts';
import { Secret } from '../../task/secret.ts';
import type { CommandStep, DirectoryStep, RemoveFileStep, WriteFileStep } from '../../task/step.ts';
import { fileNameOf, stateDirectory } from '../shell/paths.ts';
import { quote } from '../shell/quote.ts';
import { limited, prologue } from '../shell/script.ts';
import { placing } from './placing.ts';

/** Mode of a new file, of a new secret one, and of a new directory. */
const newModes = { file: '644', secret: '600', directory: '755' } as const;

/** Mode of our own directories on the way to our own files: others may look for a note whose name they know. */
const ownMode = '711';

/** The text of a file as bytes, in the encoding in which it was found. @throws KvmPlayError where Latin-1 cannot hold it */
export function fileBytes({ path, before, ...step }: WriteFileStep): Buffer {
  const text = step.text instanceof Secret ? step.text.revealed : step.text;
  const encoding = before?.encoding ?? 'utf8';
  const bytes = Buffer.from(text, encoding);
  if (bytes.toString(encoding) === text) return bytes;
  throw new KvmPlayError(`${path} is not UTF-8, and the text to write has characters that Latin-1 does not know`);
}

/**
 * Script that writes standard input to a file; see `write.sh`.
 * @param length bytes that must arrive, or nothing is written
 * @param run names the run's directory of backups
 */
export function writeScript(step: WriteFileStep, length: number, run: string): string {
  const { path, owner, chmod } = step;
  const isSecret = step.text instanceof Secret;
  const mode = step.mode?.toString(8) ?? (isSecret ? newModes.secret : newModes.file);
  return stepScript('write', path, {
    temporary: temporaryName(),
    length: String(length),
    owner,
    mode,
    chmod: chmod?.toString(8),
    secret: isSecret ? 'yes' : '',
    backup: isKept(step) ? run : '',
    note: fileNameOf(path),
    forgotten: isSecret || isOwn(path) ? '' : noteOf(path),
  });
}

/** Script that removes a file or a link, after a backup; see `remove.sh`. */
export function removeScript(step: RemoveFileStep, run: string): string {
  const { path } = step;
  return stepScript('remove', path, {
    backup: isKept(step) ? run : '',
    note: fileNameOf(path),
    forgotten: noteOf(path),
  });
}

/** Script that makes a directory with its parents; see `make_directory.sh`. */
export function directoryScript({ path, mode, owner }: DirectoryStep): string {
  return stepScript('make_directory', path, {
    making: isOwn(path) ? ownMode : newModes.directory,
    temporary: temporaryName(),
    owner,
    mode: mode === undefined ? newModes.directory : exactMode(mode),
  });
}

/**
 * Script that runs a command whose last argument is a path, where that path leads nobody astray: on its name in its directory
 * (`entry`), or on what it names (`object`); see `operand.sh`.
 */
export function operandScript({ argv, operand }: Pick<CommandStep, 'argv' | 'operand'>, timeLimit: number): string {
  const [path = '', ...words] = argv.toReversed();
  const run = `kvm_play_run_on() { ${limited(timeLimit, words.toReversed())} "$1"; }`;
  return `( ${stepScript('operand', path, {})}\n${run}\nkvm_play_on_${operand === 'entry' ? 'entry' : 'object'} )`;
}

/** A program with what it needs, and its variables; an absent value is an empty text. */
function stepScript(
  program: 'write' | 'remove' | 'make_directory' | 'operand',
  path: string,
  variables: Readonly<Record<string, string | undefined>>,
): string {
  const assigned = Object.entries({ called: path, ...variables }).map(
    ([name, value = '']) => `${name}=${quote(value)}`,
  );
  return [
    prologue(),
    placing(),
    `path=${place(path)} ${assigned.join(' ')}`,
    shellProgram(`lib/hosts/files/${program}.sh`),
  ].join('\n');
}

/** A name that nobody can foresee, and by which a later write finds what a run that was killed has left. */
function temporaryName(): string {
  return `.kvm-play.${randomBytes(8).toString('hex')}.tmp`;
}

/** Exactly these bits: with fewer digits chmod(1) leaves setuid and setgid of a directory as they are. */
function exactMode(mode: number): string {
  return mode.toString(8).padStart(5, '0');
}

/** What is our own is no secret of a site. */
function isOwn(path: string): boolean {
  return path.startsWith(`${stateDirectory}/`);
}

/** A path as a word of a script; what is our own lies in the place of the user who runs it. */
function place(path: string): string {
  return isOwn(path) ? `"$kvm_play_state"${quote(path.slice(stateDirectory.length))}` : quote(path);
}

/** What is our own is not backed up, nor what is secret. */
function isKept({ path, secret }: WriteFileStep | RemoveFileStep): boolean {
  return secret !== true && !isOwn(path);
}

/** The note of our own that is void once a path has another text, or is gone. */
function noteOf(path: string): string {
  return isOwn(path) ? path.slice(stateDirectory.length + 1) : `secret/${fileNameOf(path)}`;
}
