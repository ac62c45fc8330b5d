/** Properties of a host that do not depend on its tasks. */
export interface Facts {
  /** The family of the distribution. */
  readonly family: 'debian' | 'redhat' | 'suse' | 'other';
  /** The distribution's ID in os-release(5): `debian`, `centos`, `fedora`. */
  readonly distribution: string;
  /** The first number of its version; undefined if it has none. */
  readonly version: number | undefined;
  readonly init: 'systemd' | 'other';
  /** What configures the network now; `none` if no service that systemd knows of does. */
  readonly networkBackend: 'network-scripts' | 'NetworkManager' | 'systemd-networkd' | 'ifupdown' | 'none';
  /** Names of the network interfaces, without `lo`. */
  readonly interfaces: readonly string[];
  /** True where br_netfilter is loaded: the host's firewall may get what goes through its bridges. */
  readonly filtersBridges: boolean;
  /** The host's own virtualisation as systemd-detect-virt(1) names it: `kvm`, `docker`; `none` on bare metal, `unknown` without the tool. */
  readonly virtualisation: string;
}
