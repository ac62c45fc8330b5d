import { isSameRule, parseIpRule, parseIpRules, parseRoutingTables } from '../../../../lib/formats/ip_rule.ts';
import { getValue, type KeyValueFile, parseKeyValue } from '../../../../lib/formats/key_value.ts';
import type { ReadonlyHost } from '../../../../lib/task/readonly_host.ts';
import { askIp } from '../../live.ts';
import { addressesOf } from '../ifcfg/address.ts';
import { isDhcp, isOff } from '../ifcfg/keys.ts';
import { isAliasOf, isReadAsInterface, networkSettings, routingTables, scriptsDirectory } from '../network_scripts.ts';
import { firstPort, type WantedBridge } from '../state.ts';

/** The most sentences that are told. */
const most = 20;

/** Rules that every kernel has. */
const ownRules =
  /^(?:0:\s+from all lookup local|3276[67]:\s+from all lookup (?:main|default)|1000:\s+from all lookup \[l3mdev-table\])\s*$/;

/**
 * Says what of the live network no file of the network scripts knows, and what becomes of it when the network is restarted. The
 * scripts take down every link that has a file, and its addresses and routes go with it; rules stay until the next boot.
 * Routes of routing daemons are left out: they come back by themselves.
 */
export async function readLost(host: ReadonlyHost, wanted: WantedBridge): Promise<readonly string[]> {
  return (await readScene(host, wanted.name))(wanted);
}

/** Looks at what {@link readLost} needs. @returns what is lost by what is wanted of the bridge */
export async function readScene(
  host: ReadonlyHost,
  name: string,
): Promise<(wanted: WantedBridge) => readonly string[]> {
  const [known, tableNames, leases, plugged, ip] = await Promise.all([
    readKnown(host),
    host.readFile(routingTables),
    // One file for each link and each way by which it was ever brought up.
    host.query(['sh', '-c', 'grep -hsE "option (routers|rfc3442|ms-classless)" /var/lib/dhclient/*.lease* /dev/null']),
    host.listDirectory(`/sys/class/net/${name}/brif`),
    askIp(host, {
      links: ['-o', 'link', 'show', 'up'],
      addresses: ['-o', '-4', 'address', 'show'],
      addresses6: ['-o', '-6', 'address', 'show'],
      boot: ['-4', 'route', 'show', 'table', 'all', 'proto', 'boot'],
      boot6: ['-6', 'route', 'show', 'table', 'all', 'proto', 'boot'],
      static: ['-4', 'route', 'show', 'table', 'all', 'proto', 'static'],
      static6: ['-6', 'route', 'show', 'table', 'all', 'proto', 'static'],
      rules: ['-4', 'rule', 'show'],
      rules6: ['-6', 'rule', 'show'],
    }),
  ]);
  const tables = parseRoutingTables(tableNames?.text ?? '');
  return (wanted) => lostBy(wanted, { known, tables, leases: leases.stdout, plugged, ip });
}

/** What was seen. */
interface Seen {
  readonly known: Known;
  readonly tables: ReadonlyMap<string, string>;
  readonly leases: string;
  readonly plugged: readonly string[];
  readonly ip: Readonly<
    Record<'links' | 'addresses' | 'addresses6' | 'boot' | 'boot6' | 'static' | 'static6' | 'rules' | 'rules6', string>
  >;
}

function lostBy(wanted: WantedBridge, { known, tables, leases, plugged, ip }: Seen): readonly string[] {
  const { name, bridge } = wanted;
  const ports = wanted.ports.map((port) => port.name);
  const scene: Scene = {
    known,
    pair: [name, ...ports],
    pairIsDhcp: bridge !== 'absent' && isDhcp(bridge.BOOTPROTO),
    leases,
  };
  const guests = bridge === 'absent' ? plugged.filter((link) => !ports.includes(link)) : [];
  const sentences = [
    ...guests.map(
      (link) =>
        `${link} is plugged into ${name}: it loses its way to the LAN once ${firstPort(wanted)} has left ${name}`,
    ),
    ...downLinks(scene, ip.links),
    ...lostAddresses(scene, `${ip.addresses}\n${ip.addresses6}`),
    ...lostRoutes(scene, `${ip.boot}\n${ip.static}`, ''),
    ...lostRoutes(scene, `${ip.boot6}\n${ip.static6}`, '6'),
    ...keptRules(scene, ip.rules, '', tables),
    ...keptRules(scene, ip.rules6, '6', tables),
  ];
  const more = sentences.length - most;
  return more > 0
    ? [...sentences.slice(0, most), `${more} more addresses, routes and rules are in no file`]
    : sentences;
}

/** What the files say, whatever link they say it of. */
interface Known {
  /** Files of interfaces and their aliases, by the link that they configure. */
  readonly interfaces: readonly {
    readonly device: string;
    readonly isAlias: boolean;
    readonly content: KeyValueFile;
  }[];
  readonly settings: KeyValueFile;
  /** Lines of the files of routes and rules, without blanks at their ends; `''` of IPv4, `'6'` of IPv6. */
  readonly lines: Readonly<Record<'route' | 'route6' | 'rule' | 'rule6', readonly string[]>>;
}

