import { type CommandStep, command } from '../../../lib/task/step.ts';

/**
 * Finds what `ifup` has left running in the unit of kvm-play's own that runs this script: it is in a session of its own by now, as
 * DHCP clients are. systemd moves processes into no unit that others have started; it makes a scope of them, which ends with them.
 */
const script = `link=$1
set --
unit=$(sed -n 's,.*/\\(kvm-play-[^/]*\\.service\\)$,\\1,p' /proc/$$/cgroup | head -n 1)
[ -n "$unit" ] || exit 0
session() { cut -d' ' -f6 "/proc/$1/stat" 2>/dev/null; }
own=$(session $$)
for process in $(grep -l "/$unit\\$" /proc/[0-9]*/cgroup 2>/dev/null | cut -d/ -f3); do
  found=$(session "$process")
  [ -z "$found" ] || [ "$found" = "$own" ] || set -- "$@" "$process"
done
[ $# -gt 0 ] || exit 0
busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager \\
  StartTransientUnit 'ssa(sv)a(sa(sv))' "ifup-$link-$1.scope" fail \\
  2 Description s "What ifup has started for $link" PIDs au $# "$@" 0
true`;

/**
 * A command to run behind `ifup`. It takes the clients of a link out of the unit that runs the steps: systemd would list that unit,
 * as dead, for as long as they live. Where there is no `busctl` or no D-Bus it does so.
 */
export function handOverArgv(link: string): readonly string[] {
  return ['sh', '-c', script, 'sh', link];
}

/** The same as a step. The client runs whatever unit it belongs to, so a failure changes nothing. */
export function handOverStep(link: string): CommandStep {
  return command(handOverArgv(link), { disrupts: 'link', judgedBy: 'state', timeLimit: 15 });
}
