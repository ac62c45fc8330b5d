import { parseOsRelease } from '../formats/os_release.ts';
import type { Facts } from '../task/facts.ts';
import type { ReadonlyHost } from '../task/readonly_host.ts';

/** Units that configure the network; the first active one counts. */
const backends = [
  ['network', 'network-scripts'],
  ['NetworkManager', 'NetworkManager'],
  ['systemd-networkd', 'systemd-networkd'],
  ['networking', 'ifupdown'],
] as const;

/** Families, each with the values of `ID` and `ID_LIKE` in os-release(5) that belong to it. */
const families = [
  ['debian', ['debian', 'ubuntu']],
  ['redhat', ['rhel', 'centos', 'fedora']],
  ['suse', ['suse', 'sles', 'opensuse']],
] as const;

/** Reads the facts that conditions may use, in one request. */
export async function readFacts(host: ReadonlyHost): Promise<Facts> {
  const [release, hasSystemd, links, filtersBridges, active, virtualisation] = await Promise.all([
    host.readFile('/etc/os-release'),
    host.exists('/run/systemd/system'),
    host.listDirectory('/sys/class/net'),
    host.exists('/proc/sys/net/bridge/bridge-nf-call-iptables'),
    host.query(['systemctl', 'is-active', ...backends.map(([unit]) => unit)]),
    host.query(['systemd-detect-virt']),
  ]);
  const { id, like, major } = parseOsRelease(release?.text ?? '');
  const states = active.stdout.split('\n');
  return Object.freeze({
    family: families.find(([, names]) => names.some((name) => [id, ...like].includes(name)))?.[0] ?? 'other',
    distribution: id,
    version: major,
    init: hasSystemd ? 'systemd' : 'other',
    networkBackend: backends.find((_, index) => states[index] === 'active')?.[1] ?? 'none',
    interfaces: links.filter((name) => name !== 'lo'),
    filtersBridges,
    // Its exit code is 1 on bare metal, where it prints `none`.
    virtualisation: virtualisation.stdout.trim() || 'unknown',
  });
}
