import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';
import { isManaged, isNetplanFile, readNetworkdLinks } from '../networkd/owner.ts';
import { activeFile, isRun, readManager } from '../networkmanager/nmcli.ts';
import type { OwnedLinks } from '../stack.ts';
import type { Renderer } from './settings.ts';

/** A link as NetworkManager sees it. */
export interface ManagerLink {
  readonly link: string;
  /** `connected`, `connecting (getting IP configuration)`, `unmanaged`, `connected (externally)`. */
  readonly state: string;
  /** True where NetworkManager itself has given it its configuration. */
  readonly isRun: boolean;
  /** The file of its connection; undefined where it has none. */
  readonly file: string | undefined;
}

const managerDirectory = '/run/NetworkManager/system-connections';

/** Returns those of some links that NetworkManager knows; undefined where it cannot be asked. */
export async function readManagerLinks(
  host: ReadonlyHost,
  links: readonly string[],
): Promise<readonly ManagerLink[] | undefined> {
  const manager = await readManager(host, links);
  if (typeof manager === 'string') return undefined;
  const devices = manager.devices.filter(({ link }) => links.includes(link));
  return devices.map((device) => ({
    link: device.link,
    state: device.state,
    isRun: isRun(device),
    file: activeFile(manager, device.link),
  }));
}

/** Tells whether a link is run by a connection that netplan has written. */
export function isRunByNetplan({ isRun, file }: ManagerLink): boolean {
  return isRun && managerId(file) !== undefined;
}

/** Finds the links that systemd-networkd runs by files of netplan's. */
export async function findOwnedByNetworkd(host: ReadonlyHost, links: readonly string[]): Promise<OwnedLinks> {
  const found = await readNetworkdLinks(host, links);
  const own = (found ?? []).filter((link) => isManaged(link) && isNetplanFile(link.file));
  return owned(own, networkdId, 'networkd');
}

/** Finds the links that NetworkManager runs by files of netplan's. */
export async function findOwnedByManager(host: ReadonlyHost, links: readonly string[]): Promise<OwnedLinks> {
  const own = ((await readManagerLinks(host, links)) ?? []).filter(isRunByNetplan);
  return owned(own, managerId, 'NetworkManager');
}

function owned(
  found: readonly { readonly link: string; readonly file: string | undefined }[],
  idOf: (file: string | undefined) => string | undefined,
  renderer: Renderer,
): OwnedLinks {
  const words = found.map(({ link, file }) => `netplan has ${link} run by ${renderer} (${file})`);
  return {
    links: found.map(({ link, file }) => {
      const id = idOf(file);
      return { link, ...(file !== undefined && { file }), ...(id !== undefined && { id }) };
    }),
    seen: words.join(', ') || `netplan has written no file by which ${renderer} runs these links`,
  };
}

function networkdId(file: string | undefined): string | undefined {
  return /^\/run\/systemd\/network\/10-netplan-(.+)\.network$/.exec(file ?? '')?.[1];
}

function managerId(file: string | undefined): string | undefined {
  const [directory, name] = [file?.slice(0, managerDirectory.length), file?.slice(managerDirectory.length)];
  return directory === managerDirectory ? /^\/netplan-(.+)\.nmconnection$/.exec(name ?? '')?.[1] : undefined;
}
