import { shellProgram } from '../../../lib/process/package_files.ts';

/** Returns the command that waits for what a reapply does to a link's IPv6 addresses, and has the kernel make its own ones again. */
export function restoreKernelIpv6(link: string): readonly string[] {
  return ['sh', '-c', shellProgram('modules/network/networkmanager/restore_kernel_ipv6.sh'), 'sh', link];
}
