import { differences } from '../../../lib/task/diff.ts';
import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';
import { type CommandStep, command, type Undo } from '../../../lib/task/step.ts';
import { portMacWord } from '../arguments.ts';
import type { BridgeSettings, BridgeState } from '../bridge_state.ts';
import { addressesOn, isUp, type LiveBridge } from '../live.ts';
import { adjustBridge, removeBridge } from '../live_steps.ts';
import type { LoadedBridge } from '../stack.ts';
import { handOverArgv, handOverStep } from './clients.ts';
import { type IfupdownFiles, readIfupdownFiles, stanzasOf, stanzasText } from './files.ts';
import { withRemovals } from './hooks.ts';
import { leasePaths } from './leases.ts';
import { isBridgeLine } from './lines.ts';
import { readIfstate } from './owner.ts';
import { bridgeStanzas, isBroughtUp, isMade, oldStanzas, portAddressing } from './plan.ts';
import { addressingBy, bridgeSettings } from './read.ts';
import type { NewStanza } from './stanzas.ts';

/** Seconds that `ifup` may take: dhclient waits a minute for a server that does not answer. */
const upLimit = 120;
const downLimit = 60;

/** What is known of a bridge when it is loaded. */
interface Loading {
  readonly desired: BridgeState;
  readonly live: LiveBridge;
  readonly files: IfupdownFiles;
  /** The links that ifupdown has brought up. */
  readonly up: ReadonlySet<string>;
  /** True where the bridge was brought up by the files as they are. */
  readonly isCurrent: boolean;
  /** The way in which a new link of the host makes its link-local address. */
  readonly addrGenMode: string;
  /** Lease files of the bridge that do not exist yet. */
  readonly newLeases: readonly string[];
}

/**
 * Nothing but the links of the bridge is touched: a restart of `networking` takes all links of the host down, and throws guests out of
 * all bridges. Each link is taken down by the text that brought it up, because the files say something else by now.
 */
export async function loadIfupdown(
  host: ReadonlyHost,
  bridges: readonly LoadedBridge[],
): Promise<readonly CommandStep[]> {
  const [files, state] = await Promise.all([readIfupdownFiles(host), readIfstate(host)]);
  const up = new Set(state?.keys() ?? []);
  const steps = bridges.map(async ({ desired, live }) => {
    const leases = leasePaths(desired.name);
    const [isCurrent, mode, ...isThere] = await Promise.all([
      isOlderThanState(host, files, desired.name),
      host.query(['cat', '/proc/sys/net/ipv6/conf/default/addr_gen_mode']),
      ...leases.map((path) => host.exists(path)),
    ]);
    const addrGenMode = addrGenModes[mode.stdout.trim()] ?? 'eui64';
    const newLeases = leases.filter((_, index) => isThere[index] !== true);
    const loading = { desired, live, files, up, isCurrent, addrGenMode, newLeases };
    return desired.bridge === 'absent' ? absentSteps(loading) : presentSteps(loading, desired.bridge);
  });
  return (await Promise.all(steps)).flat();
}

const addrGenModes: Readonly<Record<string, string>> = { 0: 'eui64', 2: 'stable_secret', 3: 'random' };

/** ifupdown notes when it brings a link up: files that were written later were not read then. */
async function isOlderThanState(host: ReadonlyHost, { files }: IfupdownFiles, link: string): Promise<boolean> {
  const paths = files.map(({ path }) => path);
  const { exitCode, stdout } = await host.query(['find', ...paths, '-newer', `/run/network/ifstate.${link}`]);
  return exitCode === 0 && stdout.trim() === '';
}

function presentSteps(loading: Loading, wanted: BridgeSettings): readonly CommandStep[] {
  const { desired, live, files, up } = loading;
  const { name, portNames } = desired;
  const ports = portNames.value;
  const actual = bridgeSettings(desired, files, live);
  const stanzas = bridgeStanzas(desired, wanted, files, live);
  const isKept = up.has(name) && isUp(live, name) && isAddressedBy(loading, wanted, actual, stanzas);
  return [
    checkStep(name),
    ...makeBridge(loading, wanted),
    ...ports.flatMap((port) => releasePort(loading, port)),
    ...(up.has(name) && !isKept ? [downStep(name, withoutBridge(loadedStanzas(loading)), again(name))] : []),
    ...(isKept ? [] : upSteps(name, undoOfUp(loading, withoutBridge(stanzas)))),
    ...(isKept ? ports.filter((port) => !live.plugged.includes(port)) : [])
      .filter((port) => live.names.includes(port))
      .flatMap((port) => [
        linkStep(['ip', 'link', 'set', 'dev', port, 'master', name]),
        linkStep(['ip', 'link', 'set', 'dev', port, 'up']),
      ]),
    ...adjustBridge(desired, live),
  ];
}

