import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';
import type { Missing } from '../../../lib/task/task.ts';
import type { BridgeState } from '../bridge_state.ts';
import type { StackReading } from '../stack.ts';

type Found = Pick<StackReading, 'missing' | 'warnings'>;

const nothing: Found = { missing: [], warnings: [] };

/** Says which programs that ifupdown's scripts call for a bridge are not there or do not run: the scripts say nothing of it. */
export async function readTools(host: ReadonlyHost, { name, bridge }: BridgeState): Promise<Found> {
  if (bridge === 'absent') return nothing;
  const namesServers = bridge.dns !== undefined || bridge.search !== undefined;
  const [brctl, resolver] = await Promise.all([host.which('brctl'), namesServers ? readResolver(host) : nothing]);
  if (brctl !== undefined) return resolver;
  const withoutBrctl: Missing = {
    key: 'tool:brctl',
    what: `there is no brctl, without which ifupdown does not make ${name} and does not say so`,
    remedy: 'apt-get install bridge-utils',
  };
  return { ...resolver, missing: [withoutBrctl, ...resolver.missing] };
}

/**
 * Name servers are handed on by resolvconf, or by a script of systemd-resolved, whose `resolvconf` is a link to resolvectl. That script
 * does nothing unless systemd-resolved starts at boot, and nobody answers unless it runs.
 */
async function readResolver(host: ReadonlyHost): Promise<Found> {
  const unit = 'systemd-resolved';
  const [resolvconf, target, file, active, enabled] = await Promise.all([
    host.which('resolvconf'),
    host.query(['readlink', '-f', '/sbin/resolvconf']),
    host.query(['readlink', '-f', '/etc/resolv.conf']),
    host.query(['systemctl', 'is-active', unit]),
    host.query(['systemctl', 'is-enabled', unit]),
  ]);
  const isLink = target.stdout.trim().endsWith('/resolvectl');
  if (resolvconf !== undefined && !isLink) return nothing;
  const reads = "reads the name servers and search domains in ifupdown's files";
  const isThere = isLink || active.exitCode === 0 || enabled.exitCode === 0;
  if (!isThere) {
    const what = `there is no resolvconf, and without it nothing ${reads}`;
    const remedy = "apt-get install resolvconf, or leave 'dns' and 'search' out";
    return { missing: [{ key: 'tool:resolvconf', what, remedy }], warnings: [] };
  }
  const isOwnFile = file.stdout.startsWith('/run/systemd/resolve/');
  const link = 'ln -sf /run/systemd/resolve/stub-resolv.conf /etc/resolv.conf';
  const [isActive, isEnabled] = [active.exitCode === 0, enabled.exitCode === 0];
  if (isActive && isEnabled) {
    return isOwnFile
      ? nothing
      : {
          missing: [],
          warnings: [
            `the name servers go to ${unit}, and /etc/resolv.conf is not its file: programs that read /etc/resolv.conf use the name servers in there (${link})`,
          ],
        };
  }
  const words = isActive ? enabled.stdout.trim() || 'not enabled' : active.stdout.trim() || 'inactive';
  const found = isLink
    ? `resolvconf is the link of ${unit} to resolvectl, and ${unit} is ${words}`
    : `${unit} is ${words}`;
  const start = `systemctl enable --now ${unit}${isOwnFile ? '' : ` && ${link}`}`;
  return {
    missing: [
      {
        key: 'tool:resolvconf',
        what: `${found}: nothing ${reads}`,
        remedy: `${start}; or apt-get install resolvconf; or leave 'dns' and 'search' out`,
      },
    ],
    warnings: [],
  };
}
