import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';

/** Where firewalld keeps the zones that an administrator has changed; each names its interfaces. */
const zones = '/etc/firewalld/zones';

/**
 * Warns where firewalld's own files put a port into a zone and do not name its bridge: packets of the host then come in by the bridge,
 * and belong to the default zone. Network stacks that know zones move their own.
 */
export async function firewalldWarnings(
  host: ReadonlyHost,
  bridge: string,
  ports: readonly string[],
): Promise<readonly string[]> {
  const filesNaming = async (link: string): Promise<readonly string[]> => {
    const argv = ['grep', '-rlsF', '--include=*.xml', `interface name="${link}"`, zones];
    return (await host.query(argv)).stdout.split('\n').filter((path) => path !== '');
  };
  const [named, ...ofPorts] = await Promise.all([bridge, ...ports].map(filesNaming));
  if (named !== undefined && named.length > 0) return [];
  return ports.flatMap((port, index) =>
    (ofPorts[index] ?? []).map((path) => {
      const zone = path.slice(zones.length + 1).replace(/\.xml$/, '');
      return `${path} puts ${port} into firewalld's zone ${zone}, and does not name ${bridge}, by which the host is reached then; run: firewall-cmd --permanent --zone=${zone} --add-interface=${bridge}`;
    }),
  );
}