/** Tells whether the bridge that is up has been addressed by what the files say, or are about to say. */
function isAddressedBy(
  { isCurrent, desired, live }: Loading,
  wanted: BridgeSettings,
  actual: BridgeSettings | undefined,
  stanzas: readonly NewStanza[],
): boolean {
  const settled: readonly string[] = ['stp', 'delay', 'mtu', 'mac', 'onboot'];
  const isOther = actual === undefined || differences(wanted, actual).some(({ path }) => !settled.includes(path));
  const found = [...live.addresses, ...live.ipv6Addresses].filter(({ link }) => link === desired.name);
  const { addresses } = addressingBy(stanzas);
  const isThere = addresses.every((address) => found.some((each) => each.address === address));
  return isCurrent && !isOther && isThere;
}

/**
 * A bridge that is there already gets no second MAC, and Debian's script does not sleep a second after giving it one: it is made with
 * its MAC before the port is taken down.
 */
function makeBridge({ desired, live }: Loading, wanted: BridgeSettings): readonly CommandStep[] {
  const { name, portNames } = desired;
  if (live.names.includes(name)) return [];
  const mac = wanted.mac === portMacWord ? live.macs[portNames.value[0] ?? ''] : wanted.mac;
  const address = mac === undefined ? [] : ['address', mac];
  return [linkStep(['ip', 'link', 'add', 'name', name, ...address, 'type', 'bridge'])];
}

/** Takes a port down by the stanzas that brought it up: with the new ones its DHCP client would go on. */
function releasePort({ desired, live, files, up }: Loading, port: string): readonly CommandStep[] {
  const isPlugged = live.plugged.includes(port);
  const addresses = addressesOn(live, port);
  if (!up.has(port) || (isPlugged && addresses.length === 0)) return [];
  const kind = live.details.find(({ name }) => name === port)?.kind ?? '';
  // The scripts would take a bond or a VLAN itself away.
  const scripts = isMade(kind) ? ['--no-scripts'] : [];
  const before = ['networking.service', `ifup@${port}.service`];
  const undo: Undo = { withOldFiles: [['ifup', '--ignore-errors', ...scripts, port], handOverArgv(port)], before };
  const isDown = portAddressing(files, port, live).length === 0 && !isBroughtUp(files, port, live);
  return [
    downStep(port, oldStanzas(desired, files, port), undo, scripts),
    ...(isBroughtUp(files, port, live) && !isDown ? upSteps(port, {}, scripts) : []),
    ...(isPlugged || isMade(kind) ? [linkStep(['ip', 'link', 'set', 'dev', port, 'up'])] : []),
  ];
}

function absentSteps(loading: Loading): readonly CommandStep[] {
  const { desired, live, files, up, addrGenMode } = loading;
  const { name, portNames } = desired;
  const hasGuests = live.plugged.some((link) => !portNames.value.includes(link));
  const down = up.has(name) ? [downStep(name, withoutBridge(loadedStanzas(loading)), again(name))] : [];
  const ports = portNames.value.filter((port) => live.names.includes(port));
  return [
    ...ports.slice(0, 1).map(checkStep),
    ...down,
    ...removeBridge(desired, live),
    ...(hasGuests && down.length > 0 ? [linkStep(['ip', 'link', 'set', 'dev', name, 'up'])] : []),
    ...ports.flatMap((port, index) => {
      if (up.has(port) && !live.plugged.includes(port)) return [];
      const stanzas = index === 0 ? portStanzas(loading, port) : oldStanzas(desired, files, port);
      if (stanzas.length === 0) return [];
      return [
        // Debian's script for bridges has switched off IPv6's addresses on the port; they come back only while it is down.
        linkStep(['ip', 'link', 'set', 'dev', port, 'down']),
        linkStep(['ip', 'link', 'set', 'dev', port, 'addrgenmode', addrGenMode]),
        ...upSteps(port, { withNewFiles: [downArgv(port, stanzas)] }),
      ];
    }),
    command(removeArgv([...leasePaths(name), ...runtimeFiles(name)]), { disrupts: 'link', timeLimit: 10 }),
  ];
}

