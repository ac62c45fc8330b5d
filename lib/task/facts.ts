/** What is so on a host whatever its tasks want. */
export interface Facts {
  /** What the distribution is made of or like. */
  readonly family: 'debian' | 'redhat' | 'suse' | 'other';
  /** The distribution's own name in os-release(5): `debian`, `centos`, `fedora`. */
  readonly distribution: string;
  /** The first number of its version; undefined where it has none. */
  readonly version: number | undefined;
  readonly init: 'systemd' | 'other';
  /** What configures the network now; `none` where nothing does that systemd knows of. */
  readonly networkBackend: 'network-scripts' | 'NetworkManager' | 'systemd-networkd' | 'ifupdown' | 'none';
  /** Names of the network interfaces, `lo` left out. */
  readonly interfaces: readonly string[];
  /** What systemd-detect-virt(1) calls the host's own virtualisation: `kvm`, `docker`; `none` on bare metal, `unknown` without the tool. */
  readonly virtualisation: string;
}
