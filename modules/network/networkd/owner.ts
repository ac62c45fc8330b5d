import { shellProgram } from '../../../lib/process/package_files.ts';
import type { Difference } from '../../../lib/task/diff.ts';
import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';
import type { OwnedLink, OwnedLinks } from '../stack.ts';

/** A link as systemd-networkd sees it. */
export interface NetworkdLink {
  readonly link: string;
  /** `configured`, `configuring`, `unmanaged`, `pending`, `failed`, `linger`. */
  readonly setup: string;
  /** The operational state: `routable`, `enslaved`, `no-carrier`. */
  readonly operational: string;
  /** The file from which it was configured; undefined where there is none. */
  readonly file: string | undefined;
  /** What its DHCP client calls itself; undefined where it has no lease. */
  readonly clientId: string | undefined;
}

/** Returns the links as systemd-networkd sees them; undefined where it does not run. */
export async function readNetworkdLinks(
  host: ReadonlyHost,
  links: readonly string[],
): Promise<readonly NetworkdLink[] | undefined> {
  const { exitCode, stdout } = await host.query([
    'sh',
    '-c',
    shellProgram('modules/network/networkd/link_status.sh'),
    'sh',
    ...links,
  ]);
  return exitCode === 0 ? parseNetworkdStatus(stdout) : undefined;
}

/** Reads what `networkctl status LINK` prints, of several links. */
export function parseNetworkdStatus(text: string): readonly NetworkdLink[] {
  // Each link begins with a dot or a star, its index and its name: `* 2: ens33`.
  const parts = text.split(/^\S+ \d+: (?=\S+\s*$)/m).slice(1);
  return parts.flatMap((part) => {
    const [link = ''] = part.split(/\s/);
    const word = (label: string): string | undefined => new RegExp(`^ *${label}: (.*)$`, 'm').exec(part)?.[1]?.trim();
    const [, operational = '', setup = ''] = /^(\S+) \(([^)]+)\)/.exec(word('State') ?? '') ?? [];
    const file = word('Network File');
    const clientId = word('DHCP4 Client ID');
    return [{ link, setup, operational, file: file === 'n/a' ? undefined : file, clientId }];
  });
}

/** Tells whether systemd-networkd has given a link its configuration. */
export function isManaged({ setup }: NetworkdLink): boolean {
  return setup === 'configured' || setup === 'configuring' || setup === 'failed';
}

/** Says which of some links systemd-networkd knows and does not run. */
export function unmanagedLinks(found: readonly NetworkdLink[], links: readonly string[]): readonly Difference[] {
  return links.flatMap((link) => {
    const seen = found.find((each) => each.link === link);
    if (seen === undefined || isManaged(seen)) return [];
    return [{ path: `networkd.${link}`, wanted: 'configured', actual: seen.setup }];
  });
}

/** Tells whether a file was written by netplan's generator. */
export function isNetplanFile(file: string | undefined): boolean {
  return file?.startsWith('/run/systemd/network/10-netplan-') ?? false;
}

export async function findOwnedByNetworkd(host: ReadonlyHost, links: readonly string[]): Promise<OwnedLinks> {
  const found = await readNetworkdLinks(host, links);
  if (found === undefined) return { links: [], seen: 'systemd-networkd does not run' };
  const owned = found.filter((link) => isManaged(link) && link.file !== undefined && !isNetplanFile(link.file));
  const words = found.map(({ link, setup, file }) =>
    file === undefined ? `${link} is ${setup} to systemd-networkd` : `systemd-networkd has ${link} ${setup} by ${file}`,
  );
  return {
    links: owned.map(({ link, file }): OwnedLink => ({ link, ...(file !== undefined && { file }) })),
    seen: words.join(', ') || 'systemd-networkd knows none of these links',
  };
}
