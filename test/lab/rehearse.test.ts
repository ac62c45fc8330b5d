import { once } from 'node:events';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { labIds } from '../../lib/lab/index.ts';
import { root } from '../support/built.ts';
import { startCommand } from '../support/command.ts';
import { installPacked, type PackedProject } from '../support/packed.ts';
import { describeLab } from './support.ts';

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
