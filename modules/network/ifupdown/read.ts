import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';
import type { ExpectedLink } from '../../../lib/task/task.ts';
import type { BridgeSettings, BridgeState, PortSettings } from '../bridge_state.ts';
import { expectedAddressing, expectedBridge, expectedMac } from '../expected.ts';
import type { LiveBridge } from '../live.ts';
import { keptMtuWarnings } from '../port_warnings.ts';
import type { Addressing, OwnedLinks, StackReading } from '../stack.ts';
import { keepsOriginal } from './edit.ts';
import { autoWords, type IfupdownFiles, isNamedBehind, readIfupdownFiles, stanzasOf } from './files.ts';
import { lastingHooks } from './hooks.ts';
import { readLeases } from './leases.ts';
import { optionsOf, type Stanza } from './lines.ts';
import { bridgeStanzas, create, portAddressing, remove } from './plan.ts';
import { refusalsOf } from './refusals.ts';
import { noPort, portsIn, settingsOf } from './settings.ts';
import { readTools } from './tools.ts';

/** Reads the files of a bridge and its ports. */
export async function readIfupdown(
  host: ReadonlyHost,
  desired: BridgeState,
  owned: OwnedLinks,
  live: LiveBridge,
): Promise<StackReading> {
  const { name, bridge, portNames } = desired;
  const [first = ''] = portNames.value;
  const [files, leases, tools] = await Promise.all([
    readIfupdownFiles(host),
    readLeases(host, [first, name]),
    readTools(host, desired),
  ]);
  const actual = bridgeSettings(desired, files, live);
  return {
    bridge: actual,
    ports: Object.fromEntries(portNames.value.map((port) => [port, portSettings(desired, files, live, port)])),
    refusals: refusalsOf(desired, files, owned, live),
    missing: tools.missing,
    warnings: [...hookWarnings(desired, files), ...tools.warnings, ...keptMtuWarnings(desired, actual, live)],
    links: expectedLinks(desired, files, live),
    steps: () =>
      bridge === 'absent' ? remove(desired, files, leases) : create(desired, bridge, actual, files, live, leases),
  };
}

/** The hooks of the port run again for the bridge, and those of the bridge for the port. */
function hookWarnings({ name, bridge, portNames }: BridgeState, files: IfupdownFiles): readonly string[] {
  const own = stanzasOf(files, name);
  const moved = bridge === 'absent' ? own : portNames.value.flatMap((port) => stanzasOf(files, port));
  const heir = bridge === 'absent' ? portNames.value[0] : name;
  return lastingHooks(moved).map(
    ({ raw }) =>
      `'${raw.trim()}' adds rules or routes, and no hook takes them away: they may be there twice once ${heir} is up, or ifup fails over them; add a 'down' line that removes them`,
  );
}

/** Says what the files hold of a bridge; undefined where no stanza describes it. */
export function bridgeSettings(
  { name, bridge, portNames }: BridgeState,
  files: IfupdownFiles,
  { macs }: LiveBridge,
): BridgeSettings | undefined {
  const stanzas = stanzasOf(files, name);
  if (stanzas.length === 0) return undefined;
  const [first = ''] = portNames.value;
  const wanted = bridge === 'absent' ? undefined : bridge;
  return settingsOf(stanzas, isNamedBehind(files, autoWords, name), wanted, { port: first, mac: macs[first] });
}

/** Tells how a link is addressed by its stanzas. */
export function addressingBy(stanzas: readonly Stanza[]): Addressing {
  const { ipv4, ipv6Addresses = [], gateway, ipv6Gateway } = settingsOf(stanzas, true, undefined, noPort);
  return {
    isDhcp: ipv4 === 'dhcp',
    addresses: [...(ipv4 === undefined || typeof ipv4 === 'string' ? [] : ipv4), ...ipv6Addresses],
    gateways: [gateway, ipv6Gateway].filter((each) => each !== undefined),
  };
}

function portSettings(
  { name, bridge }: BridgeState,
  files: IfupdownFiles,
  live: LiveBridge,
  port: string,
): PortSettings {
  const isIn = portsIn(stanzasOf(files, name)).includes(port);
  if (bridge !== 'absent') return { bridge: isIn ? name : '', addressing: portAddressing(files, port, live) };
  const remembered = files.files.filter(({ content }) => keepsOriginal(content, name)).map(({ path }) => path);
  return { bridge: isIn ? name : '', remembered };
}

function expectedLinks(desired: BridgeState, files: IfupdownFiles, live: LiveBridge): readonly ExpectedLink[] {
  const { name, bridge, portNames } = desired;
  const [first = ''] = portNames.value;
  const portMac = live.macs[first];
  const mac = portMac === undefined ? {} : { mac: portMac };
  if (bridge === 'absent') {
    const own = stanzasOf(files, name);
    const stanzas = own.length > 0 ? own : stanzasOf(files, first);
    return [
      { link: first, ...addressed(stanzas), ...mac },
      { link: name, ipv4: 'none', heir: first },
    ];
  }
  const stanzas = bridgeStanzas(desired, bridge, files, live);
  const settings = settingsOf(stanzas, true, bridge, { port: first, mac: portMac });
  const [own, ...ports] = expectedBridge(name, portNames.value, settings, expectedMac(bridge.mac, portMac));
  return [{ ...own, ...addressed(stanzas) }, ...ports];
}

/** `autoconf 1` has a link take router advertisements, whatever the method of its stanza (interfaces(5)). */
function addressed(stanzas: readonly Stanza[]): ReturnType<typeof expectedAddressing> {
  const expected = expectedAddressing(settingsOf(stanzas, true, undefined, noPort));
  const takesAdvertisements = optionsOf(stanzas, 'autoconf').includes('1');
  if (expected.ipv6 === undefined || !takesAdvertisements) return expected;
  return { ...expected, ipv6: { ...expected.ipv6, isAutomatic: true } };
}