interface Scene {
  readonly known: Known;
  /** The bridge and its ports: what addresses one of them moves to the other. */
  readonly pair: readonly string[];
  readonly pairIsDhcp: boolean;
  readonly leases: string;
}

async function readKnown(host: ReadonlyHost): Promise<Known> {
  const [names, settings] = await Promise.all([host.listDirectory(scriptsDirectory), host.readFile(networkSettings)]);
  const devices = names.filter(isReadAsInterface).map((file) => file.slice('ifcfg-'.length));
  const aliases = names.filter((file) => devices.some((device) => isAliasOf(file, device)));
  const read = async (file: string): Promise<string> =>
    (await host.readFile(`${scriptsDirectory}/${file}`))?.text ?? '';
  const linesOf = async (kind: string): Promise<readonly string[]> => {
    const texts = await Promise.all(names.filter((file) => file.startsWith(`${kind}-`)).map(read));
    return texts
      .join('\n')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#'));
  };
  const [ownFiles, aliasFiles, route, route6, rule, rule6] = await Promise.all([
    Promise.all(devices.map((device) => read(`ifcfg-${device}`))),
    Promise.all(aliases.map(read)),
    ...(['route', 'route6', 'rule', 'rule6'] as const).map(linesOf),
  ]);
  const own = devices.map((file, index) => {
    const content = parseKeyValue(ownFiles[index] ?? '');
    return { device: getValue(content, 'DEVICE') || file, isAlias: false, content };
  });
  const further = aliases.map((file, index) => ({
    device: file.slice('ifcfg-'.length).replace(/:.*|-range.*/, ''),
    isAlias: true,
    content: parseKeyValue(aliasFiles[index] ?? ''),
  }));
  return {
    interfaces: [...own, ...further],
    settings: parseKeyValue(settings?.text ?? ''),
    lines: { route: route ?? [], route6: route6 ?? [], rule: rule ?? [], rule6: rule6 ?? [] },
  };
}

/** The files that say how a link is addressed: its own, or those of the bridge and its port. */
function filesFor({ known, pair }: Scene, link: string): Known['interfaces'] {
  const devices = pair.includes(link) ? pair : [link];
  return known.interfaces.filter(({ device }) => devices.includes(device));
}

function isConfigured(scene: Scene, link: string): boolean {
  return link !== 'lo' && (scene.pair.includes(link) || filesFor(scene, link).some(({ isAlias }) => !isAlias));
}

function asksForLease(scene: Scene, link: string): boolean {
  if (scene.pair.includes(link) && scene.pairIsDhcp) return true;
  return filesFor(scene, link).some(({ content }) => isDhcp(getValue(content, 'BOOTPROTO')));
}

function downLinks({ known, pair }: Scene, output: string): readonly string[] {
  const up = [...output.matchAll(/^\d+: ([^\s@:]+)/gm)].map(([, link = '']) => link);
  return known.interfaces
    .filter(({ device, isAlias, content }) => {
      const stays = isAlias || pair.includes(device) || device === 'lo' || !isOff(getValue(content, 'ONBOOT'));
      return !stays && up.includes(device);
    })
    .map(({ device }) => `${device} is up, and its file says ONBOOT=no: it stays down once the network is restarted`);
}

/** Reads `2: ens33    inet 192.168.221.150/24 brd … scope global dynamic ens33\…`. */
function lostAddresses(scene: Scene, output: string): readonly string[] {
  const found = [...output.matchAll(/^\d+: ([^\s@]+)\S*\s+inet6? (\S+)( peer \S+)?(.*)$/gm)]
    .map(([, link = '', address = '', , rest = '']) => ({ link, address, rest }))
    .filter(({ link, rest }) => / scope global\b/.test(rest) && isConfigured(scene, link));
  const given = found.filter(({ rest }) => rest.includes(' dynamic'));
  const free = found.filter((one) => {
    if (given.includes(one) || isInFile(scene, one.link, one.address)) return false;
    if (one.address.includes(':') || !asksForLease(scene, one.link)) return true;
    // Clients of former days set no lifetime: one address of such a link may be the lease.
    const isFirst = found.find(({ link, address }) => link === one.link && !address.includes(':')) === one;
    return !isFirst || given.some(({ link, address }) => link === one.link && !address.includes(':'));
  });
  return free.map(
    ({ link, address }) => `${address} on ${link} is in no file: it is gone once the network is restarted`,
  );
}

function isInFile(scene: Scene, link: string, address: string): boolean {
  const bare = address.split('/')[0] ?? '';
  return filesFor(scene, link).some(({ content }) => {
    const ipv6 = ['IPV6ADDR', 'IPV6ADDR_SECONDARIES'].flatMap((key) => (getValue(content, key) ?? '').split(/\s+/));
    const isRange = getValue(content, 'IPADDR_START') !== undefined;
    const all = [
      ...addressesOf(content).map((each) => each.split('/')[0] ?? ''),
      ...ipv6.map((each) => sameIpv6(each.split('/')[0] ?? '')),
    ];
    return isRange || all.includes(address.includes(':') ? sameIpv6(bare) : bare);
  });
}

