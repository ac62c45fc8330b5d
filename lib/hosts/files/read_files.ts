import { posix } from 'node:path';
import { limited } from '../shell/script.ts';
import type { RawOutput } from '../shell/transport.ts';
import { absent } from './absence.ts';
import { refused, textLimit, trustedPath } from './trusted_path.ts';

/** A file that can be read again and again, and whose text, a random UUID, stands in hardly any other. */
const separator = '/proc/sys/kernel/random/boot_id';

/** A look at a path that goes only where nobody else can lead it: the text of a file, or who can write to its directory and what keeps from it. */
export interface PathLook {
  readonly look: 'file' | 'exposure' | 'entry-exposure';
  readonly at: string;
}

/** The letter of each look, and the script text that takes it at `$at` where it takes the slow way. */
const letters: Readonly<Record<PathLook['look'], string>> = { file: 'f', exposure: 'x', 'entry-exposure': 'e' };

/**
 * Takes many looks with two processes: one `stat` of all directories and files on the way, one `cat` of all texts (and one
 * look at attributes, mounts and places where root cannot write, where that is asked). Where one of
 * the directories is not root's own, a link stands in the way, or something keeps from it, the looks that it concerns take the slow way, by
 * {@link trustedPath}, name by name. It prints one character for each look (`0` nothing there, `1` taken together, `2` the slow way),
 * then the answers with the separator's text before, between and behind them: those taken together, and the slow ones.
 */
const script = `kinds=$0 count=$1
shift
${trustedPath}
odd= uid=
IFS='
'
set -f
for line in $(stat -c '%A %u %s %n' -- /proc/self/ "$@" 2>/dev/null); do
rest=\${line#* }; owner=\${rest%% *}; rest=\${rest#* }
[ -n "$uid" ] || { uid=$owner; continue; }
case $line in
d????-??-?\\ 0\\ * | d????-??-?\\ "$uid"\\ *) ;;
-*) [ "\${rest%% *}" -le ${textLimit} ] || exit ${refused} ;;
*) odd="$odd\${rest#* }
" ;;
esac
done
[ -n "$uid" ] || exit ${refused}
fixed=
case $kinds in *[xe]*)
kvm_play_mounted
fixed="
$(lsattr -d -- "$@" 2>/dev/null | sed -n 's/^[^ ]*[ia][^ ]* *//p')
" ;;
esac
is_kept() {
case $kvm_play_mounts in *"
$1
"*) return 0 ;; esac
case $fixed in *"
$1
"* | *"
\${1%/*}
"*) return 0 ;; esac
[ "$uid" = 0 ] || return 1
[ ! -w "\${1%/*}/" ] || { [ -e "$1" ] && [ ! -w "$1" ]; }
}
is_odd() {
[ ! -h "$1" ] || return 0
for line in $odd; do case $1 in "\${line%/}"/*) return 0 ;; esac; done
return 1
}
shift "$count"
kvm_play_unsure "$@" >&2
slow=
for at do
shift
kind=\${kinds%"\${kinds#?}"} kinds=\${kinds#?}
if [ -n "$odd" ] && is_odd "$at" || { [ "$kind" != f ] && is_kept "$at"; }; then printf 2; slow="$slow$kind$at
"
elif [ "$kind" != f ]; then printf 1
elif [ -f "$at" ]; then printf 1; set -- "$@" "$at" ${separator}
elif [ -e "$at" ]; then exit ${refused}
else printf 0
fi
done
echo
[ $# -eq 0 ] && [ -z "$slow" ] || cat -- ${separator} "$@" || exit
for line in $slow; do
at=\${line#?}
unset IFS
case $line in
f*) ( kvm_play_read "$at" ) ;;
x*) ( kvm_play_exposure "$at" follow ) ;;
*) ( kvm_play_exposure "$at" entry ) ;;
esac
status=$?
case $status in 0 | ${absent}) printf '\\n%s\\n' "$status"; cat -- ${separator} ;; *) exit "$status" ;; esac
done`;

/** Script text that takes many looks. */
export function readFilesScript(looks: readonly PathLook[], timeLimit: number): string {
  const paths = looks.map(({ at }) => at);
  const directories = [...new Set(paths.flatMap(parents))];
  const kinds = looks.map(({ look }) => letters[look]).join('');
  return limited(timeLimit, ['sh', '-c', script, kinds, String(directories.length), ...directories, ...paths]);
}

/** Tells whether a look can be taken together with others. */
export function canBeShared({ at }: PathLook): boolean {
  return posix.isAbsolute(at) && posix.normalize(at) === at && !at.includes('\n');
}

/** The directories on the way to a path. */
function parents(path: string): readonly string[] {
  const parent = posix.dirname(path);
  return parent === path ? [] : [...parents(parent), parent];
}

/** @returns what each look would have answered alone; undefined where that cannot be told */
export function parseFiles(
  { exitCode, stdout, stderr }: RawOutput,
  looks: readonly PathLook[],
): readonly RawOutput[] | undefined {
  const flags = stdout.toString('latin1', 0, looks.length);
  const texts = textsOf(stdout.toString('latin1', looks.length + 1));
  const together = looks.filter(({ look }, index) => flags[index] === '1' && look === 'file').length;
  const slow = [...flags].filter((flag) => flag === '2').length;
  if (exitCode !== 0 || stderr.length > 0 || flags.length !== looks.length) return undefined;
  if (texts.length !== together + slow) return undefined;
  const [fast, singly] = [texts.slice(0, together).values(), texts.slice(together).values()];
  return looks.map(({ look }, index) => {
    if (flags[index] === '0') return answer(absent, '');
    if (flags[index] === '1') return answer(0, look === 'file' ? (fast.next().value ?? '') : 'own\n');
    const [, text = '', status] = /^([\s\S]*)\n(\d+)\n$/.exec(singly.next().value ?? '') ?? [];
    return answer(Number(status), text);
  });
}

function answer(exitCode: number, text: string): RawOutput {
  return { exitCode, stdout: Buffer.from(text, 'latin1'), stderr: Buffer.alloc(0) };
}

function textsOf(printed: string): readonly string[] {
  const mark = printed.slice(0, printed.indexOf('\n') + 1);
  return mark === '' ? [] : printed.split(mark).slice(1, -1);
}
