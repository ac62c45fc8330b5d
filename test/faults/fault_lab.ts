import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { buildLab, type Lab } from '../../lib/lab/index.ts';

/** Keeps what the host starts with. */
const keep = `mkdir -p /root/pristine && cp -a /etc/sysconfig/network-scripts /etc/sysctl.conf /root/pristine/`;

/** Brings the host back to what it starts with, whatever has become of it. */
const reset = `cd /
umount -l /etc/sysconfig/network-scripts /var/lib/kvm-play /etc 2>/dev/null
rm -rf /usr/local/sbin/* /etc/NetworkManager/conf.d/fault.conf /etc/systemd/system/network.service.d /run/systemd/system/kvm-play-*
systemctl kill --signal=KILL network 2>/dev/null
SYSTEMCTL_SKIP_REDIRECT=1 timeout 20 /etc/init.d/network stop
systemctl stop network NetworkManager
pkill -KILL dhclient
for link in br0 tap9; do ip link delete $link 2>/dev/null; done
cp -a /root/pristine/sysctl.conf /etc/sysctl.conf
rm -rf /etc/sysconfig/network-scripts/* /var/lib/kvm-play /run/kvm-play /var/lib/dhclient/*
cp -a /root/pristine/network-scripts/. /etc/sysconfig/network-scripts/
systemctl disable network
systemctl enable NetworkManager
systemctl daemon-reload
systemctl reset-failed
echo 0 > /proc/sys/net/ipv4/ip_forward
ip link set ens33 nomaster up
ip -4 address flush dev ens33
systemctl start NetworkManager
true`;

const files = `cd /etc && find sysconfig/network-scripts sysctl.conf -type f ! -name filler -exec sha256sum {} + | sort -k 2
find sysconfig/network-scripts sysctl.conf ! -name filler -printf '%m %U %p %l\\n' | sort -k 3
for unit in NetworkManager network; do systemctl is-enabled $unit; done`;

/** Whatever a change may leave behind, one a line. */
const leftovers = `ls -d /var/lib/kvm-play/change/current 2>/dev/null
systemctl list-units --all --plain --no-legend 'kvm-play*' | cut -d' ' -f1
systemctl list-timers --all --no-legend | grep -o 'kvm-play[^ ]*'
find /etc/systemd /run/systemd/system /etc/sysconfig -name '*kvm-play*'
find /var/lib/kvm-play/pending -type f 2>/dev/null
pgrep -fa '[k]vm-play/change/current/program'
true`;

/** How the network is once the change is gone, one thing a line. */
const live = `[ -e /sys/class/net/br0 ] && echo 'br0 is there'
pgrep -fa '[d]hclient.*-pf /var/run/dhclient-'
[ "$(systemctl is-active NetworkManager)" = active ] || echo 'NetworkManager does not run'
case $(systemctl is-active network) in active | activating) echo 'network runs' ;; esac
ip -4 route show default | grep -q ' via 192.168.221.1 dev ens33' || echo "no default route: $(ip -4 route show default)"
true`;

/** A throwaway host that faults are injected into, one after the other. */
export class FaultLab {
  lab: Lab;
  #old = '';
  #background: Promise<unknown>[] = [];

  private constructor(lab: Lab) {
    this.lab = lab;
  }

  /** Builds the host. */
  static async build(): Promise<FaultLab> {
    const host = new FaultLab(await buildLab());
    await host.#begin();
    return host;
  }

  async #begin(): Promise<void> {
    await this.inside(keep);
    this.#old = await this.files();
  }

  /** What its files are at the start. */
  get old(): string {
    return this.#old;
  }

  /** Runs a script inside, past the network; no process list shows its text. @returns what it printed */
  async inside(script: string): Promise<string> {
    return (await this.lab.run(['sh'], { input: script })).stdout;
  }

  /** What the files and the units are now, in one text. */
  async files(): Promise<string> {
    return (await this.lab.run(['sh'], { input: files, reject: false })).stdout;
  }

  /** Does something later, or meanwhile; {@link settle} waits for it. */
  later(seconds: number, work: () => Promise<unknown>): void {
    const done = sleep(seconds * 1000).then(work);
    done.catch(() => {});
    this.#background.push(done);
  }

  /** Waits until nothing is under way: neither what was begun by {@link later}, nor a change on the host. */
  async settle(seconds: number): Promise<void> {
    await Promise.all(this.#background.splice(0));
    await this.until(seconds, 'a change is still pending', async () => {
      const found = await this.inside("ls -d /var/lib/kvm-play/change/current; pgrep -f '[p]rogram begin'; true");
      return found === '';
    });
  }

  /** Waits until the host answers over SSH, on a connection of its own. */
  async untilAnswers(seconds: number): Promise<void> {
    const options = ['-o', 'ControlPath=none', '-o', 'ConnectTimeout=2', '-o', 'BatchMode=yes'];
    await this.until(seconds, 'the host does not answer', async () => {
      const argv = ['-F', this.lab.sshConfig, ...options, this.lab.name, 'true'];
      return (await execa('ssh', argv, { reject: false, stdin: 'ignore' })).exitCode === 0;
    });
  }

  /** Lists what a change has left behind; empty when there is nothing, or nothing any more within a minute. */
  async leftovers(): Promise<string> {
    let found = '';
    await this.until(60, '', async () => {
      found = await this.inside(leftovers);
      return found === '';
    }).catch(() => {});
    return found;
  }

  /** Lists what of the network is not as it was at the start. */
  async notAsBefore(): Promise<string> {
    let found = '';
    await this.until(15, '', async () => {
      found = await this.inside(live);
      return found === '';
    }).catch(() => {});
    return found;
  }

  /** Makes the host what it was at the start; builds another one where that does not work. */
  async reset(): Promise<void> {
    try {
      await Promise.allSettled(this.#background.splice(0));
      await this.lab.startDhcp();
      await this.lab.setCable(true);
      await this.lab.run(['sh'], { input: reset, timeout: 60_000, reject: false });
      await this.untilAnswers(20);
      if ((await this.files()) === this.#old && (await this.notAsBefore()) === '') return;
    } catch {
      // Another one, then.
    }
    await this.lab.destroy();
    this.lab = await buildLab();
    await this.#begin();
  }

  async destroy(): Promise<void> {
    await this.lab.destroy();
  }

  /** @throws Error with the words when it takes too long */
  async until(seconds: number, words: string, ask: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + seconds * 1000;
    while (!(await ask())) {
      if (performance.now() > deadline) throw new Error(`${words} after ${seconds} s`);
      await sleep(250);
    }
  }
}