/** Writes an IPv6 address in its shortest form, as the kernel prints it. */
function sameIpv6(address: string): string {
  const url = `http://[${address}]/`;
  return URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : address;
}

function lostRoutes(scene: Scene, output: string, family: '' | '6'): readonly string[] {
  const lines = output
    .replaceAll(/\n\s+/g, ' ')
    .split('\n')
    .map((line) => line.trim());
  return lines
    .filter((line) => {
      const device = / dev (\S+)/.exec(line)?.[1] ?? '';
      const isOwn = /^(?:169\.254\.0\.0\/16|fe80::|ff00::|local |broadcast |anycast |multicast )/.test(line);
      return line !== '' && !isOwn && isConfigured(scene, device) && !isRouteKnown(scene, line, device, family);
    })
    .map((line) => {
      const what = line.startsWith('default') ? 'the default route' : 'the route';
      return `${what} '${line.replaceAll(/ proto \S+/g, '')}' is in no file: it is gone once the network is restarted`;
    });
}

/** Compares what a route leads to, and in which table; the same words may stand in another order. */
function isRouteKnown(scene: Scene, line: string, device: string, family: '' | '6'): boolean {
  const { known, leases } = scene;
  const route = routeOf(line);
  const gateways = [...known.interfaces.map(({ content }) => content), known.settings].flatMap((content) =>
    family === ''
      ? (getValue(content, 'GATEWAY') ?? '')
      : (getValue(content, 'IPV6_DEFAULTGW') ?? '').replace(/%.*/, ''),
  );
  if (route.to === 'default' && route.table === 'main') {
    if (gateways.includes(route.via)) return true;
    const devices = [...known.interfaces.map(({ content }) => content), known.settings].map((each) =>
      getValue(each, 'GATEWAYDEV'),
    );
    if (route.via === '' && devices.includes(device)) return true;
    if (family === '' && asksForLease(scene, device)) return isOfLease(leases, route.via);
  }
  // A lease may bring any route.
  if (family === '' && asksForLease(scene, device) && /rfc3442|ms-classless/.test(leases)) return true;
  return [...known.lines[`route${family}`].map(routeOf), ...oldRoutes(known.lines.route)].some(
    ({ to, via, table }) =>
      to === route.to && table === route.table && (via === route.via || via === '' || route.via === ''),
  );
}

/** Without a lease's file nothing can be said of a gateway. */
function isOfLease(leases: string, gateway: string): boolean {
  const routers = [...leases.matchAll(/option routers ([\d., ]+)/g)].flatMap(([, list = '']) => list.split(/[, ]+/));
  return routers.length === 0 || routers.includes(gateway);
}

interface Route {
  readonly to: string;
  readonly via: string;
  readonly table: string;
}

function routeOf(line: string): Route {
  const words = line.split(/\s+/);
  const after = (key: string): string => (words.includes(key) ? (words[words.indexOf(key) + 1] ?? '') : '');
  const first = words[0] === 'to' ? (words[1] ?? '') : (words[0] ?? '');
  const to = /^(?:0\.0\.0\.0\/0|0\/0|::\/0)$/.test(first) ? 'default' : first.replace(/\/(?:32|128)$/, '');
  return {
    to: to.includes(':') ? to.replace(/^[^/]+/, sameIpv6) : to,
    via: after('via'),
    table: after('table') || 'main',
  };
}

/** Reads ADDRESS0, NETMASK0 and GATEWAY0 (initscripts, ifup-routes). Their prefixes are left to the kernel: the address must do. */
function oldRoutes(lines: readonly string[]): readonly Route[] {
  const file = parseKeyValue(lines.join('\n'));
  return file.entries.flatMap(({ key = '' }) => {
    const index = /^ADDRESS(\d+)$/.exec(key)?.[1];
    if (index === undefined) return [];
    const network = addressesOf(
      parseKeyValue(`IPADDR=${getValue(file, key) ?? ''}\nNETMASK=${getValue(file, `NETMASK${index}`) ?? ''}`),
    )[0];
    return [{ to: (network ?? '').replace(/\/32$/, ''), via: getValue(file, `GATEWAY${index}`) ?? '', table: 'main' }];
  });
}

function keptRules(
  { known, pair }: Scene,
  output: string,
  family: '' | '6',
  tables: ReadonlyMap<string, string>,
): readonly string[] {
  const lines = known.lines[`rule${family}`].flatMap((line) => parseIpRule(line, tables) ?? []);
  return (
    output
      .split('\n')
      .filter((line) => line !== '' && !ownRules.test(line))
      .flatMap((line) => parseIpRules(line, tables))
      .filter((rule) => !lines.some((known) => isSameRule(known, rule)))
      // A rule of the pair's files names the other one of the two before it has moved.
      .filter(
        ({ words }) => !words.some((word, index) => pair.includes(word) && /^[io]if$/.test(words[index - 1] ?? '')),
      )
      .map(({ words }) => `the rule '${words.slice(2).join(' ')}' is in no file: it stays until the next boot`)
  );
}
