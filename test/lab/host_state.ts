import type { Lab } from '../../lib/lab/index.ts';

/** Commands that show what a run could change on a host; times, process numbers, lifetimes and the search for duplicates of a new address are left out. */
const looks: Readonly<Record<string, string>> = {
  files: "find /etc /var/lib/libvirt -xdev -type f -not -name '*.lease*' -exec sha256sum {} + | sort -k 2",
  modes: "find /etc /var/lib/libvirt -xdev -printf '%M %U:%G %p %l\\n' | sort -k 3",
  links: "ip -o link | sed 's/^[0-9]*: //; s/qlen [0-9]*//; s/@if[0-9]*//; s/link-netnsid [0-9]*//' | sort",
  addresses: "ip -o address | sed 's/^[0-9]*: //; s/ valid_lft.*//; s/ tentative//' | sort",
  routes: 'ip route | sort',
  units: "systemctl list-units --all --plain --no-legend --type=service,socket | awk '{print $1, $3, $4}' | sort",
  unitFiles: "systemctl list-unit-files --no-legend | awk '{print $1, $2}' | sort",
  // The look itself, sessions with their own systemd (`--user`), and what systemd starts on demand come and go.
  processes:
    "ps -eo comm:40=,args= | grep -v -- ' --user$' | cut -c1-40 | sed 's/ *$//' | grep -vxE 'sh|ps|grep|cut|sed|sort|sshd|systemd-.*|nm-dispatcher|\\(sd-pam\\)|\\(udev-worker\\)' | sort",
  libvirt: 'find /run/libvirt -name "*.xml" | sort',
  parameters: 'cat /proc/sys/net/ipv4/ip_forward',
};

/** What units come and go by themselves, whatever a run does; the DHCP client of an `ifup-` scope is among the processes. */
const ephemeral =
  /^(user@|user-runtime-dir@|session-|systemd-(hostnamed|timedated|localed|logind|tmpfiles)|run-|kvm-play-|NetworkManager-dispatcher|ifup-|apt-|man-db|e2scrub|dpkg-)/;

/** Looks at everything that a run could change, past SSH; one thing after the other, or a look would see the other looks. */
export async function hostState(lab: Lab): Promise<Readonly<Record<string, readonly string[]>>> {
  const seen: Record<string, readonly string[]> = {};
  for (const [what, script] of Object.entries(looks)) {
    const { stdout } = await lab.run(['sh', '-c', script], { reject: false });
    seen[what] = stdout.split('\n').filter((line) => !ephemeral.test(line));
  }
  return seen;
}
