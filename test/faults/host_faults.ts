import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fault } from './fault.ts';
import {
  both,
  farawayGone,
  farawayThere,
  inside,
  killed,
  networkStart,
  networkStartsAgain,
  once,
  unwrapped,
  withProbe,
  wrapped,
} from './injections.ts';

/** Nobody answers the bridge's DHCP client, nor NetworkManager's afterwards. */
export const dhcpGone: Fault = {
  what: 'the DHCP server is gone',
  where: 'from before the run',
  prepare: (host) => host.lab.stopDhcp(),
  repair: (host) => host.lab.startDhcp(),
  ends: ['rolled back'],
};

/** The DHCP server of the LAN. */
export const dhcp: readonly Fault[] = [
  // NetworkManager asks for 45 s before it gives up.
  { ...dhcpGone, holds: 75 },
  {
    what: 'the DHCP server answers after 20 s',
    where: 'from the restart on',
    site: { confirmWithin: 60 },
    prepare: (host) => host.lab.stopDhcp(),
    at: {
      'applying network': async (host) => host.later(20, () => host.lab.startDhcp()),
    },
    ends: ['confirmed'],
  },
  {
    what: 'the DHCP server hands out another address',
    where: 'from before the run',
    prepare: (host) => host.lab.startDhcp('192.168.221.160'),
    holds: 20,
    repair: (host) => host.lab.startDhcp(),
    // The server's own decision stays: NetworkManager has asked it once more.
    differs: /192\.168\.221\.160/,
    ends: ['rolled back'],
  },
];

/** An address that nobody can foresee to be wrong: its gateway may lead to the controller. */
export const wrongAddress: Fault = {
  what: 'a wrong static address',
  where: 'in the site; the controller cannot reach it',
  site: { bridge: { bootproto: 'static', address: '10.99.0.5/24', gateway: '10.99.0.1' } },
  ends: ['rolled back'],
};

/** A site that is wrong about the host's network. */
export const wrongSites: readonly Fault[] = [
  wrongAddress,
  {
    what: 'a wrong static address',
    where: 'in the site; without a gateway, which is seen before anything is written',
    site: { bridge: { bootproto: 'static', address: '10.99.0.5/24' } },
    says: /out of reach/,
    ends: ['refused'],
  },
  {
    what: 'a wrong gateway',
    where: 'in the site; the controller is on the same network',
    site: { bridge: { bootproto: 'static', address: '192.168.221.150/24', gateway: '192.168.221.77' } },
    says: /the gateway 192\.168\.221\.77 does not answer on br0[\s\S]*was rolled back/,
    ends: ['rolled back'],
  },
  {
    what: 'a wrong port',
    where: 'in the site; there is no such interface',
    site: { bridge: { port: 'ens99' } },
    says: /ens99/,
    ends: ['refused'],
  },
  {
    what: 'a bridge without its port',
    where: 'the port cannot be plugged in',
    prepare: wrapped('brctl', '/usr/sbin/brctl', '[ "$1" = addif ] && exit 1\nreal "$@"'),
    repair: unwrapped,
    ends: ['rolled back'],
  },
];

/** The script never comes back. */
export const restartHangs: Fault = {
  what: '`network restart` hangs for ever',
  where: 'at once',
  prepare: networkStart('/bin/sleep infinity'),
  repair: networkStartsAgain,
  says: /(still running|has not been heard from)[\s\S]*was rolled back/,
  ends: ['rolled back'],
};

/**
 * Gives the host another `dhclient`: the one of the network scripts does nothing, and says that it has worked. NetworkManager's keeps
 * its name, by which a client is known.
 */
const noLease = `mkdir /root/real && mv /sbin/dhclient /root/real/dhclient
printf '%s\\n' '#!/bin/sh' 'case "$*" in */var/run/dhclient-*) exit 0 ;; esac' 'exec /root/real/dhclient "$@"' > /sbin/dhclient
chmod 755 /sbin/dhclient`;

/** The restart of the network. */
export const restarts: readonly Fault[] = [
  {
    what: '`network restart` fails',
    where: 'at once',
    prepare: networkStart('/bin/false'),
    repair: networkStartsAgain,
    ends: ['rolled back'],
  },
  restartHangs,
  {
    what: '`network restart` hangs for ever',
    where: 'half way: a bridge without its port',
    prepare: networkStart("/bin/sh -c 'ip link add br0 type bridge; ip address flush dev ens33; exec sleep infinity'"),
    repair: networkStartsAgain,
    ends: ['rolled back'],
  },
  {
    what: '`network restart` hangs for ever',
    where: 'when everything is up',
    prepare: networkStart("/bin/sh -c 'SYSTEMCTL_SKIP_REDIRECT=1 /etc/init.d/network start; exec sleep infinity'"),
    repair: networkStartsAgain,
    says: /still running[\s\S]*was rolled back/,
    ends: ['rolled back'],
  },
  {
    what: '`network restart` succeeds without an address',
    where: 'it does nothing',
    prepare: networkStart('/bin/true'),
    repair: networkStartsAgain,
    ends: ['rolled back'],
  },
  {
    what: '`network restart` succeeds without an address',
    where: 'the DHCP client does nothing',
    prepare: inside(noLease),
    repair: inside('[ -e /root/real ] && mv -f /root/real/dhclient /sbin/dhclient && rmdir /root/real; true'),
    ends: ['rolled back'],
  },
];

const scripts = '/etc/sysconfig/network-scripts';

