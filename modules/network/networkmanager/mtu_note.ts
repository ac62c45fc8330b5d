/**
 * The MTU that a link had before a task set one, in a comment of the port's file: `# MTU before br0: 9000`. Where the port's own profile
 * names no MTU, nothing else knows it: it may come from a .link file of systemd, from a DHCP server, or from the driver.
 */

function prefix(bridge: string): string {
  return `# MTU before ${bridge}: `;
}

/** Adds the comment to a port's file, before its first section. */
export function noteMtu(bridge: string, text: string, mtu: number | undefined): string {
  if (mtu === undefined || notedMtu(bridge, text) !== undefined) return text;
  const lines = text.split('\n');
  const first = lines.findIndex((line) => line.startsWith('['));
  return lines.toSpliced(Math.max(first, 0), 0, `${prefix(bridge)}${mtu}`).join('\n');
}

/** Returns the MTU that is noted in a port's file; undefined where there is none. */
export function notedMtu(bridge: string, text: string): number | undefined {
  const line = text.split('\n').find((each) => each.startsWith(prefix(bridge)));
  const mtu = Number(line?.slice(prefix(bridge).length) ?? 0);
  return Number.isInteger(mtu) && mtu > 0 ? mtu : undefined;
}
