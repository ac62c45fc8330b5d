import { isMapping } from '../../../lib/formats/yaml_value.ts';
import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';
import type { ExpectedLink } from '../../../lib/task/task.ts';
import { portMacWord } from '../arguments.ts';
import type { BridgeState, PortSettings } from '../bridge_state.ts';
import { expectedAddressing, expectedBridge } from '../expected.ts';
import { type LiveBridge, metricsToKeep } from '../live.ts';
import { readNetworkdLinks } from '../networkd/owner.ts';
import { keptMtuWarnings } from '../port_warnings.ts';
import type { OwnedLinks, StackReading } from '../stack.ts';
import { definitions, type NetplanBridge, ownPath } from './definitions.ts';
import { isShared, mappingIn, network, readNetplanFiles, textIn, textsIn } from './files.ts';
import { hasMarks } from './marks.ts';
import { findMistake } from './mistakes.ts';
import { addressingIn, type Renderer, settingsOf, stickyIn } from './settings.ts';
import { dropInOf, planBridge, planRemoval, type Written } from './write.ts';

const networkdDirectory = '/etc/systemd/network';

/** Reads what netplan's files say of a bridge and its ports. */
export async function readNetplan(
  host: ReadonlyHost,
  desired: BridgeState,
  owned: OwnedLinks,
  live: LiveBridge,
  renderer: Renderer,
): Promise<StackReading> {
  const { name, bridge, portNames } = desired;
  const [first = ''] = portNames.value;
  const [files, mistake, links, dropIns, dropIn] = await Promise.all([
    readNetplanFiles(host),
    findMistake(host),
    renderer === 'networkd' ? readNetworkdLinks(host, [first]) : undefined,
    host.listDirectory(networkdDirectory),
    host.readFile(dropInOf(name)),
  ]);
  const found: NetplanBridge = {
    desired,
    renderer,
    files,
    ...definitions(files, desired, owned, live),
    macs: live.macs,
    iaid: iaidOf(links?.find(({ link }) => link === first)?.clientId),
    metric: renderer === 'NetworkManager' ? metricsToKeep(first, live).ipv4 : undefined,
    dropIns: dropIns.filter((each) => /^10-netplan-.*\.network\.d$/.test(each)),
    dropIn,
  };
  const wanted = bridge === 'absent' ? undefined : bridge;
  const written = bridge === 'absent' ? planRemoval(found) : planBridge(found, bridge);
  const unread = mistake === undefined ? files.problems : [unreadable(mistake)];
  const settings = found.bridge && settingsOf(found.bridge, wanted, live.macs[first], renderer);
  return {
    bridge: settings,
    ports: Object.fromEntries(portNames.value.map((port) => [port, portSettings(found, port)])),
    refusals: unread.length > 0 ? unread : [...refusals(found), ...written.refusals],
    warnings: [...cloudWarnings(written), ...keptMtuWarnings(desired, settings, live)],
    missing: [],
    // What the bridge is to have cannot be told of files that netplan does not understand.
    links: unread.length > 0 ? [] : expectedLinks(found, written),
    steps: () => written.steps,
  };
}

function unreadable(mistake: string): string {
  return `netplan cannot read its files, and would load none of them; correct them first ('netplan get' reads them all):\n${mistake}`;
}

/** `IAID:0xed10bdb8/DUID`; a client that goes by its MAC has none. */
function iaidOf(clientId: string | undefined): number | undefined {
  const [, iaid] = /^IAID:(0x[0-9a-f]+)\/DUID/.exec(clientId ?? '') ?? [];
  return iaid === undefined ? undefined : Number(iaid);
}

function portSettings({ desired, bridge, ports, files }: NetplanBridge, port: string): PortSettings {
  const { name, portNames } = desired;
  const definition = ports[port];
  const isIn =
    definition !== undefined && bridge !== undefined && textsIn(bridge, 'interfaces').includes(definition.id);
  if (desired.bridge === 'absent') {
    const isFirst = port === portNames.value[0];
    const marked = isFirst ? files.files.filter(({ text }) => hasMarks(name, text.text)) : [];
    return { bridge: isIn ? name : '', remembered: marked.map(({ path }) => path) };
  }
  if (definition === undefined) return { bridge: '' };
  return { bridge: isIn ? name : '', addressing: isShared(definition) ? ['*'] : addressingIn(definition.value) };
}

