import { execa } from 'execa';
import type { LabLayout } from './layout.ts';

/** What a guest's processor is: the machine's own through KVM, or one that QEMU interprets. */
export type VirtType = 'kvm' | 'qemu';

/** What boots from CD on a host, looks for a network to boot from, and gives up when there is none. */
export const bootIso = '/usr/lib/ipxe/ipxe.iso';

/**
 * Finds out whether this machine's /dev/kvm can really run BIOS code. Where virtualisation is nested it may well exist,
 * let a guest be made, and then stop it while it boots. So one is booted from CD: it takes a second or two.
 * @param layout the lab's names; only its root is looked at
 * @param signal ends the probing at once
 */
export async function probeVirtType(layout: LabLayout, signal?: AbortSignal): Promise<VirtType> {
  const argv = [
    ...['--mount', '--propagation', 'private', 'sh', '-c', 'mount --bind /dev "$1/dev" && exec chroot "$@"', 'sh'],
    ...[layout.root, 'qemu-system-x86_64', '-accel', 'kvm', '-machine', 'pc', '-m', '64', '-display', 'none'],
    ...['-nodefaults', '-no-reboot', '-cdrom', bootIso],
    ...['-chardev', 'stdio,id=debug', '-device', 'isa-debugcon,iobase=0x402,chardev=debug'],
  ];
  const guest = execa('unshare', argv, {
    all: true,
    buffer: false,
    reject: false,
    timeout: 10_000,
    killSignal: 'SIGKILL',
    stdin: 'ignore',
    ...(signal ? { cancelSignal: signal } : {}),
  });
  // SeaBIOS says on its debug port what it does: it starts from the CD, and takes over again when that gave up.
  let started = false;
  let verdict: VirtType = 'qemu';
  for await (const line of guest.iterable({ from: 'all' })) {
    if (line.startsWith('Booting from DVD')) started = true;
    if (started && line.startsWith('enter handle_18')) verdict = 'kvm';
    // The guest is ended here and not after the loop: to leave the loop is to wait for the guest's end.
    if (verdict === 'kvm' || line.includes('KVM internal error')) guest.kill('SIGKILL');
  }
  await guest;
  signal?.throwIfAborted();
  return verdict;
}
