import { KvmPlayError } from '../errors.ts';
import { Secret } from '../secret.ts';
import type { DirectoryStep, RemoveFileStep, WriteFileStep } from '../step.ts';
import { fileNameOf, stateDirectory } from './paths.ts';
import { quote } from './quote.ts';
import { prologue } from './script.ts';

/** Backups that a host keeps, one directory a run. */
const keptBackups = 10;

const backups = '"$kvm_play_state"/backups';
const secretNotes = '"$kvm_play_state"/secret';

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
 * and which neither the network scripts nor sysctl read), synced, then renamed. A link is followed to its target.
 * @param length bytes that must arrive, or nothing is written
 * @param run names the run's directory of backups
 */
export function writeScript(step: WriteFileStep, length: number, run: string): string {
  const { path } = step;
  const isSecret = step.text instanceof Secret;
  const mode = step.mode ?? (isSecret ? 0o600 : 0o644);
  return `${prologue}
set -eu
umask 077
path=${quote(path)}
if [ -L "$path" ]; then target=$(readlink -f -- "$path"); else target=$path; fi
directory=$(dirname -- "$target")
new=$directory/.kvm-play.$$.tmp
trap 'rm -f -- "$new"' EXIT
trap 'exit 1' HUP INT TERM
cat > "$new"
[ "$(wc -c < "$new")" -eq ${length} ] || { echo 'the text did not arrive whole; nothing was written' >&2; exit 1; }
if [ -e "$target" ]; then
  ${backup(step, run)}
  chown "$(stat -c %u:%g -- "$target")" "$new"
  chmod "$(stat -c %a -- "$target")" "$new"
  if [ -d /sys/fs/selinux ] && command -v chcon >/dev/null; then chcon --reference="$target" -- "$new" 2>/dev/null || :; fi
else
  chmod ${mode.toString(8)} "$new"
fi
${isSecret ? leaveNote(path) : ':'}
sync -- "$new" 2>/dev/null || sync
mv -f -- "$new" "$target"
sync -- "$directory" 2>/dev/null || sync
${isSecret ? ':' : dropNote(path)}`;
}

/** Script that removes a file, after a backup; a file that is not there is none to remove. */
export function removeScript(step: RemoveFileStep, run: string): string {
  const { path } = step;
  return `${prologue}
set -eu
umask 077
path=${quote(path)}
[ -e "$path" ] || [ -L "$path" ] || exit 0
${backup(step, run)}
rm -f -- "$path"
sync -- "$(dirname -- "$path")" 2>/dev/null || sync
${dropNote(path)}`;
}

/** Script that makes a directory with its parents. */
export function directoryScript({ path, mode = 0o755 }: DirectoryStep): string {
  return `${prologue}
[ -d ${quote(path)} ] || mkdir -p -m ${mode.toString(8)} -- ${quote(path)}`;
}

/** What is our own is no secret of a site. */
function isOwn(path: string): boolean {
  return path.startsWith(`${stateDirectory}/`);
}

/** A file that says of another one that it holds a secret. */
function secretNote(path: string): string {
  return `${secretNotes}/${quote(fileNameOf(path))}`;
}

/** Remembers that the file holds a secret, before it does. */
function leaveNote(path: string): string {
  return `mkdir -p -m 700 "$kvm_play_state" ${secretNotes}; : > ${secretNote(path)}`;
}

function dropNote(path: string): string {
  return isOwn(path) ? ':' : `rm -f -- ${secretNote(path)}`;
}

/**
 * Copies the file below the run's directory of backups, and keeps the last ten runs' ones. What is our own is not copied, nor what
 * is secret, by this step or since an earlier one.
 */
function backup({ path, secret }: WriteFileStep | RemoveFileStep, run: string): string {
  if (secret === true || isOwn(path)) return ':';
  return `if [ ! -e ${secretNote(path)} ]; then
if [ ! -d ${backups}/${run} ]; then
  mkdir -p -m 700 "$kvm_play_state" ${backups} ${backups}/${run}
  ls -1 ${backups} | sort -r | tail -n +${keptBackups + 1} | while IFS= read -r old; do rm -rf -- ${backups}/"$old"; done
fi
copy=${backups}/${run}$path
[ -e "$copy" ] || { mkdir -p -- "$(dirname -- "$copy")"; cp -p -- "$path" "$copy"; }
fi`;
}
