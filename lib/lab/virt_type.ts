import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { type LabLayout, virtTypesDirectory } from './layout.ts';

/** What a guest's processor is: the machine's own through KVM, or one that QEMU interprets. */
export type VirtType = 'kvm' | 'qemu';

/** What boots from CD on a host, looks for a network to boot from, and gives up when there is none. */
export const bootIso = '/usr/lib/ipxe/ipxe.iso';

/**
 * Tells what guests can use on this machine. The first lab after a boot of the machine probes it; later ones read the
 * answer from {@link virtTypesDirectory}, because a probe that meets a hanging KVM waits for ten seconds. The answer holds for
 * one /dev/kvm, which is made anew when the kernel's module is loaded, and for one QEMU, which the base root brings.
 * @param layout the lab's names; only its root is looked at
 * @param base the base root
 * @param signal ends the probing at once
 */
export async function virtTypeOf(layout: LabLayout, base: string, signal?: AbortSignal): Promise<VirtType> {
  const device = await stat('/dev/kvm').catch(() => undefined);
  const subject = `${base} ${device === undefined ? 'no /dev/kvm' : `/dev/kvm of ${device.ctime.toISOString()}`}`;
  const file = join(virtTypesDirectory, basename(base));
  const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n');
  if (lines[0] === subject && (lines[1] === 'kvm' || lines[1] === 'qemu')) return lines[1];
  const virtType = await probeVirtType(layout, signal);
  await mkdir(virtTypesDirectory, { recursive: true, mode: 0o700 });
  const made = `${file}.${layout.id}`;
  await writeFile(made, `${subject}\n${virtType}\n`);
  await rename(made, file);
  return virtType;
}

/**
 * Boots a guest from CD with /dev/kvm. Where virtualisation is nested the device may well exist, let a guest be made, and
 * then stop that guest while it boots. Where KVM works it takes a second or two.
 */
async function probeVirtType(layout: LabLayout, signal?: AbortSignal): Promise<VirtType> {
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
