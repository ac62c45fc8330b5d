import { beforeAll, expect, test } from '@jest/globals';
import { run } from '../../lib/run/run.ts';
import type { PlayItem } from '../../lib/site/play_items.ts';
import { packages } from '../../modules/index.ts';
import site from '../../playbooks/kvm_host.ts';
import { until } from '../support/until.ts';
import { hostState } from './host_state.ts';
import { withLab } from './support.ts';

/** Makes a package and a package source of all: `publish NAME VERSION`, with further lines of the control file on standard input. */
const publish = `#!/bin/sh
set -e
work=/srv/kp/work/$1_$2
rm -rf "$work"; mkdir -p "$work/DEBIAN" "$work/usr/share/$1"
echo "$2" > "$work/usr/share/$1/version"
{ printf 'Package: %s\\nVersion: %s\\nArchitecture: all\\nMaintainer: Tests <root@localhost>\\nDescription: a test\\n' "$1" "$2"; cat; } > "$work/DEBIAN/control"
[ ! -d "/srv/kp/files/$1" ] || cp -a "/srv/kp/files/$1/." "$work/"
dpkg-deb --root-owner-group -b "$work" "/srv/kp/$1_$2_all.deb" > /dev/null
rm -f /srv/kp/Packages
for deb in /srv/kp/*.deb; do
  { dpkg-deb -f "$deb"; echo "Filename: ./\${deb##*/}"; echo "Size: $(stat -c %s "$deb")"
    echo "SHA256: $(sha256sum "$deb" | cut -d ' ' -f 1)"; echo; } >> /srv/kp/Packages
done
`;

/** The packages that there are at first, and the one source from which the host has packages. */
const setUp = `set -e
mkdir -p /srv/kp/files /srv/kp/work
rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] copy:/srv/kp ./' > /etc/apt/sources.list
for name in kp-one kp-two kp-base; do publish "$name" 1.0 < /dev/null; done
echo 'Depends: kp-base' | publish kp-top 1.0
printf 'Provides: kp-mta\\nConflicts: kp-mta\\n' | publish kp-mail 1.0
printf 'Provides: kp-mta\\nConflicts: kp-mta\\n' | publish kp-post 1.0
echo 'Essential: yes' | publish kp-vital 1.0
mkdir -p /srv/kp/files/kp-conf/etc /srv/kp/files/kp-conf/DEBIAN
echo 'of the package 1' > /srv/kp/files/kp-conf/etc/kp.conf
echo /etc/kp.conf > /srv/kp/files/kp-conf/DEBIAN/conffiles
publish kp-conf 1.0 < /dev/null
mkdir -p /srv/kp/files/kp-broken/DEBIAN /srv/kp/files/kp-slow/DEBIAN
printf '#!/bin/sh\\n[ -e /srv/kp/mended ]\\n' > /srv/kp/files/kp-broken/DEBIAN/postinst
printf '#!/bin/sh\\nmkfifo /run/kp-slow; read -r _ < /run/kp-slow; rm /run/kp-slow\\n' > /srv/kp/files/kp-slow/DEBIAN/postinst
chmod 755 /srv/kp/files/kp-broken/DEBIAN/postinst /srv/kp/files/kp-slow/DEBIAN/postinst
publish kp-broken 1.0 < /dev/null
publish kp-slow 1.0 < /dev/null`;

/** All that a check could change: what dpkg knows, the package lists, apt's caches and marks, with their times. */
const traces = `find /var/lib/dpkg /var/lib/apt /var/cache/apt /etc -xdev -type f -printf '%p %s %T@\\n' | sort`;

const age = 'touch -d "2 days ago" /var/lib/apt/lists; rm -f /var/lib/apt/periodic/update-success-stamp';

