import { randomBytes } from 'node:crypto';
import { KvmPlayError } from '../../errors.ts';
import { Secret } from '../../task/secret.ts';
import type { CommandStep, DirectoryStep, RemoveFileStep, WriteFileStep } from '../../task/step.ts';
import { fileNameOf, stateDirectory } from '../shell/paths.ts';
import { quote } from '../shell/quote.ts';
import { limited, prologue } from '../shell/script.ts';
import { absent } from './absence.ts';
import { placing } from './placing.ts';

/** Mode of a new file, of a new secret one, and of a new directory. */
const newModes = { file: '644', secret: '600', directory: '755' } as const;

/** Mode of our own directories on the way to our own files: others may look for a note whose name they know. */
const ownMode = '711';

/** Script text: a user's directory may hand on the user's group (setgid), to which a secret's mode was not meant. */
const keepFromGroup = 'case $kvm_play_here in user*) chgrp -- "$(id -g)" "$new" ;; esac';

/** The text of a file as bytes, in the encoding in which it was found. @throws KvmPlayError where Latin-1 cannot hold it */
export function fileBytes({ path, before, ...step }: WriteFileStep): Buffer {
  const text = step.text instanceof Secret ? step.text.revealed : step.text;
  const encoding = before?.encoding ?? 'utf8';
  const bytes = Buffer.from(text, encoding);
  if (bytes.toString(encoding) === text) return bytes;
  throw new KvmPlayError(`${path} is not UTF-8, and the text to write has characters that Latin-1 does not know`);
}

/**
 * Script that writes standard input to a file: to a temporary name in the same directory (which gives it the right SELinux type,
 * and which neither the network scripts nor sysctl read), synced, then renamed.
 * @param length bytes that must arrive, or nothing is written
 * @param run names the run's directory of backups
 */
export function writeScript(step: WriteFileStep, length: number, run: string): string {
  const { path, owner = '', chmod } = step;
  const isSecret = step.text instanceof Secret;
  const mode = step.mode?.toString(8) ?? (isSecret ? newModes.secret : newModes.file);
  return `${beginning(path, 'follow')}
${stage()}
( set -C; cat > "$new" )
[ "$(wc -c < "$new")" -eq ${length} ] || { echo 'the text did not arrive whole; nothing was written' >&2; exit 1; }
${isSecret && !owner.includes(':') ? keepFromGroup : ':'}
if [ -e "$old" ] || [ -h "$old" ]; then
kvm_play_hold "$old" || exit 1
${isKept(step) ? backUp(path, run) : ':'}
kvm_play_keep ${quote(owner)} ${chmod?.toString(8) ?? mode} || exit 1
${chmod === undefined ? ':' : `chmod ${chmod.toString(8)} -- "$new"`}
else
${owner === '' ? ':' : `chown ${quote(owner)} -- "$new"`}
chmod ${chmod?.toString(8) ?? mode} -- "$new"
fi
${isSecret ? `kvm_play_note_secret ${quote(fileNameOf(path))} || exit 1` : ':'}
kvm_play_put || exit 1
${isSecret || isOwn(path) ? ':' : dropNote(path)}`;
}

/** Script that removes a file or a link, after a backup; what is not there needs no removal. */
export function removeScript(step: RemoveFileStep, run: string): string {
  const { path } = step;
  return `${beginning(path, 'entry', { ifAbsent: `{ ${dropNote(path)}; exit 0; }` })}
old=./$kvm_play_name
if [ -h "$old" ] || [ -e "$old" ]; then
${
  isKept(step)
    ? `if [ -h "$old" ]; then kvm_play_note="symbolic link to $(readlink -- "$old")"; ${backUp(path, run)}
elif ( kvm_play_hold "$old" ) 2>/dev/null; then kvm_play_hold "$old"; ${backUp(path, run)}
fi`
    : ':'
}
rm -f -- "$old" || { kvm_play_say_immutable "$old"; exit 1; }
sync -- . 2>/dev/null || sync
fi
${dropNote(path)}`;
}

/** Script that makes a directory with its parents. */
export function directoryScript({ path, mode, owner }: DirectoryStep): string {
  return `${beginning(path, 'follow', { making: isOwn(path) ? ownMode : newModes.directory })}
[ ! -d "./$kvm_play_name" ] || exit 0
if [ -e "./$kvm_play_name" ] || [ -h "./$kvm_play_name" ]; then
kvm_play_refuse "$kvm_play_at/$kvm_play_name is there, and is no directory"; exit 1
fi
${stage()}
mkdir -- "$new"
${owner === undefined ? ':' : `chown ${quote(owner)} -- "$new"`}
chmod ${mode === undefined ? newModes.directory : exactMode(mode)} -- "$new"
kvm_play_put || exit 1`;
}

/**
 * Script that runs a command whose last argument is a path, where that path leads nobody astray: on its name in its directory
 * (`entry`), or on what it names (`object`). Below a directory that others can write to, only what belongs to that directory's
 * user is changed: what belongs to another one could have been put in its place.
 */
export function operandScript({ argv, operand }: Pick<CommandStep, 'argv' | 'operand'>, timeLimit: number): string {
  const [path = '', ...words] = argv.toReversed();
  const run = limited(timeLimit, words.toReversed());
  const name = '"./$kvm_play_name"';
  if (operand === 'entry') return `( ${beginning(path, 'entry')}\n${run} ${name} )`;
  return `( ${beginning(path, 'follow')}
if [ "$kvm_play_here" = own ]; then ${run} ${name} || { kvm_play_say_immutable ${name}; exit 1; }; exit; fi
if [ -d ${name} ] && [ ! -h ${name} ]; then kvm_play_enter "$kvm_play_name" || exit 1; ${run} .; exit; fi
kvm_play_hold ${name} || exit 1
case "$kvm_play_here $(stat -L -c %u -- /proc/self/fd/0)" in
"sticky 0" | "sticky $kvm_play_uid") ${run} /proc/self/fd/0; exit ;;
user*) if [ "$kvm_play_here" = "user $(stat -L -c %u -- /proc/self/fd/0)" ]; then ${run} /proc/self/fd/0; exit; fi ;;
esac
kvm_play_refuse "$kvm_play_at/$kvm_play_name is not changed: another file can take its place at any time, since $(kvm_play_writers .); $kvm_play_remedy"
exit 1 )`;
}

/** Goes to where a path is; exits where that is not safe, or not there. */
function beginning(
  path: string,
  how: 'follow' | 'entry',
  { making = '', ifAbsent }: { readonly making?: string; readonly ifAbsent?: string } = {},
): string {
  const words = quote(`there is no directory for ${path}`);
  return `${prologue}
${placing}
set -eu
umask 077
kvm_play_making=${making}
kvm_play_reach ${place(path)} ${how} || {
[ $? -ne ${absent} ] || ${ifAbsent ?? `echo ${words} >&2`}
exit 1
}`;
}

function stage(): string {
  return `kvm_play_stage .kvm-play.${randomBytes(8).toString('hex')}.tmp || exit 1
trap kvm_play_leave EXIT
trap 'exit 1' HUP INT TERM`;
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

/** Copies what is there, unless it is known to be a secret. */
function backUp(path: string, run: string): string {
  return `kvm_play_noted secret/${quote(fileNameOf(path))} "./$kvm_play_name" || kvm_play_back_up ${run} ${quote(path)} || exit 1`;
}

/** What is our own may have been left by the user who logged in, too. */
function dropNote(path: string): string {
  const note = isOwn(path) ? path.slice(stateDirectory.length + 1) : `secret/${fileNameOf(path)}`;
  return `kvm_play_forget ${quote(note)}`;
}
