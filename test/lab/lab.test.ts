import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { buildLab, destroyLab, type Lab, labIds, sweepLabs } from '../../lib/lab/index.ts';
import { until } from '../support/until.ts';
import { withLab } from './support.ts';

/** Whatever on this machine bears the lab's id: namespaces, mounts, processes, files, cgroups. */
async function tracesOf(id: string): Promise<readonly string[]> {
  const traces: string[] = [];
  const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  for (const pid of processes) {
    const argv = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ');
    if (argv.includes(id)) traces.push(`process ${pid}: ${argv}`);
  }
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  traces.push(...mounts.split('\n').filter((line) => line.includes(id)));
  const folders = [
    ...['/run/netns', '/var/lib/kvm-play-lab', '/sys/fs/cgroup', '/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified'],
    ...['/run/systemd/nspawn/propagate', '/run/systemd/nspawn/unix-export'],
  ];
  for (const folder of folders) {
    for (const name of await readdir(folder).catch(() => [])) if (name.includes(id)) traces.push(`${folder}/${name}`);
  }
  return traces;
}

const ssh = (lab: Lab, destination: string, ...command: readonly string[]): Promise<string> =>
  execa('ssh', ['-F', lab.sshConfig, destination, '--', ...command], { stdin: 'ignore' }).then(({ stdout }) => stdout);

/** Has another process build a lab, and waits until it stands. */
async function buildElsewhere(
  options: string,
): Promise<{ id: string; kill: () => Promise<void>; end: () => Promise<void> }> {
  const index = fileURLToPath(new URL('../../lib/lab/index.ts', import.meta.url));
  const program = `
    const { buildLab } = await jiti.import(${JSON.stringify(index)});
    const lab = await buildLab(${options});
    console.log(lab.id);
    process.stdin.resume().once('end', () => process.exit());`;
  const jiti = `import { createJiti } from 'jiti'; const jiti = createJiti(${JSON.stringify(index)}, { fsCache: false });`;
  const child = execa('node', ['--input-type=module', '--eval', jiti + program], { buffer: false, reject: false });
  const id = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (chunk) => resolve(String(chunk).trim()));
    child.once('close', () => reject(new Error('the other process built no lab')));
  });
  return {
    id,
    kill: async () => {
      child.kill('SIGKILL');
      await child;
    },
    end: async () => {
      child.stdin.end();
      await child;
    },
  };
}

/** A sweep of somebody else's, which looks at the lab in that very moment, makes its lock anew and takes it away again. */
async function untilGone(id: string): Promise<void> {
  await until(async () => (await tracesOf(id)).length === 0);
}

