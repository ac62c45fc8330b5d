import type { Lab } from '../../lib/lab/index.ts';

/**
 * What a host's network is, seen past kvm-play and by other means than its own: one thing a line. Left out is what changes by itself:
 * numbers of processes and links, lifetimes, timers, the search for duplicates of a new address, states of a bridge's ports.
 */
const look = `export LC_ALL=C
for family in 4 6; do
  ip -o -$family address | sed -E 's/^[0-9]+: /address /; s/ valid_lft.*//; s/ tentative//; s/\\\\\\\\ *$//; s/ +/ /g; s/ $//; s/^(address lo inet6 .*) noprefixroute/\\1/'
  ip -$family route show table all | grep -v 'table local proto kernel' | sed -E "s/^/route $family /; s/ expires [0-9a-z]+//; s/ +/ /g; s/ $//"
  ip -$family rule | sed "s/^/rule $family /"
  ip -$family neighbour show nud permanent | sed "s/^/neighbour $family /"
done
ip -d -o link | sed -E 's/^[0-9]+: /link /; s/@if[0-9]+//; s/link-netnsid [0-9]+//; s/ state (UP|DOWN|UNKNOWN)//
  s/ [a-z_]+_timer +[0-9.]+//g; s/ state (forwarding|listening|learning|disabled|blocking)//g; s/ (port_id|port_no|designated_[a-z]+|root_[a-z_]+|topology_change[a-z_]*) +[^ ]+//g; s/,?(NO-CARRIER|LOWER_UP),?//g; s/ +/ /g'
grep -s . /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv[46]/conf/*/forwarding /proc/sys/net/ipv6/conf/*/accept_ra /proc/sys/net/ipv6/conf/*/autoconf \\
  /proc/sys/net/ipv6/conf/*/disable_ipv6 /proc/sys/net/ipv4/conf/*/rp_filter | sed 's/^/sysctl /'
systemctl list-units --all --plain --no-legend --type=service,socket,timer | awk '$3 != "inactive" { print "unit", $1, $3, $4 }'
systemctl list-unit-files --no-legend | awk '$2 != "transient" { print "unit file", $1, $2 }'
ps -eo comm= | grep -xE 'dhclient|NetworkManager|dhcpcd|dnsmasq' | sed 's/^/process /'
for process in $(pgrep -x dhclient); do echo "client of $(tr '\\0' '\\n' < /proc/$process/cmdline | tail -n 1)"; done
nmcli -t -f DEVICE,STATE,CON-UUID device 2>/dev/null | sed -E 's/^/managed /; s/(\\(externally\\)):.*/\\1/'
find /etc -xdev -type f ! -name '*.lease*' ! -name filler -exec sha256sum {} + | sed 's/^/file /'
find /etc -xdev ! -name filler ! -type d -printf 'mode %m %U %p %l\\n'
true`;

/** Units that come and go by themselves, whatever a run does. */
const ephemeral =
  /^unit (user@|user-runtime-dir@|session-|systemd-(hostnamed|timedated|localed|logind|tmpfiles)|run-|kvm-play-|NetworkManager-(dispatcher|wait)|apt-|man-db|e2scrub|dpkg-|ssh@|initrd|dbus-org)/;

/** Looks at all of a host's network, its units, its DHCP clients, NetworkManager's connections and the files of `/etc`. @returns sorted lines */
export async function picture(lab: Lab): Promise<readonly string[]> {
  const { stdout } = await lab.run(['sh'], { input: look, reject: false });
  return (
    stdout
      .split('\n')
      // What a change itself leaves is held against nothing being left, once its fault is gone: an `/etc` may still be read-only here.
      .filter((line) => line !== '' && !ephemeral.test(line) && !line.includes('kvm-play-roll-back-'))
      .toSorted()
  );
}

/** Lists what is in one picture and not in the other, as `- LINE` and `+ LINE`; a line that is there twice counts twice. */
export function pictureDiff(before: readonly string[], now: readonly string[]): readonly string[] {
  const rest = [...now];
  const gone = before.filter((line) => {
    const index = rest.indexOf(line);
    if (index >= 0) rest.splice(index, 1);
    return index < 0;
  });
  return [...gone.map((line) => `- ${line}`), ...rest.map((line) => `+ ${line}`)];
}
