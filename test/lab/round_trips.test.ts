import { copyFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { SshTransport } from '../../lib/hosts/ssh/ssh.ts';
import { type RunOptions, run } from '../../lib/run/run.ts';
import { play } from '../../lib/site/play.ts';
import site from '../../playbooks/site.ts';
import { DelayLink } from '../bench/link.ts';
import { idleTasks } from '../support/idle_tasks.ts';
import { withLab } from './support.ts';

const iso = '/var/lib/libvirt/images/CentOS-7-x86_64-Minimal-1708.iso';

/** Round trips of a connection: fresh (TCP, key exchange, authentication, a channel, a command), and over a live socket. */
const connection = { fresh: 12, warm: 2 } as const;

withLab('a long way to the host', (machine) => {
  let link: DelayLink;
  let configs = 0;
  beforeAll(async () => {
    await machine.putBlankMedium(iso);
    link = await DelayLink.lay(machine.lab);
  });
  afterAll(() => link?.close());

  /** An ssh_config of another name has a socket of its own, so the connection over it is a fresh one. */
  async function freshConfig(): Promise<string> {
    configs += 1;
    const path = `${link.sshConfig}.${configs}`;
    await copyFile(link.sshConfig, path);
    return path;
  }

  /** Runs the site. @param changed tasks that have something to do */
  async function runSite(options: RunOptions, changed = 0): Promise<void> {
    const host = machine.login;
    const vars = { virtType: machine.lab.virtType };
    const { hosts } = await run(site, { ...options, hosts: [host], vars });
    expect(hosts[host]).toMatchObject({ ok: 9 - changed, changed, failed: 0 });
  }

  /**
   * The fewest of several runs: on a busy machine, keep-alives and acknowledgements with data add some, and nothing takes one away.
   * @param most how many there may be; after the first runs, further ones are made only while there are more
   */
  async function fewest(most: number, config: () => Promise<string>): Promise<number> {
    let least = Number.POSITIVE_INFINITY;
    for (let count = 0; count < 3 || (count < 40 && least > most); count += 1) {
      const sshConfig = await config();
      await link.reset();
      await runSite({ sshConfig });
      least = Math.min(least, (await link.read()).roundTrips);
    }
    return least;
  }

  test('a run that changes nothing costs a connection and one request more, a change two', async () => {
    const host = machine.login;
    await run(site, { hosts: [host], vars: { virtType: machine.lab.virtType }, sshConfig: machine.lab.sshConfig });
    await link.setRoundTrip(10);
    const sshConfig = await freshConfig();
    const requests = jest.spyOn(SshTransport.prototype, 'run');
    await runSite({ sshConfig });
    // The first one travels in the command that opens the session.
    expect(requests).toHaveBeenCalledTimes(2);
    requests.mockClear();
    await machine.lab.run(['virsh', 'net-autostart', 'default', '--disable']);
    await runSite({ sshConfig }, 1);
    // The step with all reads behind it, and reads that depend on those. What gives the lock back is sent, and not waited for.
    expect(requests).toHaveBeenCalledTimes(2 + 2);
    requests.mockRestore();
    await machine.lab.run(['timeout', '10', 'sh', '-c', 'while [ -e /run/kvm-play/lock ]; do sleep 0.05; done']);

    const most = { fresh: connection.fresh + 3, warm: connection.warm + 3 };
    const fresh = await fewest(most.fresh, freshConfig);
    const warm = await fewest(most.warm, async () => sshConfig);
    console.log(`round trips with nothing to do: ${fresh} fresh, ${warm} over a live socket`);
    expect(fresh).toBeLessThanOrEqual(most.fresh);
    expect(warm).toBeLessThanOrEqual(most.warm);
  });

  test('500 tasks with nothing to do cost no request more than 10', async () => {
    const { all, some } = await idleTasks(machine.lab);
    expect([all.length, some.length]).toEqual([500, 10]);
    const requests = jest.spyOn(SshTransport.prototype, 'run');
    const host = machine.login;
    for (const tasks of [some, all]) {
      requests.mockClear();
      const { hosts } = await run(play({ name: 'Idle', tasks }), {
        sshConfig: await freshConfig(),
        hosts: [host],
      });
      expect(hosts[host]).toMatchObject({ ok: tasks.length, changed: 0 });
      expect(requests.mock.calls.length).toBeLessThanOrEqual(2);
    }
    requests.mockRestore();
  });
});
