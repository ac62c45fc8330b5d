import { isSameRule, type LiveIpRule, parseIpRule } from '../../../../lib/formats/ip_rule.ts';
import { getValue } from '../../../../lib/formats/key_value.ts';
import { type CommandStep, command, type Undo } from '../../../../lib/task/step.ts';
import type { NetworkFiles } from '../files.ts';
import { isOn } from '../ifcfg/keys.ts';
import { renameDevice } from '../network_scripts.ts';
import { firstPort, type WantedBridge } from '../state.ts';
import { dhclientPattern } from '../unit.ts';
import type { Live } from './live.ts';

/**
 * Says what has to be taken away right before the network is restarted, because the scripts' `stop` goes by the files as they are
 * now: a bridge whose file is gone stays, with its address and its DHCP client; the rules of a file that has moved stay; and the
 * options of a bridge that guests hold are set in an order that the kernel refuses.
 * All of it is read from the live system: it is the same before the files are written and after.
 */
export function clearingSteps(desired: WantedBridge, live: Live, files: NetworkFiles): readonly CommandStep[] {
  const bridge =
    desired.bridge === 'absent' ? takeBridgeDown(desired, live) : prepareBridge(desired, desired.bridge, live, files);
  return [
    ...bridge,
    ...rulesOf(desired, live, files).map(({ rule, family }) => step(['ip', family, 'rule', 'del', ...rule.words])),
  ];
}

/** Names live rules of the two devices' files that still match the one which has lost its place to the other. */
export function staleRules(desired: WantedBridge, live: Live, files: NetworkFiles): readonly LiveIpRule[] {
  const former = desired.bridge === 'absent' ? desired.name : firstPort(desired);
  return rulesOf(desired, live, files)
    .map(({ rule }) => rule)
    .filter(({ words }) => words.some((word, index) => word === former && /^[io]if$/.test(words[index - 1] ?? '')));
}

interface FileRule {
  readonly family: '-4' | '-6';
  readonly rule: LiveIpRule;
}

/**
 * Finds the live rules that the two devices' files have made. The scripts take a file's rules away where they find the file, and
 * it may have moved to the other device since: every line counts in three forms, as it stands, and of either device.
 */
function rulesOf({ name, ports }: WantedBridge, live: Live, files: NetworkFiles): readonly FileRule[] {
  const families = [
    { family: '-4', kind: 'rule', rules: live.rules.ipv4 },
    { family: '-6', kind: 'rule6', rules: live.rules.ipv6 },
  ] as const;
  return families.flatMap(({ family, kind, rules }) => {
    const first = firstPort({ ports });
    const texts = [name, first].map((device) => files.companions[`${kind}-${device}`]?.text ?? '');
    const forms = texts.flatMap((text) => [text, renameDevice(text, name, first), renameDevice(text, first, name)]);
    const lines = forms
      .join('\n')
      .split('\n')
      .filter((line) => !/^\s*(?:#|$)/.test(line));
    const made = lines.flatMap((line) => parseIpRule(line, live.tables) ?? []);
    return rules.filter((rule) => made.some((line) => isSameRule(line, rule))).map((rule) => ({ family, rule }));
  });
}

function takeBridgeDown(wanted: WantedBridge, live: Live): readonly CommandStep[] {
  const { name } = wanted;
  const ports = wanted.ports.map((port) => port.name);
  const client = live.dhcpClients.includes(name) ? [step(['pkill', '-f', dhclientPattern(name)])] : [];
  if (!live.isBridge) return client;
  const unplug = ports
    .filter((port) => live.plugged.includes(port))
    .map((port) => step(['ip', 'link', 'set', 'dev', port, 'nomaster']));
  const others = live.plugged.filter((link) => !ports.includes(link));
  if (others.length > 0)
    return [...client, ...unplug, step(['ip', 'address', 'flush', 'dev', name, 'scope', 'global'])];
  // The way back plugs the port in again and gives the bridge what it had, once it is there.
  const again: Undo = { withOldFiles: [['ip', 'link', 'add', name, 'type', 'bridge']] };
  return [...client, ...unplug, step(['ip', 'link', 'delete', 'dev', name], again)];
}

function prepareBridge(
  { name, parameters }: WantedBridge,
  wanted: Readonly<Record<string, string>>,
  live: Live,
  files: NetworkFiles,
): readonly CommandStep[] {
  if (!live.isBridge) return [];
  return [...stopSpanningTree(name, wanted, live, files), ...switchIpv6(name, parameters, live)];
}

/**
 * The scripts set the forward delay first and spanning tree then; while spanning tree is on, the kernel refuses a delay of less
 * than 2 s (`br_set_forward_delay`), and EL8's `ifup` fails with it. It matters to a bridge that guests hold: any other is made anew.
 */
function stopSpanningTree(
  name: string,
  wanted: Readonly<Record<string, string>>,
  live: Live,
  { bridge }: NetworkFiles,
): readonly CommandStep[] {
  const stp = wanted.STP ?? (bridge && getValue(bridge.content, 'STP'));
  if (live.sys[`${name}/bridge/stp_state`] !== '1' || isOn(stp)) return [];
  // brctl is not everywhere, and EL7's ip cannot set it.
  const off = (value: string): readonly string[] => [
    'sh',
    '-c',
    'echo "$2" > "/sys/class/net/$1/bridge/stp_state"',
    'sh',
    name,
    value,
  ];
  return [step(off('0'))];
}

/** Nothing takes `disable_ipv6` back from a bridge that stays, and none is made without it before its first advertisement. */
function switchIpv6(name: string, parameters: readonly string[], { ipv6 }: Live): readonly CommandStep[] {
  const is = ipv6[`${name}/disable_ipv6`];
  const isWantedOff = parameters.some((line) => line.includes('.disable_ipv6 '));
  const isOffForAll = ipv6['all/disable_ipv6'] === '1' || ipv6['default/disable_ipv6'] === '1';
  if (is === undefined || (is === '1') === isWantedOff || (is === '1' && isOffForAll)) return [];
  const set = (value: string): readonly string[] => [
    'sysctl',
    '-q',
    '-w',
    `net.ipv6.conf.${name}.disable_ipv6=${value}`,
  ];
  return [step(set(isWantedOff ? '1' : '0'), { withOldFiles: [set(is)] })];
}

function step(argv: readonly string[], undo?: Undo): CommandStep {
  return command(argv, { disrupts: 'link', judgedBy: 'state', timeLimit: 30, ...(undo && { undo }) });
}