/** The stanzas of the first port once the bridge is gone. */
function portStanzas({ desired, files }: Loading, port: string): readonly NewStanza[] {
  const bridge = stanzasOf(files, desired.name);
  const old = oldStanzas(desired, files, port);
  return old.some(({ method }) => method !== 'manual') || bridge.length === 0 ? old : withoutBridge(bridge);
}

/** The stanzas that a bridge was brought up with. They are lost where the files were written and not loaded by a run that died. */
function loadedStanzas({ desired, files, isCurrent }: Loading): readonly NewStanza[] {
  const stanzas = stanzasOf(files, desired.name);
  return isCurrent && stanzas.length > 0 ? stanzas : unknownStanzas;
}

/** Ends a DHCP client of either family, and takes all addresses. */
const unknownStanzas: readonly NewStanza[] = [{ family: 'inet', method: 'dhcp', lines: [] }];

/** Without their lines about bridges, stanzas address a link alone: `ifdown` neither removes the bridge nor unplugs guests. */
function withoutBridge(stanzas: readonly NewStanza[]): readonly NewStanza[] {
  return stanzas.map(({ family, method, lines }) => ({
    family,
    method,
    lines: lines.filter((line) => !isBridgeLine(line)),
  }));
}

/** What ifupdown and dhclient leave behind in memory. */
function runtimeFiles(link: string): readonly string[] {
  return [`/run/network/ifstate.${link}`, `/run/dhclient.${link}.pid`, `/run/dhclient6.${link}.pid`];
}

function removeArgv(paths: readonly string[]): readonly string[] {
  return ['rm', '-f', '--', ...paths];
}

/** Of a bridge that was not there before nothing is left; what lies in memory is gone with a reboot. */
function undoOfUp({ desired: { name }, live, up, newLeases }: Loading, stanzas: readonly NewStanza[]): Undo {
  const down = downArgv(name, stanzas);
  if (up.has(name) || live.isBridge) return { withNewFiles: [down] };
  const atBoot = newLeases.length === 0 ? [] : [removeArgv(newLeases)];
  return { withNewFiles: [down, removeArgv([...newLeases, ...runtimeFiles(name)])], atBoot };
}

function again(link: string): Undo {
  return { withOldFiles: [['ifup', '--ignore-errors', link], handOverArgv(link)], before: ['networking.service'] };
}

const downScript = 'text=$1 link=$2; shift 2; printf %s "$text" | ifdown --force "$@" -i /dev/stdin "$link"';

function downArgv(link: string, stanzas: readonly NewStanza[], options: readonly string[] = []): readonly string[] {
  const text = stanzasText(withRemovals(stanzas).map((stanza) => ({ ...stanza, name: link })));
  return ['sh', '-c', downScript, 'sh', text, link, ...options];
}

/** What it leaves is seen afterwards: it fails over anything that was not there any more. */
function downStep(
  link: string,
  stanzas: readonly NewStanza[],
  undo: Undo,
  options: readonly string[] = [],
): CommandStep {
  const argv = downArgv(link, stanzas, options);
  const title = `ifdown ${[...options, link].join(' ')} (by the stanzas that brought it up)`;
  return command(argv, { title, disrupts: 'link', judgedBy: 'state', timeLimit: downLimit, undo });
}

function upSteps(link: string, undo: Undo, options: readonly string[] = []): readonly CommandStep[] {
  const up = command(['ifup', ...options, link], { disrupts: 'link', timeLimit: upLimit, undo });
  return [up, handOverStep(link)];
}

/** A file that ifupdown cannot read ends the load while the link is still up: `ifdown` and `ifup` read all files first. */
function checkStep(link: string): CommandStep {
  return command(['ifup', '--no-act', '--force', link], { timeLimit: 30 });
}

function linkStep(argv: readonly string[]): CommandStep {
  return command(argv, { disrupts: 'link', judgedBy: 'state', timeLimit: 30 });
}