withLab('a lab', (machine) => {
  let lab: Lab;

  beforeAll(() => {
    lab = machine.lab;
  });

  test('is reached over SSH by its name and by its address, as root and as admin', async () => {
    expect(await ssh(lab, lab.name, 'hostname; id -un')).toBe('kvmhost\nroot');
    expect(await ssh(lab, `root@${lab.hostAddress}`, 'echo $SSH_CONNECTION')).toMatch(
      /^192\.168\.221\.1 \d+ 192\.168\.221\.150 22$/,
    );
    expect(await ssh(lab, `admin@${lab.name}`, 'id -un; sudo -n id -un')).toBe('admin\nroot');
  });

  test('runs NetworkManager, which holds the lease, and has network and libvirtd at hand but not running', async () => {
    const { stdout } = await lab.run(
      ['systemctl', 'is-active', 'NetworkManager', 'network', 'libvirtd', 'libvirtd.socket'],
      { reject: false },
    );
    expect(stdout).toBe('active\ninactive\ninactive\ninactive');
    expect((await lab.run(['systemctl', 'is-enabled', 'network'], { reject: false })).stdout).toBe('disabled');
    expect((await lab.run(['nmcli', '-g', 'DEVICE,STATE', 'device'])).stdout).toMatch(/^ens33:connected$/m);
    expect(await lab.leases()).toEqual([
      {
        mac: '52:54:00:aa:00:01',
        address: lab.hostAddress,
        hostname: 'kvmhost',
        clientId: '',
        expires: expect.any(Date),
      },
    ]);
  });

  test('cannot touch the kernel that it shares, nor be left by traffic', async () => {
    for (const path of ['/proc/sys/kernel', '/proc/sys/vm', '/proc/sys/fs', '/sys/module', '/sys/kernel']) {
      expect((await lab.run(['findmnt', '-n', '-o', 'OPTIONS', path])).stdout.split('\n').at(-1)).toMatch(/^ro,/);
    }
    // Asked, never tried: what a hole lets through here would hit this whole machine.
    const { stdout } = await lab.run(['cat', '/proc/self/status']);
    for (const set of ['CapPrm', 'CapEff', 'CapBnd']) {
      const held = BigInt(`0x${new RegExp(`^${set}:\\s*([0-9a-f]+)$`, 'm').exec(stdout)?.[1] ?? 'ffffffffffffffff'}`);
      for (const [name, bit] of [
        ['SYS_MODULE', 16n],
        ['SYS_RAWIO', 17n],
        ['SYS_TIME', 25n],
      ] as const) {
        expect({ set, name, held: (held >> bit) & 1n }).toEqual({ set, name, held: 0n });
      }
    }
    const routes = await execa('ip', ['-n', lab.lanNamespace, 'route']);
    expect(routes.stdout.trim()).toBe('192.168.221.0/24 dev lan0 proto kernel scope link src 192.168.221.1');
  });

  test('runs commands with input, and says how they ended', async () => {
    await lab.putFile('/root/new folder/file', 'text', 0o600);
    expect((await lab.run(['stat', '-c', '%a %s', '/root/new folder/file'])).stdout).toBe('600 4');
    expect(await lab.run(['sh', '-c', 'cat; echo no >&2; exit 3'], { input: 'in', reject: false })).toEqual({
      ...{ stdout: 'in', stderr: 'no', exitCode: 3 },
    });
    await expect(lab.run(['false'])).rejects.toThrow('exit code 1');
  });

  test('comes up again after a reboot and after its plug was pulled, with its files and without its links', async () => {
    await lab.run(['sh', '-c', 'echo kept > /root/kept; ip link add left type bridge']);
    await lab.reboot();
    expect(await ssh(lab, lab.name, 'cat /root/kept; ls /sys/class/net')).toBe('kept\nens33\nlo');
    await lab.powerOff();
    await expect(lab.run(['true'])).rejects.toThrow('is off');
    await lab.powerOn();
    expect(await ssh(lab, lab.name, 'cat /root/kept')).toBe('kept');
  });

  test('does not disturb another one, whose removal leaves nothing', async () => {
    const other = await buildLab({ name: 'other' });
    try {
      await other.run(['systemctl', 'stop', 'ssh']);
      expect(await ssh(lab, lab.name, 'hostname')).toBe('kvmhost');
      expect(await tracesOf(other.id)).not.toEqual([]);
      expect(other.virtType).toBe(lab.virtType);
    } finally {
      await other.destroy();
    }
    await untilGone(other.id);
    expect(await ssh(lab, lab.name, 'systemctl is-active ssh')).toBe('active');
  });

  test('is left alone by a sweep, which takes away those of killed processes only', async () => {
    const [killed, kept] = await Promise.all([buildElsewhere('{}'), buildElsewhere('{ keep: true }')]);
    await sweepLabs();
    expect(await labIds()).toEqual(expect.arrayContaining([lab.id, killed.id, kept.id]));
    await expect(destroyLab(kept.id)).rejects.toThrow('in use');
    await Promise.all([killed.kill(), kept.end()]);
    // The lock ends with a process of its own, which notices the death of the other one in its turn.
    await until(async () => {
      await sweepLabs();
      return !(await labIds()).includes(killed.id);
    });
    await untilGone(killed.id);
    expect(await labIds()).toEqual(expect.arrayContaining([lab.id, kept.id]));
    await until(async () => {
      await destroyLab(kept.id).catch((error: Error) => {
        if (!error.message.includes('in use')) throw error;
      });
      return !(await labIds()).includes(kept.id);
    });
    expect(await tracesOf(kept.id)).toEqual([]);
    expect(await ssh(lab, lab.name, 'hostname')).toBe('kvmhost');
  });

  test('is not built when it is aborted, and leaves nothing then', async () => {
    const abort = new AbortController();
    // Others build labs at the same time: only this one's id counts.
    let id = '';
    const building = buildLab({
      signal: abort.signal,
      onProgress: (message) => {
        id = /^building lab (\w+)/.exec(message)?.[1] ?? id;
        if (message.startsWith('booting')) abort.abort();
      },
    });
    await expect(building).rejects.toThrow('aborted');
    expect(id).not.toBe('');
    expect(await labIds()).not.toContain(id);
  });
});
