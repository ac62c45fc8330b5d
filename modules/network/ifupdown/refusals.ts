import { ifaceStanzas, namesBehind } from '../../../lib/formats/interfaces.ts';
import { portMacWord } from '../arguments.ts';
import type { BridgeState } from '../bridge_state.ts';
import type { LiveBridge } from '../live.ts';
import type { OwnedLinks } from '../stack.ts';
import { type IfupdownFiles, mainFile, type PlacedStanza, stanzasOf } from './files.ts';
import { isHook, isLinkLine, optionsOf } from './lines.ts';
import { isOtherRoute } from './routes.ts';
import { portsIn } from './settings.ts';

const movable: readonly string[] = ['dhcp', 'static', 'manual', 'auto'];

/** Says what in ifupdown's files makes a change of a bridge go wrong. */
export function refusalsOf(
  desired: BridgeState,
  files: IfupdownFiles,
  owned: OwnedLinks,
  { macs }: LiveBridge,
): readonly string[] {
  const { name, bridge, portNames } = desired;
  const ports = portNames.value;
  const links = [...ports, name];
  const stanzas = links.flatMap((link) => stanzasOf(files, link));
  const own = stanzasOf(files, name);
  return [
    ...(files.files.length === 0
      ? [`there is no ${mainFile}, and ifupdown has brought ${ports.join(', ')} up by it`]
      : []),
    ...files.unread,
    ...owned.links.flatMap(({ link, id = link }) =>
      id === link
        ? []
        : [`ifupdown has brought ${link} up as ${id}, by a mapping; give ${link} a stanza of its own first`],
    ),
    ...links.flatMap((link) => mappingRefusals(files, link)),
    ...stanzas.flatMap(stanzaRefusals),
    ...(bridge === 'absent' ? othersIn(desired, own) : presentRefusals(desired, files)),
    ...(bridge !== 'absent' && bridge.mac === portMacWord && macs[ports[0] ?? ''] === undefined
      ? [`${name} takes the MAC of ${ports[0]}, and there is no such interface`]
      : []),
  ];
}

function presentRefusals({ name, bridge, portNames }: BridgeState, files: IfupdownFiles): readonly string[] {
  if (bridge === 'absent') return [];
  const ports = portNames.value;
  const all = files.files.flatMap(({ path, content }) => ifaceStanzas(content).map((stanza) => ({ ...stanza, path })));
  const own = stanzasOf(files, name);
  const routed = own.length > 0 ? own : stanzasOf(files, ports[0] ?? '');
  const unknown = routed.flatMap(({ lines }) => lines.filter(isOtherRoute));
  return [
    ...(bridge.zone === undefined
      ? []
      : ["ifupdown knows no zones of firewalld; leave 'zone' out, and name the bridge in firewalld's own files"]),
    ...all.flatMap((stanza) =>
      stanza.name === name
        ? []
        : ports
            .filter((port) => portsIn([stanza]).includes(port))
            .map(
              (port) =>
                `${port} is a port of ${stanza.name} already (${stanza.path}); take it out there first (state: 'absent')`,
            ),
    ),
    ...[...new Set(all.map((stanza) => stanza.name))]
      .filter((alias) => ports.some((port) => alias.startsWith(`${port}:`)))
      .map(
        (alias) =>
          `${alias} is an alias, which would stay on the port; give its address to a further stanza of ${alias.split(':')[0]}`,
      ),
    ...portsIn(own)
      .filter((word) => ['all', 'regex', 'noregex'].includes(word))
      .map((word) => `bridge_ports of ${name} has '${word}', and so no list of ports; name them`),
    ...ports.flatMap((port) => hookRefusals(stanzasOf(files, port), port)),
    ...(bridge.routes === undefined
      ? []
      : unknown.map(
          ({ raw }) =>
            `'routes' is the whole list, and '${raw.trim()}' adds a route in words that are not understood; write it as 'up ip route add …', or take it out`,
        )),
  ];
}

/** A command that names the port would go on working on the port, which has no addresses any more. */
function hookRefusals(stanzas: readonly PlacedStanza[], port: string): readonly string[] {
  const name = new RegExp(`(?<![\\w.-])${port.replaceAll('.', '\\.')}(?![\\w.-])`);
  return stanzas.flatMap(({ file, lines }) =>
    lines
      .filter((line) => isHook(line) && !isLinkLine(line) && name.test(line.value ?? ''))
      .map(
        ({ raw }) =>
          `'${raw.trim()}' in ${file.path} names ${port} and would not follow the address; write $IFACE there`,
      ),
  );
}

function stanzaRefusals({ name, family, method, rest, file }: PlacedStanza): readonly string[] {
  if (rest !== '')
    return [`the stanza of ${name} in ${file.path} says '${rest}'; write what it inherits into it first`];
  if ((family === 'inet' || family === 'inet6') && movable.includes(method)) return [];
  const words = [family, method].filter((word) => word !== '').join(' ') || 'nothing';
  return [
    `${name} is configured by '${words}' in ${file.path}, and only inet and inet6 with ${movable.join(', ')} can move to a bridge`,
  ];
}

function mappingRefusals({ files }: IfupdownFiles, link: string): readonly string[] {
  return files.flatMap(({ path, content }) =>
    namesBehind(content, ['mapping']).some((pattern) => pattern === link)
      ? [
          `${path} has a mapping for ${link}, which chooses its stanza by a script; give ${link} a stanza of its own first`,
        ]
      : [],
  );
}

function othersIn({ name, portNames }: BridgeState, stanzas: readonly PlacedStanza[]): readonly string[] {
  const others = portsIn(stanzas).filter((port) => !portNames.value.includes(port));
  if (others.length === 0 || optionsOf(stanzas, 'bridge-ports').length === 0) return [];
  return [`${stanzas[0]?.file.path} plugs ${others.join(', ')} into ${name} too; name it in 'ports' too`];
}
