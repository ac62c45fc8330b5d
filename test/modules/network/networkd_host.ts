import { FakeHost } from '../../../lib/testing/index.ts';
import { type BridgeArgs, bridge } from '../../../modules/bridge.ts';

/** The MAC of ens33. */
export const mac = '52:54:00:aa:00:01';
/** Where the files are. */
export const files = '/etc/systemd/network';

/** What stands on a host. */
export interface Given {
  /** Texts of the files in /etc/systemd/network. */
  readonly files: Readonly<Record<string, string>>;
  /** The state of each link and the file from which it was configured. */
  readonly links?: Readonly<
    Record<string, { readonly setup?: string; readonly file?: string; readonly clientId?: string }>
  >;
  readonly more?: Readonly<Record<string, string>>;
}

/** A host whose systemd-networkd answers as it was seen to. */
export function host({
  files: own,
  links = { ens33: { file: `${files}/10-ens33.network` } },
  more = {},
}: Given): FakeHost {
  const status = Object.entries(links).map(
    ([link, { setup = 'configured', file = 'n/a', clientId }], index) =>
      `* ${index + 2}: ${link}\n  Network File: ${file}\n  State: routable (${setup})\n${clientId === undefined ? '' : `  DHCP4 Client ID: ${clientId}\n`}\n`,
  );
  return new FakeHost({
    files: {
      '/sys/class/net/lo/address': '',
      '/sys/class/net/ens33/address': `${mac}\n`,
      ...Object.fromEntries(Object.entries(own).map(([name, text]) => [`${files}/${name}`, text])),
      ...more,
    },
    commands: { 'cat /sys/class/net/ens33/address': { stdout: `${mac}\n` } },
    answer: (argv) => (argv.join(' ').includes('networkctl') ? { stdout: status.join('') } : { exitCode: 1 }),
  });
}

const later = { loadedLater: true } as const;
/** Says what the task would change. */
export const check = (on: FakeHost, args: Partial<BridgeArgs> = {}) =>
  bridge.check(on, { name: 'br0', port: 'ens33', ...args, ...later });
/** Writes the files of the task. */
export const apply = (on: FakeHost, args: Partial<BridgeArgs> = {}) =>
  bridge.apply(on, { name: 'br0', port: 'ens33', ...args, ...later });

/** Returns the files in /etc/systemd/network, by their names. */
export function written(on: FakeHost): Record<string, string> {
  return Object.fromEntries(
    [...on.files].flatMap(([path, text]) =>
      path.startsWith(`${files}/`) ? [[path.slice(files.length + 1), text]] : [],
    ),
  );
}
