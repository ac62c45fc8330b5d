import { execa } from 'execa';
import { startDaemon } from './daemon.ts';
import { LabError } from './error.ts';
import { type LabLayout, lan, namespacePath } from './layout.ts';
import { endProcesses, processesMarked } from './processes.ts';

/** One lease of the LAN's DHCP server. */
export interface Lease {
  readonly mac: string;
  readonly address: string;
  /** Empty when the client did not say its name. */
  readonly hostname: string;
  /** Hexadecimal, in pairs with colons; empty when the client sent none, or the server does not go by it. */
  readonly clientId: string;
  readonly expires: Date;
}

/**
 * Makes the lab's LAN: a network namespace that leads nowhere, with a bridge in it that carries the gateway's address,
 * and a DHCP server that runs until it is ended.
 * @param layout the lab's names
 * @param dhcp further options of the DHCP server
 */
export async function startLan(layout: LabLayout, dhcp: readonly string[]): Promise<void> {
  const namespace = layout.lanNamespace;
  await execa('ip', ['netns', 'add', namespace]);
  const batch = [
    'link set lo up',
    'link add lan0 type bridge stp_state 0 forward_delay 0',
    `address add ${lan.gateway}/${lan.prefix} dev lan0`,
    'link set lan0 up',
  ];
  await execa('ip', ['-n', namespace, '-batch', '-'], { input: batch.join('\n') });
  startDhcp(layout, lan.hostAddress, dhcp);
}

/** Plugs the host's cable into the LAN, or pulls it: the host's interface loses its carrier. @param layout the lab's names */
export async function setCable(layout: LabLayout, isPlugged: boolean): Promise<void> {
  await execa('ip', ['-n', layout.lanNamespace, 'link', 'set', 'dev', 'host0', isPlugged ? 'up' : 'down']);
}

/** Stops the LAN's DHCP server. @param layout the lab's names */
export async function stopDhcp(layout: LabLayout): Promise<void> {
  await endProcesses(() => processesMarked(leaseOption(layout)));
}

/** Gives the LAN an IPv6 subnet, and a router that advertises it. @param layout the lab's names */
export async function startIpv6(layout: LabLayout): Promise<void> {
  const { lanNamespace, directory, dhcpLog } = layout;
  const address = `${lan.ipv6Gateway}/${lan.ipv6Prefix}`;
  await execa('ip', ['-n', lanNamespace, 'address', 'replace', address, 'dev', 'lan0', 'nodad']);
  startDaemon(dhcpLog, [
    ...['nsenter', `--net=${namespacePath(lanNamespace)}`, 'dnsmasq', '--conf-file=/dev/null'],
    ...['--keep-in-foreground', '--user=root', '--pid-file', '--port=0', '--interface=lan0', '--bind-dynamic'],
    ...['--log-facility=-', `--dhcp-leasefile=${directory}/ipv6-leases`, '--enable-ra'],
    `--dhcp-range=${lan.ipv6Gateway.replace(/1$/, '')},ra-only,${lan.ipv6Prefix}`,
  ]);
}

/** Takes the LAN's IPv6 subnet and its router away. @param layout the lab's names */
export async function stopIpv6({ lanNamespace, directory }: LabLayout): Promise<void> {
  await endProcesses(() => processesMarked(`--dhcp-leasefile=${directory}/ipv6-leases`));
  const address = `${lan.ipv6Gateway}/${lan.ipv6Prefix}`;
  await execa('ip', ['-n', lanNamespace, 'address', 'delete', address, 'dev', 'lan0'], { reject: false });
}

function leaseOption({ leaseFile }: LabLayout): string {
  return `--dhcp-leasefile=${leaseFile}`;
}

/**
 * Starts the LAN's DHCP server.
 * @param layout the lab's names
 * @param hostAddress what it hands out to the host
 * @param dhcp further options of dnsmasq
 */
export function startDhcp(layout: LabLayout, hostAddress: string, dhcp: readonly string[]): void {
  startDaemon(layout.dhcpLog, [
    ...['nsenter', `--net=${namespacePath(layout.lanNamespace)}`, 'dnsmasq', '--conf-file=/dev/null'],
    ...['--keep-in-foreground', '--user=root', '--pid-file', '--port=0', '--interface=lan0', '--bind-dynamic'],
    ...['--log-dhcp', '--log-facility=-', leaseOption(layout)],
    ...[`--dhcp-range=${lan.range.join(',')},12h`, `--dhcp-host=${lan.hostMac},${hostAddress}`],
    `--dhcp-option=option:router,${lan.gateway}`,
    // No answer waits for a ping.
    ...['--dhcp-authoritative', '--dhcp-sequential-ip', '--no-ping', ...dhcp],
  ]);
}

/**
 * Reads the DHCP server's own list.
 * @param text the lease file: expiry (seconds since 1970, 0 for never), MAC, address, name or `*`, client id
 * @throws LabError on a line that is none of this
 */
export function parseLeases(text: string): readonly Lease[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('duid '))
    .map((line) => {
      const [expires, mac, address, hostname, clientId] = line.split(' ');
      if (expires === undefined || mac === undefined || address === undefined || !hostname || !clientId)
        throw new LabError(`the DHCP server's list holds a line that is no lease: ${line}`);
      return {
        ...{ mac, address, hostname: hostname === '*' ? '' : hostname, clientId: clientId === '*' ? '' : clientId },
        expires: new Date(Number(expires) * 1000),
      };
    });
}