withLab('packages on a throwaway host with apt', (machine) => {
  const { inside } = machine;
  beforeAll(async () => {
    await machine.lab.putFile('/usr/local/bin/publish', publish, 0o755);
    await inside(setUp);
  });

  /** Gives what became of each task: its status with its warnings, or the message of its error. */
  async function told(items: readonly PlayItem[], check = false): Promise<readonly string[]> {
    const { events } = await machine.run(items, { check });
    return events.flatMap((event) => {
      if (event.type === 'host-failed') return [event.error.message];
      if (event.type !== 'task-end') return [];
      return [[event.error?.message ?? event.status, ...(event.result?.warnings ?? [])].join('; ')];
    });
  }

  /** Checks, which changes nothing; applies, which comes to the same; and applies again, which changes nothing. */
  async function roundTrip(item: PlayItem, expected: RegExp): Promise<void> {
    const before = await inside(traces);
    expect(await told([item], true)).toEqual([expect.stringMatching(expected)]);
    expect(await inside(traces)).toBe(before);
    expect(await told([item])).toEqual([expect.stringMatching(expected)]);
    expect(await told([item])).toEqual(['ok']);
  }

  /** Checks and applies: both refuse, and nothing has changed. */
  async function refuses(item: PlayItem, words: RegExp): Promise<void> {
    const before = await inside(traces);
    for (const check of [true, false]) expect(await told([item], check)).toEqual([expect.stringMatching(words)]);
    expect(await inside(traces)).toBe(before);
  }

  const versionOf = (name: string): Promise<string> =>
    inside(`dpkg-query -W -f '\${db:Status-Abbrev}\${Version}' ${name} 2>/dev/null || true`);

  test('what the lists do not know is looked for once they are updated, and a check leaves them alone', async () => {
    const item = packages({ names: ['kp-one', 'kp-top'] });
    await roundTrip(item, /^changed; the package lists \(.*\) have no package kp-one; .*have no package kp-top; /);
    expect(await versionOf('kp-base')).toBe('ii 1.0');
    expect(await told([packages({ names: 'kp-nosuch' })])).toEqual([
      expect.stringMatching(/Unable to locate package kp-nosuch/),
    ]);
  });

  test('a check says the installed version and the candidate', async () => {
    const { events } = await machine.run([packages({ names: ['kp-two', 'kp-one'] })], { check: true });
    expect(events.flatMap((event) => (event.type === 'task-end' ? (event.result?.differences ?? []) : []))).toEqual([
      { path: 'packages.kp-two', wanted: 'present', actual: 'absent (candidate 1.0)' },
    ]);
  });

  test('latest updates lists that are too old, and only those', async () => {
    await inside('publish kp-one 2.0 < /dev/null');
    expect(await told([packages({ names: 'kp-one', state: 'latest' })])).toEqual(['ok']);
    await inside(age);
    await roundTrip(packages({ names: ['kp-one', 'kp-two'], state: 'latest' }), /^changed$/);
    expect(await versionOf('kp-one')).toBe('ii 2.0');
    expect(await versionOf('kp-two')).toBe('ii 1.0');
    // A source that has nothing new leaves its list untouched: the lists are young all the same.
    await inside(age);
    await roundTrip(packages({ names: ['kp-one', 'kp-two'], state: 'latest' }), /^changed$/);
  });

  test('a version that is named is kept to, and an older one only where the task says so', async () => {
    await refuses(packages({ names: 'kp-one=1.0' }), /kp-one would get an older version; say downgrades: true/);
    await roundTrip(packages({ names: 'kp-one=1.0', downgrades: true }), /^changed$/);
    expect(await versionOf('kp-one')).toBe('ii 1.0');
    await roundTrip(packages({ names: 'kp-one=2.0' }), /^changed$/);
    expect(await told([packages({ names: 'kp-one=7.0' })], true)).toEqual([
      expect.stringMatching(/have no version 7\.0 of kp-one, but 2\.0, 1\.0/),
    ]);
  });

  test('a virtual package is there where another one provides it; else one has to be named', async () => {
    await refuses(packages({ names: 'kp-mta' }), /kp-mta is a virtual package; name the one that is wanted: kp-/);
    await roundTrip(packages({ names: 'kp-mail' }), /^changed$/);
    expect(await told([packages({ names: ['kp-mta', 'kp-one'] })])).toEqual(['ok']);
    await refuses(packages({ names: 'kp-post' }), /kp-mail: these packages are in the way and would be removed/);
    await roundTrip(packages({ names: 'kp-post', removes: ['kp-mail'] }), /^changed$/);
    expect(await versionOf('kp-mail')).not.toMatch(/^ii/);
  });

  test('what somebody has put on hold stays as it is', async () => {
    await inside('publish kp-two 2.0 < /dev/null; apt-get -q update; apt-mark hold kp-two');
    const words = /kp-two: somebody put this on hold.*apt-mark unhold kp-two/;
    await refuses(packages({ names: 'kp-two', state: 'latest' }), words);
    await refuses(packages({ names: 'kp-two', state: 'absent' }), words);
    expect(await told([packages({ names: 'kp-two' })])).toEqual(['ok']);
    await roundTrip(packages({ names: 'kp-two', state: 'latest', changesHeld: true }), /^changed$/);
    await inside('apt-mark unhold kp-two');
  });

  test('a removal takes nothing with it that the task does not name', async () => {
    const alone = packages({ names: 'kp-base', state: 'absent' });
    await refuses(alone, /kp-top: these packages depend on what is removed.*removes: \['kp-top'\]/);
    await roundTrip(packages({ names: 'kp-base', state: 'absent', removes: ['kp-top'] }), /^changed$/);
    expect(await versionOf('kp-top')).not.toMatch(/^ii/);
    await inside('apt-get -q -y install kp-vital');
    await refuses(packages({ names: 'kp-vital', state: 'absent' }), /kp-vital: a host does not work without it/);
    await refuses(packages({ names: 'libc6', state: 'absent' }), /without it|finds no way/);
    await inside('dpkg --purge --force-remove-essential kp-vital');
  });

  test("the administrator's configuration file is kept, and goes with purge alone", async () => {
    await roundTrip(packages({ names: 'kp-conf' }), /^changed$/);
    await inside(`echo mine > /etc/kp.conf; echo 'of the package 2' > /srv/kp/files/kp-conf/etc/kp.conf
publish kp-conf 2.0 < /dev/null; apt-get -q update`);
    await roundTrip(packages({ names: 'kp-conf', state: 'latest' }), /^changed$/);
    expect(await versionOf('kp-conf')).toBe('ii 2.0');
    expect(await inside('cat /etc/kp.conf')).toBe('mine');
    await roundTrip(packages({ names: 'kp-conf', state: 'absent' }), /^changed$/);
    expect(await inside('cat /etc/kp.conf')).toBe('mine');
    await roundTrip(packages({ names: 'kp-conf', state: 'absent', purge: true }), /^changed$/);
    expect(await inside('ls /etc/kp.conf 2>/dev/null || true')).toBe('');
  });

  test('a package that is half-configured is named, with what to do', async () => {
    await machine.lab.run(['apt-get', '-q', '-y', 'install', 'kp-broken'], { reject: false });
    const words = /kp-broken 1\.0 \(half-configured\).*dpkg --configure -a/;
    await refuses(packages({ names: 'kp-broken' }), words);
    await refuses(packages({ names: 'kp-base' }), words);
    await inside('touch /srv/kp/mended; dpkg --configure -a');
    expect(await told([packages({ names: 'kp-broken' })])).toEqual(['ok']);
  });

  test("another process's lock is waited for, within a bound, and its holder is named", async () => {
    await inside('setsid dpkg -i /srv/kp/kp-slow_1.0_all.deb > /dev/null 2>&1 < /dev/null &');
    await until(async () => (await inside('ls /run/kp-slow 2>/dev/null || true')) !== '');
    const [checked] = await told([packages({ names: 'kp-base' })], true);
    expect(checked).toMatch(
      /^changed; process \d+ \(dpkg\) holds the lock \/var\/lib\/dpkg\/lock.*for 120 s at the most/,
    );
    expect(await told([packages({ names: 'kp-base', lockWait: 1 })])).toEqual([
      expect.stringMatching(/after 1 s, process \d+ \(dpkg\) still holds the lock \/var\/lib\/dpkg\/lock/),
    ]);
    const applied = told([packages({ names: 'kp-base' })]);
    await until(async () => (await inside('ps -eo args= | grep -cx "[s]leep 1" || true')) !== '0');
    await inside('echo > /run/kp-slow');
    expect(await applied).toEqual([expect.stringMatching(/^changed; process/)]);
    expect(await versionOf('kp-base')).toBe('ii 1.0');
  });

  test('a bare server can be checked with the whole of playbooks/kvm_host.ts: what it lacks is provided by its first task', async () => {
    await inside(`mkdir -p /var/lib/libvirt/images; install -m 644 ${machine.lab.bootIso} /var/lib/libvirt/images/debian-12-netinst.iso
apt-get -q -y purge libvirt-daemon-system libvirt-clients virtinst qemu-utils qemu-system-x86 dnsmasq-base
systemctl daemon-reload`);
    expect(await inside('command -v virsh qemu-img virt-install libvirtd || true')).toBe('');
    // The kernel is this machine's: whether br_netfilter is loaded is not the host's own doing.
    const filters = await inside('cat /proc/sys/net/bridge/bridge-nf-call-iptables 2>/dev/null || true');
    const before = await hostState(machine.lab);
    const ends: string[] = [];
    const { hosts } = await run(site, {
      hosts: [machine.login],
      sshConfig: machine.lab.sshConfig,
      check: true,
      vars: { virtType: machine.lab.virtType },
      onEvent: (event) => {
        if (event.type === 'host-failed') ends.push(event.error.message);
        if (event.type === 'task-end' && event.status !== 'skipped') {
          ends.push(`${event.task.title}: ${event.error?.message ?? event.status}`);
        }
      },
    });
    expect(ends).toEqual(
      [
        'Install libvirt and QEMU',
        'Start libvirt',
        ...(filters === '' ? [] : ["Keep the host's firewall out of its bridges"]),
        'Make the NIC the port of a bridge',
        'Load the bridge',
        'Make the pool',
        "Make the guest's disk",
        'Make the guest',
      ].map((title) => `${title}: changed`),
    );
    expect(hosts[machine.login]).toMatchObject({ changed: ends.length, failed: 0 });
    expect(await hostState(machine.lab)).toEqual(before);
  });
});
