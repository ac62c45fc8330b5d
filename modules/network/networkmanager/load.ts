import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';
import { type CommandStep, command } from '../../../lib/task/step.ts';
import type { BridgeState } from '../bridge_state.ts';
import type { LiveBridge } from '../live.ts';
import type { LoadedBridge } from '../stack.ts';
import { leases, type Profile } from './keyfiles.ts';
import type { Manager } from './nmcli.ts';
import { type Found, readFound } from './read.ts';

const unit = 'NetworkManager';

/** Arguments: the files. NetworkManager would leave out a file with a mistake in it, without a word; nmcli says it beforehand. */
const checkFiles = `nmcli --offline --version >/dev/null 2>&1 || exit 0
for file; do
  words=$(nmcli --offline connection modify connection.id checked < "$file" 2>&1 >/dev/null) && continue
  echo "NetworkManager cannot use $file: $words" >&2
  exit 1
done`;

/** Puts the links back into a bridge that were in it: NetworkManager throws guests' taps out that it does not manage. */
const plugIn = `plug_in() {
  for link in $plugged; do
    [ ! -e "/sys/class/net/$link" ] || [ -e "/sys/class/net/$name/brif/$link" ] || ip link set dev "$link" master "$name"
  done
}`;

/**
 * Arguments: the bridge, its UUID and its file, then the same three of each port. The bridge is activated by being loaded, and takes
 * its ports; a port that another connection runs by then has to be told.
 */
const loadFiles = `${plugIn}
name=$1 id=$2 file=$3
shift 3
plugged=$(ls "/sys/class/net/$name/brif" 2>/dev/null)
before=$(nmcli -t -f GENERAL.CON-UUID device show "$name" 2>/dev/null)
known() {
  nmcli -t -f UUID,FILENAME connection show | sed 's/\\\\\\(.\\)/\\1/g' | grep -qxF -- "$1:$2" && return
  echo "NetworkManager has not loaded $2; journalctl -u NetworkManager says why" >&2
  return 1
}
each_port() {
  command=$1
  shift
  while [ $# -ge 3 ]; do
    "$command" "$1" "$2" "$3" || return 1
    shift 3
  done
}
is_known() { known "$2" "$3"; }
is_plugged() { [ -e "/sys/class/net/$name/brif/$1" ]; }
activate() { is_plugged "$1" || nmcli --wait 15 connection up uuid "$2" ifname "$1"; }
is_to_start() { [ "$(nmcli -t -f connection.autoconnect connection show uuid "$id")" = connection.autoconnect:yes ]; }
load_all() {
  count=$#
  while [ $count -gt 0 ]; do
    set -- "$@" "$3"
    shift 3
    count=$((count - 3))
  done
  nmcli connection load "$@" "$file"
}
load_all "$@"
known "$id" "$file" && each_port is_known "$@" || exit 1
is_to_start || exit 0
reapply() { ! is_plugged "$1" || nmcli --wait 10 device reapply "$1"; }
case $before in
  *":$id")
    nmcli --wait 10 device reapply "$name" || nmcli --wait 30 connection up uuid "$id"
    each_port reapply "$@"
    ;;
esac
waited=0
until each_port is_plugged "$@" || [ $waited -ge 15 ]; do
  sleep 0.2 2>/dev/null || sleep 1
  waited=$((waited + 1))
done
each_port activate "$@"
plug_in
each_port is_plugged "$@"`;

/**
 * Arguments: the bridge and its UUID, then each port, and the UUID of its own connection. A bridge with guests stays, without an address.
 * NetworkManager leaves an MTU as it is that no profile names any more; the port gets Ethernet's own then.
 */
const unloadFiles = `name=$1 id=$2
shift 2
guests=
for link in $(ls "/sys/class/net/$name/brif" 2>/dev/null); do
  case " $* " in *" $link "*) ;; *) guests=yes ;; esac
done
says_mtu() { nmcli -t -f 802-3-ethernet.mtu connection show uuid "$1" 2>/dev/null | grep -q ':[1-9]'; }
with_mtu=
for word; do
  ! says_mtu "$word" || with_mtu="$with_mtu $word"
done
[ -z "$guests" ] || nmcli device set "$name" managed no
nmcli connection reload
while [ $# -ge 2 ]; do
  if [ -n "$guests" ] && [ -e "/sys/class/net/$name/brif/$1" ]; then ip link set dev "$1" nomaster; fi
  ! nmcli -t -f connection.uuid connection show uuid "$2" >/dev/null 2>&1 || nmcli --wait 30 connection up uuid "$2" ifname "$1"
  case "$with_mtu " in *" $2 "*) says_mtu "$2" || ip link set dev "$1" mtu 1500 ;; esac
  shift 2
done
[ -d "/sys/class/net/$name/bridge" ] || exit 0
if [ -n "$guests" ]; then
  ip address flush dev "$name"
  exit 0
fi
waited=0
while [ -e "/sys/class/net/$name" ] && [ $waited -lt 25 ]; do
  sleep 0.2 2>/dev/null || sleep 1
  waited=$((waited + 1))
done
[ ! -e "/sys/class/net/$name" ] || [ -n "$(ls "/sys/class/net/$name/brif")" ] || ip link delete dev "$name"`;

/** Arguments: the bridge and its UUID. For a rollback to a bridge that was there before. */
const bringBack = `nmcli connection reload
nmcli device set "$1" managed yes
nmcli --wait 30 connection up uuid "$2"`;

/** Arguments: the bridge's leases, as a pattern for the shell. */
const removeLeases = `for file in ${leases}/*"-$1.lease" ${leases}/dhclient-"$1.conf" ${leases}/dhclient6-"$1.conf"; do
  rm -f -- "$file"
done`;

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
  const back = ports.flatMap((port) => [port.link, uuidBefore(port, manager)]);
  const undo = live.isBridge
    ? { withOldFiles: [script(bringBack, [name, bridge.uuid])] }
    : {
        // The bridge goes, and NetworkManager must not make it again.
        withNewFiles: [['nmcli', 'device', 'set', name, 'managed', 'no']],
        withOldFiles: [script(unloadFiles, [name, bridge.uuid, ...back]), script(removeLeases, [name])],
        atBoot: [script(removeLeases, [name])],
      };
  return [
    command(script(checkFiles, files), { timeLimit: 60 }),
    command(script(loadFiles, words), {
      disrupts: 'link',
      timeLimit: 90,
      units: [unit],
      undo: { ...undo, before: [`${unit}.service`] },
    }),
  ];
}

function unload({ name }: BridgeState, live: LiveBridge, { profiles }: Found): readonly CommandStep[] {
  const { bridge, ports } = profiles;
  const words = ports.flatMap(({ link, uuid }) => [link, uuid]);
  return [
    command(script(unloadFiles, [name, bridge.uuid, ...words]), {
      disrupts: 'link',
      judgedBy: 'state',
      timeLimit: 90,
      units: [unit],
      undo: {
        ...(live.isBridge && { withOldFiles: [script(bringBack, [name, bridge.uuid])] }),
        before: [`${unit}.service`],
      },
    }),
  ];
}

/** The connection that ran a port before the change, which a rollback activates again. */
function uuidBefore({ link, uuid }: Profile, { devices }: Manager): string {
  return devices.find((device) => device.link === link)?.uuid ?? uuid;
}

function script(text: string, words: readonly string[]): readonly string[] {
  return ['sh', '-c', text, 'sh', ...words];
}
