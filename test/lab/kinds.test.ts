import { readdir } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { buildLab, type Lab, type LabNetwork, type LabOptions } from '../../lib/lab/index.ts';
import { basesDirectory } from '../../lib/lab/layout.ts';
import { baseName, baseRoot } from '../../lib/lab/root/base.ts';
import { until } from '../support/until.ts';
import { describeLab } from './support.ts';

/** A kind of host, and what it says about the owner of its interface. */
interface Kind {
  readonly network: LabNetwork;
  /** Network services that run, of those that all hosts could have. */
  readonly running: readonly string[];
  /** Asks the host who owns the interface. */
  readonly owner: string;
  readonly answer: RegExp;
  /** What the host's DHCP client sends as its id. A server that goes by the MAC keeps none. */
  readonly clientId: RegExp;
}

const services: readonly string[] = ['network', 'NetworkManager', 'systemd-networkd', 'networking'];

const connection = 'nmcli -t -f DEVICE,STATE device; nmcli -t -f DEVICE,FILENAME connection show --active';
const connected = (file: string): RegExp => new RegExp(`^ens33:connected$[^]*^ens33:${file}$`, 'm');
const link = 'networkctl --json=short status ens33';
const configured = (file: string): RegExp =>
  new RegExp(`"AdministrativeState":"configur(?:ed|ing)".*"NetworkFile":"${file}"`);

const byMac = /^01:52:54:00:aa:00:01$/;
const byDuid = /^ff(:[0-9a-f]{2}){4}:00:/;

const networkScripts: Kind = {
  network: 'network-scripts',
  running: ['network'],
  owner: 'systemctl is-enabled network; pgrep -x -a dhclient',
  answer: /^enabled\n\d+ .*ens33$/,
  clientId: /^$/,
};

/** The hosts with today's network stacks, which run udev. */
const today: readonly Kind[] = [
  {
    network: 'networkmanager',
    running: ['NetworkManager'],
    owner: connection,
    answer: connected('/etc/NetworkManager/system-connections/ens33.nmconnection'),
    clientId: byMac,
  },
  {
    network: 'networkd',
    running: ['systemd-networkd'],
    owner: link,
    answer: configured('/etc/systemd/network/10-ens33.network'),
    clientId: byDuid,
  },
  {
    network: 'netplan',
    running: ['systemd-networkd'],
    owner: link,
    answer: configured('/run/systemd/network/10-netplan-ens33.network'),
    clientId: byDuid,
  },
  {
    network: 'netplan-nm',
    running: ['NetworkManager'],
    owner: connection,
    answer: connected('/run/NetworkManager/system-connections/netplan-ens33.nmconnection'),
    clientId: byMac,
  },
  {
    network: 'ifupdown',
    running: ['networking'],
    owner: 'ifquery --state ens33',
    answer: /^ens33=ens33$/,
    clientId: byDuid,
  },
];

const say = async (lab: Lab, script: string): Promise<string> =>
  (await lab.run(['sh', '-c', script], { reject: false })).stdout.trimEnd();

/** Requires that this stack, and no other, holds the interface with the host's address. @returns the DHCP client's id */
async function expectOwned(lab: Lab, kind: Kind): Promise<string | undefined> {
  const running: string[] = [];
  for (const name of services) {
    if ((await say(lab, `systemctl is-active ${name}.service`)) === 'active') running.push(name);
  }
  expect(running).toEqual(kind.running);
  expect(await say(lab, kind.owner)).toMatch(kind.answer);
  expect(await say(lab, 'ip -4 -o address show dev ens33')).toContain(` ${lab.hostAddress}/24 `);
  const leases = (await lab.leases()).filter(({ mac }) => mac === '52:54:00:aa:00:01');
  expect(leases.map(({ address }) => address)).toEqual([lab.hostAddress]);
  expect(leases[0]?.clientId).toMatch(kind.clientId);
  return leases[0]?.clientId;
}

