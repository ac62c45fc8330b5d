import { readdir, readFile } from 'node:fs/promises';
import { execa } from 'execa';
import { parseHost } from '../../lib/hosts/ssh/host_spec.ts';
import { socketPath } from '../../lib/hosts/ssh/ssh_command.ts';
import type { Injection } from './fault.ts';
import type { FaultLab } from './fault_lab.ts';
import type { SiteOptions } from './site.ts';

/** Kills the controller. */
export const killed: Injection = async (_host, kill) => kill();

/** Does two things at once. */
export function both(...injections: readonly Injection[]): Injection {
  return async (host, kill) => {
    for (const inject of injections) await inject(host, kill);
  };
}

/** Pulls the cable, and plugs it in again after so many seconds. */
export function linkDown(seconds: number): Injection {
  return async (host) => {
    await host.lab.setCable(false);
    host.later(seconds, () => host.lab.setCable(true));
  };
}

/** Pulls the cable until the host has gone back. */
export const linkDownUntilRolledBack: Injection = async (host) => {
  await host.lab.setCable(false);
  host.later(1, async () => {
    await host.until(120, 'the host does not go back', () => isThere(host, 'last/rolled-back'));
    await host.lab.setCable(true);
  });
};

/** Pulls the plug; the host boots again meanwhile. */
export const powerCut: Injection = async (host) => {
  await host.lab.powerOff();
  host.later(0, () => host.lab.powerOn());
};

/** Does something as soon as the change's folder on the host has a file. */
export function once(file: string, inject: Injection): Injection {
  return async (host, kill) => {
    host.later(0, async () => {
      await host.until(120, `there is no ${file}`, () => isThere(host, file));
      await inject(host, kill);
    });
  };
}

async function isThere(host: FaultLab, file: string): Promise<boolean> {
  const argv = ['sh', '-c', `ls -d /var/lib/kvm-play/change/${file}`];
  return (await host.lab.run(argv, { reject: false })).exitCode === 0;
}

/** Runs a script inside the host. */
export function inside(script: string): Injection {
  return (host) => host.inside(script);
}

/** Drops every packet of the connections that are open; new ones work. */
export const oldConnectionsHang: Injection = inside(
  `ss -Htn state established '( sport = :22 )' | awk '{ sub(/.*:/, "", $4); print $4 }' | while read -r port; do
  iptables -I INPUT -p tcp --sport "$port" -j DROP
done`,
);

/** The process that holds the shared connection stops, and takes every session over it along. */
export const sharedConnectionHangs: Injection = async (host) => {
  for (const pid of await sharedConnections(host)) process.kill(pid, 'SIGSTOP');
};

/** It is ended. */
export const sharedConnectionEnds: Injection = async (host) => {
  for (const pid of await sharedConnections(host)) process.kill(pid, 'SIGKILL');
};

/** Lists the processes of this lab's shared connections: what names their sockets is the lab's own ssh_config. */
async function sharedConnections({ lab }: FaultLab): Promise<readonly number[]> {
  const path = await socketPath(parseHost(lab.hostAddress), { sshConfig: lab.sshConfig });
  const socket = path.slice(0, path.indexOf('%'));
  const found: number[] = [];
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (words.startsWith('ssh: ') && words.includes(socket)) found.push(Number(pid));
  }
  return found;
}

/** Puts a program before the host's own of that name, which stays `real`. @param body shell text */
export function wrapped(name: string, real: string, body: string): Injection {
  const text = `#!/bin/sh\nreal() { ${real} "$@"; }\n${body}\n`;
  return (host) => host.lab.putFile(`/usr/local/sbin/${name}`, text, 0o755);
}

/** Takes the wrapped programs away. */
export const unwrapped: Injection = inside('rm -f /usr/local/sbin/*');

/** Writes to disk take their time as soon as the change's folder has a file: so what is done then falls into that very moment. */
export function slowDisk(file: string): Injection {
  const body = `ls -d /var/lib/kvm-play/change/${file} >/dev/null 2>&1 && sleep 4\nreal "$@"`;
  return wrapped('sync', '/bin/sync', body);
}

/** Has systemd start the network by another command. */
export function networkStart(execStart: string): Injection {
  return inside(`mkdir -p /etc/systemd/system/network.service.d
printf '[Service]\\nType=oneshot\\nTimeoutSec=infinity\\nExecStart=\\nExecStart=%s\\n' "${execStart}" > /etc/systemd/system/network.service.d/fault.conf
systemctl daemon-reload`);
}

/** systemd starts the network as before. */
export const networkStartsAgain: Injection = inside(
  'rm -rf /etc/systemd/system/network.service.d; systemctl daemon-reload',
);

const faraway = '10.99.99.99';

/** A site whose proof can be made to fail: a machine beyond the gateway has to answer. */
export const withProbe: SiteOptions = { prove: [{ ping: faraway }] };

const setClient = (lines: string): Injection =>
  inside(`mkdir -p /etc/NetworkManager/conf.d
${lines}
systemctl restart NetworkManager
timeout 30 sh -c "until nmcli -t -f DEVICE,STATE device | grep -qx 'ens33:connected'; do sleep 0.2; done"`);

/** NetworkManager asks for leases by itself: no process shows it. */
export const clientOfManager: Injection = setClient(
  "printf '[main]\\ndhcp=internal\\n' > /etc/NetworkManager/conf.d/fault.conf",
);
/** NetworkManager runs `dhclient` again. */
export const clientOfItsOwn: Injection = setClient('rm -f /etc/NetworkManager/conf.d/fault.conf');

/** The machine beyond the gateway is there. */
export const farawayThere: Injection = (host) =>
  execa('ip', ['-n', host.lab.lanNamespace, 'address', 'replace', `${faraway}/32`, 'dev', 'lo']);

/** It is gone: what was promised does not hold any more, and the host goes back when the time is over. */
export const farawayGone: Injection = (host) =>
  execa('ip', ['-n', host.lab.lanNamespace, 'address', 'delete', `${faraway}/32`, 'dev', 'lo'], { reject: false });
