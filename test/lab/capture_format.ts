/** One look at a host, and the command before it. */
export interface Look {
  /** The command and its exit code; undefined when the look came first. */
  readonly command: string | undefined;
  readonly exitCode: number;
  /** What is true of the host, one line a fact, in canonical form. */
  readonly facts: readonly string[];
}

/** One case of the captures. */
export interface Capture {
  readonly id: string;
  readonly title: string;
  readonly looks: readonly Look[];
}

/** Reads the captures. @param markdown the whole file */
export function parseCaptures(markdown: string): readonly Capture[] {
  return markdown
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const [, id, title, block] = /^(\w+) ([^\n]*)\n```\n(.*?)```/s.exec(section) ?? [];
      if (id === undefined || title === undefined || block === undefined) throw new Error(`not a case: ${section}`);
      return { id, title, looks: parseLooks(block.split('\n')) };
    });
}

function parseLooks(lines: readonly string[]): readonly Look[] {
  const looks: { command: string | undefined; exitCode: number; facts: string[] }[] = [];
  for (const line of lines) {
    const [, command, exitCode] = /^\$ (.*) {2}-> exit (\d+), /.exec(line) ?? [];
    if (command !== undefined) looks.push({ command, exitCode: Number(exitCode), facts: [] });
    else if (isFact(line)) {
      if (looks.length === 0) looks.push({ command: undefined, exitCode: 0, facts: [] });
      looks.at(-1)?.facts.push(line);
    }
  }
  return looks.map((look) => ({ ...look, facts: canonical(look.facts) }));
}

/** Tells facts from what systemctl and the shell had printed in between. */
function isFact(line: string): boolean {
  return /^(network\.service:|\S+: <|\S+ inet6? |route: |\S+: stp_state |ip_forward |dhclient: )/.test(line);
}

/**
 * Makes facts of two hosts comparable: addresses that the DHCP server or the kernel chose, and the number that an
 * interface happens to have, are theirs alone; those of the host's first interface are not.
 * @param facts lines as in the captures
 */
export function canonical(facts: readonly string[]): readonly string[] {
  return facts
    .map((line) =>
      line
        .trim()
        .replace(/metric 1\d{3}$/, 'metric 1000 + index')
        .replace(/mac (?!52:54:00:aa:00:01)\S+/, 'mac of its own')
        .replace(/fe80::(?!5054:ff:feaa:1\/)\S+/, 'of its own')
        .replace(/192\.168\.221\.1[0-4]\d\b/g, 'the next free address'),
    )
    .toSorted();
}

/** Prints the facts of a host as the captures have them; to be run by its shell. */
export const look = `
echo "network.service: $(systemctl is-active network)   NetworkManager: $(systemctl is-active NetworkManager)"
ip -o link | sed -nE 's/^[0-9]+: ([^:@]+)(@[^:]+)?: (<[^>]*>).*/\\1 \\3 &/p' | while read -r name flags rest; do
  [ "$name" = lo ] && continue
  master=$(echo "$rest" | sed -nE 's/.*( master [^ ]+).*/\\1/p')
  mac=$(cat "/sys/class/net/$name/address")
  echo "$name: $flags$master mac $mac"
done
ip -o address | awk '$2 != "lo" { print $2, $3, $4 }'
ip -4 route | sed 's/^/route: /'
for bridge in /sys/class/net/*/bridge; do
  [ -d "$bridge" ] || continue
  name=$(basename "$(dirname "$bridge")")
  priority=$(printf %d "0x$(cut -d . -f 1 "$bridge/bridge_id")")
  echo "$name: stp_state $(cat "$bridge/stp_state") forward_delay $(cat "$bridge/forward_delay") priority $priority"
done
echo "ip_forward $(cat /proc/sys/net/ipv4/ip_forward)"
ps -C dhclient -o args= | sed 's,^/sbin/,,; s/^/dhclient: /'
`;
