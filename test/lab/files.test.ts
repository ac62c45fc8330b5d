import { expect, test } from '@jest/globals';
import type { Task } from '../../lib/task/task.ts';
import { command, file, query, service, sysctl } from '../../modules/index.ts';
import { hostState } from './host_state.ts';
import { withLab } from './support.ts';

/** A daemon that notes the text of its file whenever it is started. */
const daemon = `[Service]
ExecStart=/bin/sh -c 'cat /etc/app/app.conf >> /run/app.log; exec sleep infinity'
`;

withLab('files and commands on a throwaway host', (machine) => {
  const { inside } = machine;

  /** Applies tasks, or checks them, and gives what became of each. */
  async function told(tasks: readonly Task[], check = false): Promise<readonly string[]> {
    return (await machine.run(tasks, { check })).ends;
  }

  /** Checks, applies, and applies again; looking leaves the host as it was. */
  async function roundTrip(tasks: readonly Task[]): Promise<void> {
    const before = await hostState(machine.lab);
    expect(await told(tasks, true)).toEqual(tasks.map(() => 'changed'));
    expect(await hostState(machine.lab)).toEqual(before);
    expect(await told(tasks)).toEqual(tasks.map(() => 'changed'));
    expect(await told(tasks)).toEqual(tasks.map(() => 'ok'));
  }

  test('files, directories and links get what is named, and keep the rest', async () => {
    await inside('mkdir -m 2775 /srv/shared; printf "caf\\351" > /etc/odd; chmod 4755 /etc/odd; ln -s odd /etc/link');
    await roundTrip([
      file({ path: '/srv/deep/er', state: 'directory', mode: '2770', group: 'libvirt' }),
      file({ path: '/srv/deep/er/a', content: 'one\n', mode: '0640', owner: 'admin', group: 'libvirt' }),
      file({ path: '/srv/deep/er/suid', mode: '4750', owner: 'admin', group: '0' }),
      file({ path: '/srv/shared', state: 'directory', mode: '0750' }),
      file({ path: '/etc/link', content: 'café', mode: '0600' }),
    ]);
    expect(await inside('cd /srv; stat -c "%a %U:%G %n" deep/er deep/er/* shared; cat deep/er/a')).toBe(
      '2770 root:libvirt deep/er\n640 admin:libvirt deep/er/a\n4750 admin:root deep/er/suid\n750 root:root shared\none',
    );
    expect(await inside('readlink /etc/link; stat -c %a /etc/odd; cat /etc/odd')).toBe('odd\n600\ncafé');
    await roundTrip([
      file({ path: '/etc/link', state: 'absent' }),
      file({ path: '/srv/deep/er/a', state: 'absent' }),
      file({ path: '/srv/shared', state: 'absent' }),
    ]);
    expect(await inside('ls /etc/odd; ls -d /srv/shared /etc/link 2>/dev/null || true')).toBe('/etc/odd');
  });

  test('a service loads a file that changed, once, and what a dead run has left', async () => {
    await machine.lab.putFile('/etc/systemd/system/app.service', daemon);
    const site = (text: string): readonly Task[] => {
      const settings = file({ path: '/etc/app/app.conf', content: text });
      return [file({ path: '/etc/app', state: 'directory' }), settings, service({ name: 'app', reflects: [settings] })];
    };
    expect(await told(site('one\n'))).toEqual(['changed', 'changed', 'changed']);
    expect(await told(site('one\n'))).toEqual(['ok', 'ok', 'ok']);
    expect(await told(site('two\n'), true)).toEqual(['ok', 'changed', 'changed']);
    expect(await told(site('two\n'))).toEqual(['ok', 'changed', 'changed']);
    expect(await inside('cat /run/app.log')).toBe('one\ntwo');
    // A run that writes, and never gets to the service.
    const [directory, settings] = site('three\n');
    const failing = command({ argv: ['false'] });
    expect(await told([directory, settings, failing].flatMap((task) => task ?? []))).toEqual([
      'ok',
      'changed',
      expect.stringMatching(/^false failed/),
    ]);
    expect(await told(site('three\n'))).toEqual(['ok', 'ok', 'changed']);
    expect(await told(site('three\n'))).toEqual(['ok', 'ok', 'ok']);
    expect(await inside('cat /run/app.log; ls /var/lib/kvm-play/pending')).toBe('one\ntwo\nthree');
  });

  test('commands run once where they can be seen to be done, and every time where they cannot', async () => {
    const once = [
      command({ argv: ['touch', 'made'], cwd: '/srv', creates: '/srv/made' }),
      command({ argv: ['sh', '-c', 'cat > /srv/read'], stdin: "it's $HOME\n", unless: ['test', '-s', '/srv/read'] }),
      command({ argv: ['rm', '-r', '/srv/deep'], removes: '/srv/deep' }),
    ];
    await roundTrip(once);
    expect(await inside('cat /srv/read')).toBe("it's $HOME");
    const blind = command({ argv: ['sh', '-c', 'echo again >> /srv/blind'] });
    expect(await told([blind, query({ argv: ['uname'] })], true)).toEqual(['changed', 'ok']);
    for (const _ of [1, 2]) expect(await told([blind])).toEqual(['changed']);
    expect(await inside('cat /srv/blind')).toBe('again\nagain');
  });

  test('what nobody can change is refused by check as by apply, unless an earlier task provides it', async () => {
    await inside(`mkdir -p '/srv/a mount' /srv/ro /srv/fixed /srv/full; cd /srv; touch bound immutable append
mount --bind bound bound; mount --bind 'a mount' 'a mount'
mount -t tmpfs none ro; touch ro/f; mkdir ro/d; chmod 755 ro; mount -o remount,ro ro; mount -t tmpfs -o size=16k none full; echo old > full/f
chattr +i immutable fixed; chattr +a append`);
    const directory = { state: 'directory' } as const;
    const absent = { state: 'absent' } as const;
    const refused = [
      [/^something is mounted on \/srv\/bound/, file({ path: '/srv/bound', content: 'x' })],
      [/^something is mounted on/, file({ path: '/srv/a mount', ...absent })],
      [/^\/srv\/ro\/f cannot be changed: not even root/, file({ path: '/srv/ro/f', content: 'x' })],
      [/^\/srv\/ro\/d cannot be changed/, file({ path: '/srv/ro/d', ...directory, mode: '0700' })],
      [/^nothing can be made, .*read-only/, file({ path: '/srv/ro/new/deep', ...directory })],
      [/^\/srv\/immutable cannot be changed: .*chattr -ia/, file({ path: '/srv/immutable', mode: '0600' })],
      [/^\/srv\/append cannot be changed: .*chattr -ia/, file({ path: '/srv/append', content: 'x' })],
      [/^nothing can be made, .*chattr -ia/, file({ path: '/srv/fixed/x', content: 'x' })],
      [/^\/tmp\/new is not made on the way to/, file({ path: '/tmp/new/er', ...directory })],
    ] as const;
    // Each by itself: a play ends with its first failure.
    for (const [words, task] of refused) {
      for (const check of [true, false]) expect(await told([task], check)).toEqual([expect.stringMatching(words)]);
    }
    const parameters = sysctl({ values: { 'net.ipv4.conf.all.log_martians': 0 }, file: '/etc/sysctl.d/90-x.conf' });
    await inside('chattr +i /etc/sysctl.d');
    for (const check of [true, false]) {
      expect(await told([parameters], check)).toEqual([expect.stringMatching(/^nothing can be made, .*chattr -ia/)]);
    }
    await inside('chattr -i /etc/sysctl.d');
    const full = file({ path: '/srv/full/f', content: 'x'.repeat(100_000) });
    expect(await told([full])).toEqual([expect.stringContaining('No space left on device')]);
    expect(await inside('cat /srv/full/f; ls -A /srv/full')).toBe('old\nf');
    const tasks = [
      command({ argv: ['chattr', '-i', '/srv/immutable'], provides: ['writable:/srv/immutable'] }),
      file({ path: '/srv/immutable', content: 'x' }),
      file({ path: '/tmp/new', ...directory }),
      file({ path: '/tmp/new/er', ...directory }),
      file({ path: '/srv/bound', mode: '0600' }),
    ];
    expect(await told(tasks, true)).toEqual(tasks.map(() => 'changed'));
    expect(await told(tasks)).toEqual(tasks.map(() => 'changed'));
    await inside('cd /srv; chattr -ia fixed append; umount bound "a mount" ro full; rm -rf /tmp/new');
  }, 120_000);
});
