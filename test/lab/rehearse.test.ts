import { once } from 'node:events';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { labIds } from '../../lib/lab/index.ts';
import { root } from '../support/built.ts';
import { startCommand } from '../support/command.ts';
import { installPacked, type PackedProject } from '../support/packed.ts';
import { describeLab } from './support.ts';

/** A bridge, a guest that starts at boot, and a file that the next boot takes away. */
const forgetful = `
import { networkChange, play } from 'kvm-play';
import { bridge, file, network, service, virshPool, virshVolume, virtInstall } from 'kvm-play/modules';

const images = '/var/lib/libvirt/images';

export default play({
  name: 'Forget a file',
  vars: { virtType: 'kvm' },
  tasks: ({ virtType }) => {
    const br0 = bridge({ name: 'br0', port: 'ens33' });
    return [
      networkChange({ title: 'Bridge' }, [br0, network({ reflects: [br0], disrupts: ['link'] })]),
      service({ name: 'libvirtd', state: 'started', enabled: true }),
      file({ path: '/run/forgotten', content: 'until the next boot' }),
      virshPool({ name: 'default', path: images }),
      virshVolume({ pool: 'default', name: 'disk.qcow2', capacity: '1G', format: 'qcow2' }),
      virtInstall({
        name: 'gibbon',
        virtType,
        memory: 128,
        cdrom: images + '/boot.iso',
        disks: [{ path: images + '/disk.qcow2' }],
        networks: [{ bridge: 'br0' }],
        osVariant: 'generic',
        autostart: true,
      }),
    ];
  },
});
`;

describeLab('a rehearsal, from the packed tarball in another project', () => {
  let project: PackedProject;
  beforeAll(async () => {
    project = await installPacked();
    cpSync(join(root, 'playbooks/site.ts'), join(project.directory, 'site.ts'));
  });
  afterAll(() => project && rmSync(project.directory, { recursive: true, force: true }));

  test('runs the site twice, and again after a reboot, and shows the guest with its lease', async () => {
    const { stdout, exitCode } = await project.run(['npx', 'kvm-play', 'rehearse', '--yes', 'site.ts'], {
      reject: false,
    });
    const recaps = [...stdout.matchAll(/^root@\S+ +: ok=9 +changed=(\d) +unreachable=0 +failed=0 /gm)];
    expect({ exitCode, changed: recaps.map(([, changed]) => changed) }).toEqual({
      exitCode: 0,
      changed: ['9', '0', '0'],
    });
    // The picture: the uplink, the bridge with the address that the host had, and the guest with a lease of the LAN.
    expect(stdout).toMatch(/ens33.*br0.*192\.168\.221\.150.*gibbon.*192\.168\.221\.1\d\d/s);
    const id = /building lab ([0-9a-f]{8})/.exec(stdout)?.[1] ?? '';
    expect(id).not.toBe('');
    expect(await labIds()).not.toContain(id);
    const reboot = stdout.indexOf('rebooting the host\nthe host answers at 192.168.221.150 again\n');
    expect(reboot).toBeGreaterThan(stdout.indexOf('guest gibbon'));
    expect(stdout.indexOf('running the site a third time: nothing may change')).toBeGreaterThan(reboot);
  });

  test('on another network stack reboots the host with its guest, and finds what does not survive that', async () => {
    writeFileSync(join(project.directory, 'forgetful.ts'), forgetful);
    const rehearse = ['npx', 'kvm-play', 'rehearse', '--yes', '--network', 'networkd', 'forgetful.ts'];
    const { stdout, exitCode } = await project.run(rehearse, { reject: false });
    const recaps = [...stdout.matchAll(/^root@\S+ +: ok=7 +changed=(\d) +unreachable=0 +failed=0 /gm)];
    expect({ exitCode, changed: recaps.map(([, changed]) => changed) }).toEqual({
      exitCode: 3,
      changed: ['7', '0', '1'],
    });
    expect(stdout).toContain('\nguests with autostart run again: gibbon\n');
    expect(stdout).toMatch(/TASK \[file \/run\/forgotten\] \**\nchanged: /);
    expect(stdout).toContain('the third run changed something: what the site says does not survive a reboot\n');
  });
});

describeLab('a rehearsal that is interrupted', () => {
  test.each(['building lab', 'booting'])('while it says %s takes the host away, and ends with 130', async (stage) => {
    const child = startCommand(['rehearse', '--yes', 'playbooks/site.ts'], { cwd: root });
    let said = '';
    const ready = new Promise<void>((resolve) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream?.on('data', (text) => {
          said += text;
          if (said.includes(stage)) resolve();
        });
      }
    });
    await ready;
    child.kill('SIGINT');
    await once(child, 'close');
    expect({ exitCode: child.exitCode, said }).toMatchObject({ exitCode: 130 });
    const lines = said.trimEnd().split('\n');
    expect(lines.filter((line) => !/^(building lab|booting|waiting for)/.test(line))).toEqual([
      expect.stringMatching(/^interrupted: /),
      'the host was not ready yet; what there was of it has been taken away',
    ]);
    const id = /building lab ([0-9a-f]{8})/.exec(said)?.[1] ?? '';
    expect(id).not.toBe('');
    expect(await labIds()).not.toContain(id);
  });
});
