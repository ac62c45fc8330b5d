import { expect } from '@jest/globals';
import { networkChange } from '../../lib/network_change/network_change.ts';
import { waitUntil } from '../../lib/process/wait_until.ts';
import type { PlayItem } from '../../lib/site/play_items.ts';
import { type BridgeArgs, bridge } from '../../modules/bridge.ts';
import { network } from '../../modules/network.ts';
import { hostState } from '../lab/host_state.ts';
import type { Machine } from '../lab/machine.ts';

/** Makes a bridge, or changes it, or takes it away. */
export function change(args: Partial<BridgeArgs>, prove: readonly { ping: string }[] = []): readonly PlayItem[] {
  const br0 = bridge({ name: 'br0', port: 'ens33', ...args, disrupts: ['guest'] });
  return [networkChange({ confirmWithin: 60, prove }, [br0, network({ reflects: [br0], disrupts: ['link'] })])];
}

/** Two of an administrator's files: lists add up, so that the name servers must leave theirs. */
export const moreFile = `# ours
network:
  ethernets:
    ens33:
      nameservers: {addresses: [192.168.221.7]} # the office
      optional: true`;

const looks = ['files', 'modes', 'links', 'addresses', 'routes', 'unitFiles'] as const;

/** Prints netplan's files, and those that it has made of them. */
const filesScript = `for file in /etc/netplan/* /run/systemd/network/10-netplan-* /run/NetworkManager/system-connections/netplan-*; do
  [ ! -e "$file" ] || { stat -c '%n %a' "$file"; cat "$file"; }
done
ls /var/lib/NetworkManager 2>/dev/null | grep br0
ls -d /etc/systemd/network/* /run/kvm-play-netplan* 2>/dev/null; true`;

/** What a host of netplan's was before it had a bridge. */
export class NetplanHost {
  readonly #machine: Machine;
  #files = '';
  #state: Awaited<ReturnType<typeof hostState>> | undefined;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Gives the host a second file, and keeps what it is like. */
  async begin(kind: 'netplan' | 'netplan-nm'): Promise<void> {
    const { inside, lab } = this.#machine;
    await lab.putFile('/etc/netplan/60-more.yaml', moreFile, 0o600);
    await this.#load(kind);
    await inside('cp -a /etc/netplan /root/netplan');
    this.#state = await hostState(lab);
    this.#files = await inside(filesScript);
  }

  /** Brings netplan's files back to what they were. */
  async reset(kind: 'netplan' | 'netplan-nm'): Promise<void> {
    await this.#machine.inside('rm -r /etc/netplan && cp -a /root/netplan /etc/netplan');
    await this.#load(kind);
  }

  async #load(kind: 'netplan' | 'netplan-nm'): Promise<void> {
    const { inside } = this.#machine;
    await inside(
      kind === 'netplan'
        ? 'netplan generate && networkctl reload && networkctl reconfigure ens33'
        : 'netplan generate && nmcli connection reload && nmcli connection up netplan-ens33',
    );
    await waitUntil(
      () => inside('ip -4 address show ens33; ip -6 address show ens33'),
      (text) => / 192\.168\.221\.150\/24 .*dynamic/.test(text) && text.includes('fe80:') && !text.includes('tentative'),
      { within: 30, interval: 0.5 },
    );
  }

  /** Holds the host against what it was. */
  async expectAsBefore(): Promise<void> {
    const { inside, lab } = this.#machine;
    await waitUntil(
      () => inside(filesScript),
      (files) => files === this.#files,
      { within: 20, interval: 0.5 },
    );
    expect(await inside(filesScript)).toBe(this.#files);
    const now = await hostState(lab);
    for (const what of looks) expect({ what, seen: now[what] }).toEqual({ what, seen: this.#state?.[what] });
  }

  /** Plugs a guest's tap into the bridge. */
  async plugIn(): Promise<void> {
    await this.#machine.inside(
      'ip link show vnet0 >/dev/null 2>&1 || ip tuntap add vnet0 mode tap; ip link set vnet0 master br0 up',
    );
  }

  /** Lists what is plugged into the bridge. */
  ports(): Promise<string> {
    return this.#machine.inside('ls /sys/class/net/br0/brif');
  }

  /** Waits until a link has an IPv6 address that holds on that link. */
  async expectLinkLocal(link: string): Promise<void> {
    const look = (): Promise<string> => this.#machine.inside(`ip -6 -o address show dev ${link} scope link`);
    expect(await waitUntil(look, (text) => text !== '', { within: 10, interval: 0.5 })).toContain(' fe80:');
  }
}
