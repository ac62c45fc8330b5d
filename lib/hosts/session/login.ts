/*
 * Script text for what a login's start-up files may have set, and what reaches everything that the login starts: limits, ignored
 * signals, a home that is none. It stands between the quotes of `clean_shell.ts`: one line, no `!`, no single quote, no backslash.
 */

/** Lifts limits on CPU time, file size and memory that the login has set, as far as the kernel lets this user. */
export const liftLimits =
  'for kvm_play_limit in t f d v m; do ulimit -$kvm_play_limit unlimited || ulimit -S -$kvm_play_limit "$(ulimit -H -$kvm_play_limit)"; done 2>/dev/null';

/**
 * Raises what the login allows itself of open files (to 1024: some programs close each that there could be) and processes, as far as
 * it may; `$kvm_play_files` and `$kvm_play_processes` say how far that is.
 * It needs no process, and one descriptor at a time: dash keeps a copy, above 9, of each that a command redirects, and where there
 * can be none it has lost that one (5 is nobody's).
 */
export const raiseLimits: string = `exec 5</dev/null; true 5</dev/null || ulimit -S -n 1024 || ulimit -n 1024 || exit; exec 5<&-; ${readOwn(
  'limits',
  '"Max processes") kvm_play_processes=$d; [ "$c" = "$d" ] || ulimit -S -u $d || ulimit -S -p $d ;;',
  '"Max open") kvm_play_files=$e; case $d in ????*) ;; *) ulimit -S -n 1024 || { ulimit -n 1024 && kvm_play_files=1024; } || ulimit -S -n $e ;; esac; break ;;',
)}`;

/** Where a limit of the login is changed. */
const raiseIt = 'raise the limit in its start-up files, or in /etc/security/limits.conf';

/** Says at once what would end in failures of all kinds later. Root's processes are not counted. */
export const refuseProcesses: string = `case $kvm_play_processes in ? | 1?) [ -O / ] || { echo "this login may have $kvm_play_processes processes (ulimit -u), and needs 20: ${raiseIt}" >&2; exit 1; } ;; esac`;
/** Likewise, after {@link raiseLimits}. */
export const refuseFiles: string = `case $kvm_play_files in ? | [1-5]? | 6[0-3]) echo "this login may open $kvm_play_files files (ulimit -n), and needs 64: ${raiseIt}" >&2; exit 1 ;; esac`;

/** Words before a command that gives all signals their usual meaning again, where the login ignores one: a shell cannot. */
export const resetSignals: string = `${readOwn('status', 'SigIgn:*) kvm_play_ignored=$b; break ;;')}; kvm_play_reset=; case $kvm_play_ignored in "" | *00000000) ;; *) if env --default-signal true 2>/dev/null; then kvm_play_reset="env --default-signal"; fi ;; esac`;

/** A home that is none (not there, of somebody else, not absolute) is taken from the host's accounts. */
export const findHome =
  'case $HOME in /*) [ -d "$HOME" ] && [ -O "$HOME" ] ;; *) false ;; esac || HOME=$(getent passwd "$(id -u)" | cut -d: -f6)';

/** Script text that reads what the kernel says of the shell itself, line by line, up to a `break`. What it does is silent. */
function readOwn(name: string, ...cases: readonly string[]): string {
  const line = `case "$a $b" in ${cases.join(' ')} esac`;
  return `if [ -r /proc/self/${name} ]; then exec 3<&0; exec 4>&2; exec 2>/dev/null; exec </proc/self/${name}; while read -r a b c d e f; do ${line}; done; exec <&3; exec 2>&4; exec 3<&-; exec 4>&-; fi`;
}
