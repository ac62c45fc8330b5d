import { markWord } from '../shell/framing.ts';
import { quote } from '../shell/quote.ts';

/**
 * Functions that pass on exactly so many bytes of standard input: `dd` by `iflag=fullblock` where it knows that, else byte by byte.
 */
export const feed: string = `kvm_play_take() { dd bs="$1" count=1 iflag=fullblock 2>/dev/null || dd bs=1 count="$1" 2>/dev/null; }
kvm_play_feed() {
if [ "$1" -ge 65536 ]; then dd bs=65536 count=$(($1 / 65536)) iflag=fullblock 2>/dev/null || { dd bs=1 count="$1" 2>/dev/null; return; }; fi
if [ $(($1 % 65536)) -ne 0 ]; then kvm_play_take $(($1 % 65536)); fi
}`;

/**
 * The far end of a session: it reads requests from standard input, `MARK LENGTH INPUT` and a line's end, then a script of LENGTH
 * bytes, then INPUT bytes for the script's standard input. It answers with the mark before and after what the script prints, on
 * both streams, and its exit status behind the last one on standard output.
 *
 * A script runs beside the reader, so that the end of the session is noticed at once: then everything that was started in it is
 * ended. (`end LENGTH` as a request says that nothing is left to be ended; a last script may follow, whose output nobody gets.) Requests are read from descriptor 3, which scripts do not inherit.
 */
const loop = `exec 3<&0 </dev/null
${feed}
kvm_play_job() {
printf '%s\\n' "$1"; printf '%s\\n' "$1" >&2
( eval "$2" ) 3<&-
printf '%s %s\\n' "$1" "$?"; printf '%s\\n' "$1" >&2
}
kvm_play_start() {
wait
if [ "$3" -eq 0 ]; then kvm_play_job "$1" "$2" &
else kvm_play_feed "$3" <&3 | { { kvm_play_job "$1" "$2" <&4 4<&-; cat <&4 >/dev/null; } & } 4<&0
fi
}
kvm_play_session() { { IFS= read -r kvm_play_stat < "/proc/$1/stat"; } 2>/dev/null && { set -- \${kvm_play_stat##*) }; echo "$4"; }; }
kvm_play_end_all() {
kvm_play_id=$(kvm_play_session $$)
for kvm_play_process in /proc/[0-9]*; do
kvm_play_process=\${kvm_play_process#/proc/}
[ "$kvm_play_process" = $$ ] || [ "$(kvm_play_session "$kvm_play_process")" != "$kvm_play_id" ] || kill "$kvm_play_process" 2>/dev/null
done
}
kvm_play_leave() {
trap '' HUP PIPE TERM
[ "$1" -eq 0 ] || eval "$(kvm_play_take "$1" <&3)" >/dev/null 2>&1
exit 0
}
kvm_play_serve() {
while IFS=' ' read -r kvm_play_mark kvm_play_length kvm_play_input <&3; do
[ "$kvm_play_mark" != end ] || kvm_play_leave "\${kvm_play_length:-0}"
kvm_play_start "$kvm_play_mark" "$(kvm_play_take "$kvm_play_length" <&3)" "$kvm_play_input"
done
kvm_play_end_all
exit 1
}`;

/** One script for the far end of a session. */
export interface SessionRequest {
  /** A random word that stands nowhere in what the script prints. */
  readonly mark: string;
  readonly script: string;
  /** Bytes of standard input that follow the request. */
  readonly inputLength: number;
}

/** What is sent for a script once the session is open; the script's own input follows. */
export function requestBytes({ mark, script, inputLength }: SessionRequest): Buffer {
  const bytes = Buffer.from(script);
  return Buffer.concat([Buffer.from(`${mark} ${bytes.length} ${inputLength}\n`), bytes]);
}

/** What is sent before a session is closed on purpose. @param last a script that is run then; nobody hears what came of it */
export function farewell(last = ''): Buffer {
  const bytes = Buffer.from(last);
  return Buffer.concat([Buffer.from(`end ${bytes.length}\n`), bytes]);
}

/** The program of the far end, which starts with a script of its own. */
export function sessionProgram({ mark, script, inputLength }: SessionRequest): string {
  return `${loop}\nkvm_play_start ${markWord(mark)} ${quote(script)} ${inputLength}\nkvm_play_serve`;
}
