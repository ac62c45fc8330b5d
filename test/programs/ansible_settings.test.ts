import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ansibleSettings, unreadSettings } from '../../lib/inventory/ansible/settings.ts';
import { play } from '../../lib/site/play.ts';
import { runCommand } from '../support/command.ts';
import { refusal } from '../support/refusal.ts';

const site = `import { assert, play } from 'kvm-play';

export default play({ name: 'Here', tasks: [assert('holds', () => true)] });
`;

describe('settings of Ansible', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'kvm-play-cfg-'));
    mkdirSync(join(directory, 'conf'));
    writeFileSync(join(directory, 'site.ts'), site);
    writeFileSync(
      join(directory, 'conf/ansible.cfg'),
      '# ours\n[defaults]\nInventory = "hosts.ini", /etc/more ; two\nremote_user: ops\nforks = 20\n[ssh_connection]\nssh_args =\n  -o ProxyJump=b\n',
    );
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const none = { inventories: [], hosts: [] };
  const hostless = play({ name: 'Here', tasks: [] });
  const named = play({ name: 'There', hosts: ['kvm1'], tasks: [] });

  test('are found in a configuration and in the environment, which wins', async () => {
    const file = join(directory, 'conf/ansible.cfg');
    const found = await ansibleSettings({ ANSIBLE_CONFIG: file, ANSIBLE_BECOME: '1', ANSIBLE_FORKS: '9' });
    expect(found.others).toEqual(['ANSIBLE_BECOME', `remote_user of ${file}`, `ssh_args of ${file}`]);
    expect(found.inventory).toMatchObject({
      source: file,
      paths: [expect.stringMatching(/conf\/hosts\.ini$/), '/etc/more'],
    });
    const other = await ansibleSettings({ ANSIBLE_CONFIG: join(directory, 'conf'), ANSIBLE_INVENTORY: 'a,b' });
    expect(other.inventory).toEqual({ source: 'the environment (ANSIBLE_INVENTORY)', paths: ['a', 'b'] });
  });

  test('an inventory among them refuses a play without hosts, and is warned of beside others', () => {
    const settings = { inventory: { source: 'ansible.cfg', paths: ['a', 'b'] }, others: [] };
    const { message, context } = refusal(() => unreadSettings(settings, [named, hostless], none));
    expect(message).toBe(
      "play 'Here' names no hosts and would run on this machine, because the inventory of ansible.cfg is not read; give -i a -i b, or for this machine --host localhost",
    );
    expect(context.location).toEqual(hostless.location);
    expect(unreadSettings(settings, [named], none)).toEqual([
      'the inventory of ansible.cfg is not read; where it is meant, give -i a -i b',
    ]);
    expect(unreadSettings(settings, [hostless], { ...none, hosts: ['localhost'] })).toEqual([]);
    expect(unreadSettings(settings, [hostless], { ...none, inventories: ['a'] })).toEqual([]);
  });

  test.each([[{ ANSIBLE_INVENTORY: 'hosts.ini' }], [{ ANSIBLE_CONFIG: 'conf' }]])(
    'with %j a run and a list do nothing on this machine',
    async (env) => {
      for (const args of [['site.ts'], ['--list-hosts', 'site.ts']]) {
        const { exitCode, stdout, stderr } = await runCommand(args, { cwd: directory, env });
        expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
        expect(stderr).toContain("kvm-play: play 'Here' names no hosts and would run on this machine");
        expect(stderr).toMatch(/give -i (?:conf\/)?hosts\.ini/);
        expect(stderr).toContain('site.ts:3');
      }
    },
  );

  test('others are warned of', async () => {
    const env = { ANSIBLE_REMOTE_USER: 'ops' };
    const { exitCode, stderr } = await runCommand(['--list-hosts', 'site.ts'], { cwd: directory, env });
    expect({ exitCode, stderr }).toEqual({
      exitCode: 0,
      stderr: '[WARNING]: not read, as all settings of Ansible: ANSIBLE_REMOTE_USER; see docs/from_ansible.md\n',
    });
  });
});
