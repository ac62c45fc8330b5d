import { readFileSync } from 'node:fs';
import type { Step } from '../../../../lib/task/step.ts';
import { type FakeAnswer, FakeHost } from '../../../../lib/testing/index.ts';
import { type BridgeArgs, bridge } from '../../../../modules/bridge.ts';

export const mac = '52:54:00:aa:00:01';
const directory = '/etc/netplan';
export const own = '90-kvm-play-br0.yaml';
export const dropIn = '/etc/systemd/network/10-netplan-br0.network.d/90-kvm-play.conf';

function capture(name: string): string {
  return readFileSync(new URL(`../../captures/network/${name}.txt`, import.meta.url), 'utf8');
}

/** What a command printed in a capture. */
export function printed(name: string, command: string): string {
  const [, after = ''] = capture(name).split(`\n$ ${command}\n`);
  return after.split(/^\$ /m)[0] ?? '';
}

/** A file that a capture holds. */
export function captured(name: string, path: string): string {
  const text = `\n${capture(name)}`;
  const [, after = ''] = text.split(`\n$ cat ${path}\n`);
  return after.split(/^\$ /m)[0] ?? '';
}

export const dhcp = 'network:\n  version: 2\n  ethernets:\n    ens33:\n      dhcp4: true\n';

/** An administrator's file, with everything that a later file cannot take back. */
export const fixed = `# the office
network:
    version: 2
    renderer: networkd
    ethernets:
        ens33:
            # from the plan of 2019
            addresses:      # two of them
              - 192.168.221.150/24
              # for the monitoring
              - "fd00:221::150/64"
            mtu: 1500
            gateway4: 192.168.221.1   # the firewall

            wakeonlan: yes
            optional: true
            nameservers:
                addresses: [192.168.221.7, 192.168.221.8]
                search: [corp.test]
            routes:
            - {to: 10.9.0.0/16, via: 192.168.221.9, metric: 50}
            routing-policy: [{from: 192.168.221.150, table: 7}]
            accept-ra: no
            link-local: [ipv6]
            ipv6-privacy: false
        ens34: {addresses: [10.1.1.1/24], dhcp4: no} # not ours
`;

interface Given {
  /** Texts of the files in /etc/netplan. */
  readonly files: Readonly<Record<string, string>>;
  readonly more?: Readonly<Record<string, string>>;
  /** netplan's name of ens33. */
  readonly id?: string;
  /** What systemd-networkd says of its DHCP client. */
  readonly clientId?: string;
  /** NetworkManager instead of systemd-networkd. */
  readonly manager?: true;
  /** What `netplan get` writes to standard error where it cannot read the files. */
  readonly mistake?: string;
  /** What a command step comes to. Default: success. */
  readonly onStep?: (argv: readonly string[]) => FakeAnswer;
}

/** A host whose daemon runs ens33 by a file that netplan has written. */
export function host({
  files,
  more = {},
  id = 'ens33',
  clientId,
  manager,
  mistake,
  onStep = () => ({}),
}: Given): FakeHost {
  const status = `* 2: ens33\n  Network File: /run/systemd/network/10-netplan-${id}.network\n  State: routable (configured)\n${clientId === undefined ? '' : `  DHCP4 Client ID: ${clientId}\n`}\n`;
  const connections = `nmcli tool, version 1.42.4\n--devices\nens33:connected:u1\nlo:connected (externally):u0\n--connections\nu1:netplan-${id}:/run/NetworkManager/system-connections/netplan-${id}.nmconnection\nu0:lo:/run/NetworkManager/system-connections/lo.nmconnection\n`;
  return new FakeHost({
    files: {
      '/sys/class/net/lo/address': '',
      '/sys/class/net/ens33/address': `${mac}\n`,
      ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`${directory}/${name}`, text])),
      ...more,
    },
    commands: { 'cat /sys/class/net/ens33/address': { stdout: `${mac}\n` } },
    answer: (argv) => {
      const words = argv.join(' ');
      if (words.includes('networkctl')) return manager ? { exitCode: 3 } : { stdout: status };
      if (words.endsWith(' netplan get')) return mistake === undefined ? {} : { exitCode: 1, stderr: mistake };
      if (words.includes('nmcli')) return manager ? { stdout: connections } : { exitCode: 3 };
      return { exitCode: 1 };
    },
    onStep,
  });
}

const later = { loadedLater: true } as const;
const given = (args: Partial<BridgeArgs>): BridgeArgs => ({ name: 'br0', port: 'ens33', ...args });
export const check = (on: FakeHost, args: Partial<BridgeArgs> = {}) => bridge.check(on, { ...given(args), ...later });
export const apply = (on: FakeHost, args: Partial<BridgeArgs> = {}) => bridge.apply(on, { ...given(args), ...later });

export function written(on: FakeHost): Record<string, string> {
  return Object.fromEntries(
    [...on.files].flatMap(([path, text]) =>
      path.startsWith(`${directory}/`) ? [[path.slice(directory.length + 1), text]] : [],
    ),
  );
}

export function isWrite(step: Step): boolean {
  return step.kind === 'write' || step.kind === 'remove';
}