function refusals(found: NetplanBridge): readonly string[] {
  const { desired, ports, macs } = found;
  const { name, bridge, portNames } = desired;
  const [first = ''] = portNames.value;
  const undescribed = portNames.value
    .filter((port) => ports[port] === undefined)
    .map((port) => `no file of netplan describes ${port}; write it into one, and load it (netplan apply)`);
  if (bridge === 'absent') return [...foreignBridge(found), ...otherPorts(found)];
  return [
    ...undescribed,
    ...(bridge.zone === undefined
      ? []
      : ["netplan knows no zones of firewalld; leave 'zone' out, and name the bridge in firewalld's own files"]),
    ...(bridge.onboot === false ? ["netplan brings up every link that it describes; leave 'onboot' out"] : []),
    ...(bridge.mac === portMacWord && macs[first] === undefined
      ? [`${name} takes the MAC of ${first}, and there is no such interface`]
      : []),
    ...portNames.value.flatMap((port) => portRefusals(found, port)),
  ];
}

function foreignBridge({ desired: { name }, files }: NetplanBridge): readonly string[] {
  return files.files
    .filter(({ path, value }) => path !== ownPath(name) && mappingIn(network(value), 'bridges')[name] !== undefined)
    .map(({ path }) => `${path} describes ${name}, and was not written by kvm-play; take ${name} out of it by hand`);
}

/** Ports that the task does not name would have no configuration. */
function otherPorts({ desired: { name }, bridge, ports }: NetplanBridge): readonly string[] {
  const named = Object.values(ports).map(({ id }) => id);
  return textsIn(bridge ?? {}, 'interfaces')
    .filter((id) => !named.includes(id))
    .map((id) => `${id} is a port of ${name} too; name it in 'ports' too`);
}

function portRefusals(found: NetplanBridge, port: string): readonly string[] {
  const { desired, all, files, ports, renderer, dropIns } = found;
  const { name } = desired;
  const definition = ports[port];
  if (definition === undefined) return [];
  const { type, id, value } = definition;
  const own = files.files.find(({ path }) => path === ownPath(name));
  const added = own === undefined ? [] : stickyIn(mappingIn(mappingIn(network(own.value), type), id));
  const masters = ['bridges', 'bonds', 'vrfs'].flatMap((type) =>
    Object.entries(mappingIn(all, type)).flatMap(([master, each]) =>
      isMapping(each) && textsIn(each, 'interfaces').includes(id) && master !== name ? [master] : [],
    ),
  );
  const passed = Object.keys(mappingIn(mappingIn(value, 'networkmanager'), 'passthrough')).filter((key) =>
    /^(?:ipv[46]\.|connection\.zone|proxy\.|user\.)/.test(key),
  );
  const dropIn = renderer === 'networkd' ? dropIns.find((each) => each === `10-netplan-${id}.network.d`) : undefined;
  return [
    ...(added.length === 0
      ? []
      : [`${ownPath(name)} holds ${added.join(', ')} of ${id}, and a port has no addresses; take them out`]),
    ...masters.map((master) => `${port} belongs to ${master} in netplan's files already; take it out there first`),
    ...(passed.length === 0
      ? []
      : [`networkmanager.passthrough of ${id} holds ${passed.join(', ')}, which cannot move; take it out first`]),
    ...(value.openvswitch === undefined ? [] : [`${id} belongs to Open vSwitch (openvswitch), and cannot be bridged`]),
    ...(isShared(definition) && renderer === 'NetworkManager'
      ? [`${id} matches several links (${JSON.stringify(value.match)}); give ${port} a definition of its own first`]
      : []),
    ...(dropIn === undefined
      ? []
      : [
          `${networkdDirectory}/${dropIn} holds settings that are not in netplan's files; put them there, and remove it`,
        ]),
  ];
}

/** cloud-init writes its file anew when it takes the host for another instance, and the port would have its addresses again. */
function cloudWarnings({ steps }: Written): readonly string[] {
  return steps.flatMap((step) =>
    step.kind === 'write' &&
    step.path.endsWith('-cloud-init.yaml') &&
    /cloud-init|datasource/.test(step.before?.text ?? '')
      ? [
          `${step.path} is cloud-init's, which may write it anew; so that it does not, put 'network: {config: disabled}' into /etc/cloud/cloud.cfg.d/99-disable-network-config.cfg`,
        ]
      : [],
  );
}

function expectedLinks(found: NetplanBridge, written: Written): readonly ExpectedLink[] {
  const { desired, ports, macs, renderer } = found;
  const { name, bridge, portNames } = desired;
  const [first = ''] = portNames.value;
  const mac = macs[first] === undefined ? {} : { mac: macs[first] };
  if (bridge === 'absent') {
    const value = found.bridge ?? ports[first]?.value;
    const settings = value && settingsOf(value, undefined, undefined, renderer);
    return [
      { link: first, ...expectedAddressing(settings), ...mac },
      { link: name, ipv4: 'none', heir: first },
    ];
  }
  const settings = settingsOf(written.bridge, bridge, macs[first], renderer);
  const own = textIn(written.bridge, 'macaddress');
  return expectedBridge(name, portNames.value, settings, own?.toLowerCase());
}