/** Requires that udev knows the interface, and treats a new bridge as it does on a real host. */
async function expectUdev(lab: Lab): Promise<void> {
  expect(await say(lab, 'udevadm info --query=property /sys/class/net/ens33')).toMatch(/^ID_NET_DRIVER=veth$/m);
  await lab.run(['ip', 'link', 'add', 'made', 'type', 'bridge']);
  // 3: given by somebody, here by udev from the bridge's name; 1 would be the kernel's random one.
  await until(async () => (await say(lab, 'cat /sys/class/net/made/addr_assign_type')) === '3');
  await lab.run(['ip', 'link', 'delete', 'made']);
}

/** Requires that the host can announce or set no device of this machine. Asked, never tried. */
async function expectDevicesReadOnly(lab: Lab): Promise<void> {
  const directories = (await say(lab, 'ls -d /sys/devices/* /sys/devices/virtual/*')).split('\n');
  const writable: string[] = [];
  for (const path of directories) {
    const options = (await say(lab, `findmnt -n -o OPTIONS -T ${path}`)).split('\n').at(-1) ?? '';
    if (!options.startsWith('ro,')) writable.push(path);
  }
  expect(writable).toEqual(['/sys/devices/virtual', '/sys/devices/virtual/net']);
}

/** Requires that the DHCP server's name server has come to those who ask for names. */
async function expectNameServer(lab: Lab): Promise<void> {
  await until(async () => (await say(lab, 'cat /etc/resolv.conf; resolvectl dns ens33')).includes('192.168.221.1'));
}

/** Builds a host, and takes it away after the test. */
async function onHost(options: LabOptions, body: (lab: Lab) => Promise<void>): Promise<void> {
  const lab = await buildLab(options);
  try {
    await body(lab);
  } finally {
    await lab.destroy();
  }
}

describeLab('a throwaway host', () => {
  test('of network-scripts has its interface from them, also after a reboot', async () => {
    await onHost({ network: 'network-scripts' }, async (lab) => {
      await expectOwned(lab, networkScripts);
      await lab.reboot();
      await expectOwned(lab, networkScripts);
    });
  });

  test.each(today)('of $network has its interface from it, also after a reboot', async (kind) => {
    await onHost({ network: kind.network }, async (lab) => {
      const clientId = await expectOwned(lab, kind);
      await expectUdev(lab);
      await expectNameServer(lab);
      await expectDevicesReadOnly(lab);
      await lab.reboot();
      expect(await expectOwned(lab, kind)).toBe(clientId);
    });
  });

  test.each(today)('of $network can have the programs of Debian 13', async (kind) => {
    await onHost({ network: kind.network, debian: 13 }, async (lab) => {
      expect(await say(lab, '. /etc/os-release; echo "$VERSION_ID"')).toBe('13');
      await expectOwned(lab, kind);
      await expectUdev(lab);
    });
  });

  test('cannot be built without a mirror, which is said, and leaves nothing half built', async () => {
    const recipe = { suite: 'bookworm', packages: ['bc'], script: 'true' };
    const mirror = 'http://127.0.0.1:9/debian';
    await expect(baseRoot(recipe, { mirror, onProgress: () => {} })).rejects.toThrow(
      /^no base root of Debian bookworm could be built in .* from http:\/\/127\.0\.0\.1:9\/debian: see whether .* mmdebstrap says:\n(.*\n)*.*127\.0\.0\.1/,
    );
    const hash = baseName(recipe);
    expect(await readdir(basesDirectory)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(`^${hash}(\\.unfinished)?$`)]),
    );
  });

  test('with the network scripts comes from Debian 12 alone', async () => {
    const refused = /network scripts is built from Debian 12 alone/;
    await expect(buildLab({ network: 'network-scripts', debian: 13 })).rejects.toThrow(refused);
    await expect(buildLab({ debian: 13 })).rejects.toThrow(refused);
  });
});
