import { type Lab, LabError } from '../../../lab/index.ts';
import { waitUntil } from '../../../process/wait_until.ts';
import { exitCodes } from '../../options/exit_codes.ts';

/** Seconds in which the host has to boot, then to answer at its address, then to have its guests running. */
const limits = { boot: 300, answer: 60, guests: 180 };

/** The names of guests that libvirt starts at boot. Files are asked, because `virsh` itself could wake libvirt's daemon. */
const autostarted = `
for file in /etc/libvirt/qemu/autostart/*.xml; do
  [ -e "$file" ] && basename "$file" .xml
done
true`;

/** The names of guests that run. */
const running = `
for file in /run/libvirt/qemu/*.pid; do
  [ -e "$file" ] && [ -d "/proc/$(cat "$file")" ] && basename "$file" .pid
done
true`;

/** The lab, as far as a reboot needs it. */
export type Rebooting = Pick<Lab, 'run' | 'reboot' | 'hostAddress'>;

/**
 * Reboots a host, and requires that it answers at its address again and that its guests with autostart run again.
 * @param lab the host
 * @param terminal where it is said what happens and what is wrong
 * @returns the exit code: 4 for a host that is gone, 2 for a guest that does not run
 */
export async function rebootHost(
  lab: Rebooting,
  { print, signal }: { print(line: string): void; readonly signal: AbortSignal },
): Promise<number> {
  const expected = await names(lab, autostarted);
  print('rebooting the host');
  try {
    await lab.reboot({ boot: limits.boot, answer: limits.answer, signal });
  } catch (error) {
    if (!(error instanceof LabError) || signal.aborted) throw error;
    print(`the host is lost after the reboot: ${error.message}`);
    return exitCodes.unreachable;
  }
  print(`the host answers at ${lab.hostAddress} again`);
  const missing = await waitUntil(
    async () => {
      const present = await names(lab, running);
      return expected.filter((name) => !present.includes(name));
    },
    ({ length }) => length === 0,
    { within: limits.guests, interval: 0.5, signal },
  );
  if (missing.length > 0) {
    print(`guests with autostart do not run ${limits.guests} s after the reboot: ${missing.join(', ')}`);
    return exitCodes.failed;
  }
  if (expected.length > 0) print(`guests with autostart run again: ${expected.join(', ')}`);
  return exitCodes.ok;
}

async function names(lab: Rebooting, script: string): Promise<readonly string[]> {
  const { stdout } = await lab.run(['sh', '-c', script]);
  return stdout.split('\n').filter((name) => name !== '');
}
