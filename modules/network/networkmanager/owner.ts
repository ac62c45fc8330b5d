import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';
import type { OwnedLink, OwnedLinks } from '../stack.ts';
import { directory } from './keyfiles.ts';
import { type Connection, type Device, isOlder, isRun, type Manager, readManager } from './nmcli.ts';

export async function findOwnedByNetworkManager(host: ReadonlyHost, links: readonly string[]): Promise<OwnedLinks> {
  const manager = await readManager(host, links);
  return typeof manager === 'string' ? { links: [], seen: manager } : ownedLinks(manager, links);
}

/** Says which of some links NetworkManager runs by a keyfile of its own. */
export function ownedLinks(manager: Manager, links: readonly string[]): OwnedLinks {
  const { devices, connections } = manager;
  const found = links.flatMap((link) => devices.filter((device) => device.link === link));
  const answers = found.map((device) => {
    const connection = connections.find(({ uuid }) => uuid === device.uuid);
    const reason = whyNotOwned(device, connection, manager);
    const owned: OwnedLink | undefined =
      reason === undefined && connection !== undefined
        ? { link: device.link, file: connection.file, id: connection.uuid }
        : undefined;
    return { owned, seen: reason ?? `NetworkManager runs ${device.link} by ${connection?.file}` };
  });
  return {
    links: answers.flatMap(({ owned }) => owned ?? []),
    seen: answers.map(({ seen }) => seen).join(', ') || 'NetworkManager knows none of these links',
  };
}

function whyNotOwned(device: Device, connection: Connection | undefined, manager: Manager): string | undefined {
  const { link, state } = device;
  if (state.startsWith('connected (externally)')) {
    return `to NetworkManager ${link} is 'connected (externally)': another program has configured it`;
  }
  if (!isRun(device)) return `to NetworkManager ${link} is '${state}'`;
  if (connection === undefined) return `NetworkManager runs ${link} by a connection that it does not show`;
  const { id, uuid, file } = connection;
  if (/^\/run\/NetworkManager\/system-connections\/netplan-/.test(file)) {
    return `NetworkManager runs ${link} by ${file}, which netplan has written`;
  }
  if (/\/ifcfg-[^/]+$/.test(file)) {
    const found = `NetworkManager runs ${link} by ${file}, a file of network-scripts that its plugin ifcfg-rh reads`;
    return isOlder(manager, 1, 38)
      ? `${found}, and NetworkManager ${manager.version.join('.')} cannot make a keyfile of it (1.38 can): update NetworkManager first`
      : `${found}: keep a copy of it, and have NetworkManager make a keyfile of it first (nmcli connection migrate ${uuid})`;
  }
  if (file === '' || file.startsWith('/run/')) {
    return `NetworkManager runs ${link} by '${id}', which it holds in memory only: have it write a file first (nmcli connection modify ${uuid} connection.interface-name ${link})`;
  }
  if (!file.startsWith(`${directory}/`)) {
    return `NetworkManager runs ${link} by ${file}, which belongs to a package: copy it to ${directory} first (mode 600), and run nmcli connection reload`;
  }
  return undefined;
}
