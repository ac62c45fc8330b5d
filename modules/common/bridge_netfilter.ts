import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';

const switches = '/proc/sys/net/bridge';

/**
 * Warns where the host's own firewall gets the packets that guests on its bridges send each other and the LAN (`br_netfilter`), and
 * drops what it forwards. It only looks: a table that is not loaded is not asked for, because asking would load it.
 * @param bridges bridges that carry guests; with none nothing is asked
 * @returns one sentence for each policy that swallows the guests' packets
 */
export async function bridgeFilterWarnings(host: ReadonlyHost, bridges: readonly string[]): Promise<readonly string[]> {
  if (bridges.length === 0) return [];
  const [forAll, tables, hasNftables, hasNft, perBridge] = await Promise.all([
    host.readFile(`${switches}/bridge-nf-call-iptables`),
    host.readFile('/proc/net/ip_tables_names'),
    host.exists('/sys/module/nf_tables'),
    host.which('nft'),
    Promise.all(bridges.map((bridge) => host.readFile(`/sys/class/net/${bridge}/bridge/nf_call_iptables`))),
  ]);
  // Without br_netfilter there is no such switch, and each bridge's own one does nothing.
  if (forAll === undefined) return [];
  const isOn = (text: string | undefined): boolean => text?.trim() === '1';
  const filtered = bridges.filter((_, index) => isOn(forAll.text) || isOn(perBridge[index]?.text));
  if (filtered.length === 0) return [];
  const hasFilter = (tables?.text ?? '').split('\n').includes('filter');
  const [legacy, chains] = await Promise.all([
    hasFilter ? readLegacy(host) : '',
    hasNftables && hasNft !== undefined ? host.query(['nft', 'list', 'chains']).then(({ stdout }) => stdout) : '',
  ]);
  const policies = [...legacyPolicies(legacy, filtered), ...nftPolicies(chains)];
  const names = filtered.join(', ');
  const remedy = isOn(forAll.text)
    ? 'set net.bridge.bridge-nf-call-iptables to 0'
    : `set nf_call_iptables of ${names} to 0`;
  return policies.map(
    (policy) =>
      `${policy}, and br_netfilter hands it what guests on ${names} send and get: the host's firewall swallows it; ${remedy}, or accept bridged packets there`,
  );
}

/** Where both sorts of iptables are installed, the plain name may be the other one. */
async function readLegacy(host: ReadonlyHost): Promise<string> {
  const [legacy, plain] = await Promise.all([
    host.query(['iptables-legacy-save', '-t', 'filter']),
    host.query(['iptables-save', '-t', 'filter']),
  ]);
  return legacy.exitCode === 0 ? legacy.stdout : plain.stdout;
}

/** A rule that takes bridged packets, or those of these bridges, comes before the policy. */
function legacyPolicies(save: string, bridges: readonly string[]): readonly string[] {
  const lines = save.split('\n');
  if (!lines.some((line) => line.startsWith(':FORWARD DROP'))) return [];
  const accepts = lines.filter((line) => line.startsWith('-A ') && line.endsWith(' -j ACCEPT'));
  const isAccepted = accepts.some(
    (line) =>
      / -m physdev +--physdev-is-bridged -j ACCEPT$/.test(line) ||
      line === '-A FORWARD -j ACCEPT' ||
      bridges.every((bridge) => line.includes(` -i ${bridge} `) && line.includes(` -o ${bridge} -j ACCEPT`)),
  );
  return isAccepted ? [] : ["the policy of iptables' chain FORWARD is DROP"];
}

/** Reads `table ip filter { chain FORWARD { type filter hook forward priority filter; policy drop; } }`. */
function nftPolicies(chains: string): readonly string[] {
  const found: string[] = [];
  let table = '';
  let chain = '';
  for (const line of chains.split('\n')) {
    table = /^table (\S+ \S+) \{/.exec(line)?.[1] ?? table;
    chain = /^\s+chain (\S+) \{/.exec(line)?.[1] ?? chain;
    const isForward = /hook forward .*policy drop;/.test(line);
    if (isForward && /^(?:ip|inet) /.test(table))
      found.push(`the policy of nftables' chain ${chain} (table ${table}) is drop`);
  }
  return found;
}
