import { shellProgram } from '../../../lib/process/package_files.ts';
import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';
import { type CommandStep, command } from '../../../lib/task/step.ts';
import type { BridgeState } from '../bridge_state.ts';
import { type LiveBridge, mtuOf } from '../live.ts';
import type { LoadedBridge } from '../stack.ts';
import { restoreKernelIpv6 } from './kernel_ipv6.ts';
import { type PortProfile, type Profile, uuidOf } from './keyfiles.ts';
import { removeLeases } from './leases.ts';
import { notedMtu } from './mtu_note.ts';
import type { Manager } from './nmcli.ts';
import { type Found, readFound } from './read.ts';
import { leavesIpv6ToKernel } from './settings.ts';

const unit = 'NetworkManager';

/**
 * `nmcli connection load` makes a new bridge and plugs its ports in. Of a bridge that is there, what has changed is applied without
 * taking it down where NetworkManager can do that.
 */
export async function loadNetworkManager(
  host: ReadonlyHost,
  bridges: readonly LoadedBridge[],
): Promise<readonly CommandStep[]> {
  const all = await Promise.all(
    bridges.map(async ({ desired, live }) => ({ desired, live, found: await readFound(host, desired) })),
  );
  return all.flatMap(({ desired, live, found }) => {
    if (typeof found === 'string') return [];
    return desired.bridge === 'absent' ? unload(desired, live, found) : load(desired, live, found);
  });
}

function load({ name }: BridgeState, live: LiveBridge, { manager, profiles }: Found): readonly CommandStep[] {
  const { bridge, ports } = profiles;
  const words = [bridge, ...ports].flatMap(({ link, uuid, path }) => [link, uuid, path]);
  const files = [bridge, ...ports].map(({ path }) => path);
  const back = ports.flatMap((port) => [port.link, uuidBefore(port, manager), mtuWord(mtuOf(live, port.link))]);
  const undo = live.isBridge
    ? { withOldFiles: [program('bring_back', [name, bridge.uuid, ...ports.flatMap(({ link, uuid }) => [link, uuid])])] }
    : {
        // The bridge goes, and NetworkManager must not make it again.
        withNewFiles: [['nmcli', 'device', 'set', name, 'managed', 'no']],
        withOldFiles: [program('unload', [name, ...back]), removeLeases(name)],
        atBoot: [removeLeases(name)],
      };
  return [
    command(program('check_keyfiles', files), {
      title: 'nmcli --offline connection modify (checks the keyfiles)',
      timeLimit: 60,
    }),
    command(program('load', words), {
      title: `nmcli connection load ${files.join(' ')} (and waits for the ports)`,
      disrupts: 'link',
      timeLimit: 90,
      units: [unit],
      undo: { ...undo, before: [`${unit}.service`] },
    }),
    ...(live.isBridge && bridge.file !== undefined && leavesIpv6ToKernel(bridge.file.content)
      ? [
          command(restoreKernelIpv6(name), {
            title: `make IPv6 addresses of ${name} again`,
            disrupts: 'link',
            judgedBy: 'state',
            timeLimit: 90,
            units: [unit],
          }),
        ]
      : []),
  ];
}

function unload({ name }: BridgeState, live: LiveBridge, { profiles }: Found): readonly CommandStep[] {
  const { bridge, ports } = profiles;
  const words = ports.flatMap((port, index) => {
    const uuids = index === 0 ? uuidsAfter(port) : [port.uuid];
    return [port.link, uuids.join(), mtuWord(port.file && notedMtu(name, port.file.text.text))];
  });
  return [
    command(program('unload', [name, ...words]), {
      title: `nmcli connection reload (removes ${name}, and runs ${ports.map(({ link }) => link).join(', ')} alone)`,
      disrupts: 'link',
      judgedBy: 'state',
      timeLimit: 90,
      units: [unit],
      undo: {
        ...(live.isBridge && {
          withOldFiles: [
            program('bring_back', [name, bridge.uuid, ...ports.flatMap(({ link, uuid }) => [link, uuid])]),
          ],
        }),
        before: [`${unit}.service`],
      },
    }),
  ];
}

/**
 * The connections that may run the first port without its bridge, the best one first: its own may have been removed. NetworkManager
 * itself finds one for the others, which do not lead to the host.
 */
function uuidsAfter({ uuid, shared: [shared] }: PortProfile): readonly string[] {
  const after = shared && uuidOf(shared);
  return after === undefined ? [uuid] : [uuid, after];
}

/** The connection that ran a port before the change, which a rollback activates again. */
function uuidBefore({ link, uuid }: Profile, { devices }: Manager): string {
  return devices.find((device) => device.link === link)?.uuid ?? uuid;
}

/** The word of unload.sh for an MTU: where it is not known, NetworkManager sees to it. */
function mtuWord(mtu: number | undefined): string {
  return mtu === undefined ? '-' : String(mtu);
}

function program(name: string, words: readonly string[]): readonly string[] {
  return ['sh', '-c', shellProgram(`modules/network/networkmanager/${name}.sh`), 'sh', ...words];
}