/** A small disk of its own below the network's files; `filler` is not counted among them. */
const smallDisk = `mkdir /tmp/small && cp -a ${scripts}/. /tmp/small/
mount -t tmpfs -o size=256k,mode=755 none ${scripts}
cp -a /tmp/small/. ${scripts}/; rm -rf /tmp/small`;
const fill = `dd if=/dev/zero of=${scripts}/filler bs=4k 2>/dev/null; true`;
const takeSmallDiskAway = inside(`umount -l ${scripts}`);

/**
 * A small disk below the state directory. It is one in memory that nobody can tell from a disk: an overlay whose upper directory was
 * mounted elsewhere.
 */
const smallStateDisk = (size: string): string => `mkdir -p /var/lib/kvm-play /mnt/small
mount -t tmpfs -o size=${size} none /mnt/small && mkdir /mnt/small/upper /mnt/small/work
mount -t overlay -o lowerdir=/var/lib/kvm-play,upperdir=/mnt/small/upper,workdir=/mnt/small/work none /var/lib/kvm-play
umount -l /mnt/small`;

const readOnlyEtc = 'mount --bind /etc /etc && mount -o remount,ro,bind /etc';
const writableEtc = inside('umount -l /etc; true');

/** Disks that are full, or may not be written to. */
export const disks: readonly Fault[] = [
  {
    what: 'a full disk',
    where: 'while the snapshot is written',
    prepare: inside(smallStateDisk('64k')),
    repair: inside('umount -l /var/lib/kvm-play'),
    says: /nothing was changed/,
    ends: ['refused'],
  },
  {
    what: 'a full disk',
    where: 'while the first file is written',
    prepare: inside(`${smallDisk}\n${fill}`),
    repair: takeSmallDiskAway,
    says: /(No space left|whole)[\s\S]*was rolled back/,
    ends: ['rolled back'],
  },
  {
    what: 'a full disk',
    where: 'from the second file on',
    site: withProbe,
    prepare: both(
      farawayThere,
      inside(
        `${smallDisk}\ndd if=/dev/zero of=${scripts}/spare bs=4k count=1 2>/dev/null\n${fill}\nrm ${scripts}/spare`,
      ),
    ),
    repair: takeSmallDiskAway,
    says: /(No space left|whole)[\s\S]*was rolled back/,
    ends: ['rolled back'],
  },
  {
    what: 'a full disk',
    where: 'while the host goes back',
    site: withProbe,
    prepare: both(farawayThere, inside(smallDisk)),
    at: { 'applying network': farawayGone, proving: inside(fill) },
    repair: takeSmallDiskAway,
    ends: ['rolled back'],
  },
  {
    what: 'a full disk',
    where: "while the host goes back: the change's own folder",
    site: withProbe,
    prepare: both(farawayThere, inside(smallStateDisk('1m'))),
    at: {
      'applying network': farawayGone,
      proving: inside('dd if=/dev/zero of=/var/lib/kvm-play/filler bs=4k 2>/dev/null; true'),
    },
    repair: inside('umount -l /var/lib/kvm-play'),
    ends: ['rolled back'],
  },
  {
    what: 'a read-only `/etc`',
    where: 'from before the run',
    prepare: inside(readOnlyEtc),
    repair: writableEtc,
    says: /mounted read-only/,
    ends: ['refused'],
  },
  {
    what: 'a read-only `/etc`',
    where: 'before `applying bridge`',
    at: { 'applying bridge': inside(readOnlyEtc) },
    repair: writableEtc,
    says: /[Rr]ead-only[\s\S]*was rolled back/,
    ends: ['rolled back'],
  },
  {
    what: 'a read-only `/etc`',
    where: 'while the host goes back, for 15 s',
    site: withProbe,
    prepare: farawayThere,
    at: {
      'applying network': both(
        farawayGone,
        once('current/rolling-back', async (host) => {
          await host.inside(readOnlyEtc);
          host.later(15, () => host.inside('umount -l /etc'));
        }),
      ),
    },
    repair: farawayGone,
    ends: ['rolled back'],
  },
];

const library = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1';

/** Shows another wall clock to our processes alone: the controller, the host's sessions, the units of the change. */
function clockOff(hours: '+1' | '-1'): Fault {
  const file = join(tmpdir(), `kvm-play-clock${hours}`);
  const clock = `${hours}h`;
  return {
    what: 'a wall clock that is an hour off',
    where: `${hours} h between arming and confirming, for the controller and for the host's programs`,
    run: {
      env: {
        LD_PRELOAD: library,
        FAKETIME_TIMESTAMP_FILE: file,
        FAKETIME_NO_CACHE: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
      },
    },
    prepare: async (host) => {
      await writeFile(file, '+0');
      await host.lab.putFile('/root/libfaketime.so.1', await readFile(library));
    },
    at: {
      armed: async (host) => {
        await writeFile(file, clock);
        const preload = `LD_PRELOAD=/root/libfaketime.so.1 FAKETIME=${clock} FAKETIME_DONT_FAKE_MONOTONIC=1`;
        await host.inside(`systemctl set-environment ${preload}
echo 'SetEnv ${preload}' > /etc/ssh/sshd_config.d/clock.conf
systemctl reload ssh`);
      },
    },
    repair: inside(`systemctl unset-environment LD_PRELOAD FAKETIME FAKETIME_DONT_FAKE_MONOTONIC
rm -f /etc/ssh/sshd_config.d/clock.conf
systemctl reload ssh`),
    ends: ['confirmed'],
  };
}

/** Clocks. */
export const clocks: readonly Fault[] = [
  clockOff('+1'),
  clockOff('-1'),
  {
    ...clockOff('-1'),
    where: '-1 h between arming and the moment at which the host goes back by itself: the controller was killed',
    at: { ...clockOff('-1').at, reached: killed },
    // The fault itself, which is taken away after the host was looked at.
    differs: /clock\.conf/,
    ends: ['rolled back'],
  },
];
