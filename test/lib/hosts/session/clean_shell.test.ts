import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { LocalTransport } from '../../../../lib/hosts/local.ts';
import { bootstrap } from '../../../../lib/hosts/session/clean_shell.ts';
import { prologue, rootPath } from '../../../../lib/hosts/shell/script.ts';
import { type LocalUser, localUser } from '../../../support/local_user.ts';
import { shells } from '../../../support/shells.ts';

describe('bootstrap', () => {
  test('is one line that csh and fish leave alone', () => {
    const words = { prompt: 'kvm-play-0f:', ready: 'kvm-play-f0' };
    for (const line of [
      bootstrap(10, { become: false }),
      bootstrap(10, { become: true }),
      bootstrap(10, { become: true, words }),
    ]) {
      expect(line).toMatch(/^exec sh -c '[^'!\n]*'$/);
    }
  });

  test('reads exactly the script, and leaves the rest to it', () => {
    const script = 'head -c 3';
    const output = execFileSync('sh', ['-c', bootstrap(script.length, { become: false })], {
      input: `${script}abcdef`,
    });
    expect(output.toString()).toBe('abc');
  });

  test('runs at once as root, where become has nothing to do', () => {
    if (process.getuid?.() !== 0) {
      console.warn('not tested: become without sudo needs root');
      return;
    }
    const script = 'id -u';
    expect(execFileSync('sh', ['-c', bootstrap(script.length, { become: true })], { input: script }).toString()).toBe(
      '0\n',
    );
    const talk = bootstrap(script.length, { become: true, words: { prompt: 'kvm-play-0f:', ready: 'kvm-play-f0' } });
    expect(execFileSync('sh', ['-c', talk], { input: script }).toString()).toBe('kvm-play-f0\n0\n');
  });
});

/** What the profile of a login may export, and what would come of it. */
const hostile = {
  ...{
    TMOUT: '1',
    IFS: '/',
    CDPATH: '/usr',
    PATH: `/nowhere:${process.env.PATH}`,
    POSIXLY_CORRECT: '1',
    HOSTNAME: 'x',
  },
  ...{ ENV: '/nowhere', BASH_ENV: '/nowhere', SHELLOPTS: 'xtrace', PS4: '+', 'BASH_FUNC_ls%%': '() { echo mine; }' },
  ...{ LC_ALL: 'de_DE.UTF-8', LANG: 'de_DE.UTF-8', LANGUAGE: 'de', TZ: 'Asia/Tokyo', TERM: 'xterm', LS_COLORS: 'di=1' },
  ...{ GREP_OPTIONS: '-v', TAR_OPTIONS: '-v', LD_LIBRARY_PATH: '/nowhere', TMPDIR: '/nowhere', SHELL: '/usr/bin/fish' },
  ...{
    http_proxy: 'http://nowhere',
    LIBVIRT_DEFAULT_URI: 'test:///default',
    VIRSH_DEFAULT_CONNECT_URI: 'test:///default',
  },
  ...{
    SYSTEMD_COLORS: '1',
    SYSTEMCTL_FORCE_BUS: '1',
    DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nowhere',
    XDG_STATE_HOME: '/x',
  },
};

describe.each(shells.map((shell) => shell.join(' ')))('what is run by %s', (sh) => {
  let user: LocalUser;
  let transport: LocalTransport;
  beforeEach(() => {
    user = localUser();
    transport = user.reach({ ...hostile, USER: 'ops', XDG_RUNTIME_DIR: '/run/user/9', SSH_CONNECTION: '1 2 3 4' }, sh);
  });
  afterEach(async () => {
    await transport.close();
    user.remove();
  });

  test('has an environment of its own, whatever the login exports', async () => {
    const kept = [`HOME=${user.home}`, 'LC_ALL=C', `LOGNAME=${process.env.LOGNAME ?? ''}`, `PATH=${rootPath}`];
    const expected = [...kept, 'SHELL=/bin/sh', 'SSH_CONNECTION=1 2 3 4', 'USER=ops', 'XDG_RUNTIME_DIR=/run/user/9'];
    for (const run of [transport.run, transport.runApart]) {
      const { stdout, stderr } = await run.call(transport, `${prologue()}\nenv; type ls`, { timeLimit: 10 });
      const lines = stdout.toString().trim().split('\n');
      const own = lines.slice(0, -1).filter((line) => !/^(PWD|OLDPWD|SHLVL|_)=/.test(line));
      expect(own.sort()).toEqual(expected.filter((line) => !line.endsWith('=')));
      expect([lines.at(-1), stderr.toString()]).toEqual([expect.stringMatching(/^ls is .*\/ls\)?$/), '']);
    }
  });

  test('goes on after the time in which the login would end an idle shell', async () => {
    const { stdout } = await transport.run('echo $$; sleep 1.5; echo done', { timeLimit: 10 });
    const again = await transport.run('echo $$; echo done', { timeLimit: 10 });
    expect(stdout.toString()).toMatch(/^\d+\ndone\n$/);
    expect(again.stdout.toString()).toBe(stdout.toString());
  });

  test('has the usual umask, and no limit that the login has set for itself', async () => {
    const login = 'umask 777; for limit in t f d v; do ulimit -S -$limit 100000; done; cd /tmp; exec sh "$@"';
    const limited = new LocalTransport('localhost', { become: false, shell: ['sh', '-c', login, 'sh'], sh });
    const script = `${prologue()}\numask; pwd; for limit in t f d v; do ulimit -S -$limit; done`;
    const { stdout } = await limited.run(script, { timeLimit: 10 });
    await limited.close();
    expect(stdout.toString()).toMatch(/^0*22\n\/\n(unlimited\n){4}$/);
  });

  test.each<[string, string, string, RegExp]>([
    ['few open files', 'ulimit -Sn 8', 'cat /proc/self/limits', /Max open files +1024 /],
    ['few open files', 'ulimit -Sn 12', 'cat /proc/self/limits', /Max open files +1024 /],
    ['many open files', 'ulimit -Sn 1500', 'cat /proc/self/limits', /Max open files +1500 /],
    ['few processes', 'ulimit -Su 3', 'cat /proc/self/limits', /Max processes +(\w+) +\1 /],
    ['ignored signals', "trap '' HUP PIPE TERM", 'grep SigIgn /proc/self/status', /^SigIgn:\t0{15}[06]\n$/],
    ['a home that is none', 'export HOME="relative dir"', 'echo "$HOME"', /^\/\S+\n$/],
    ['no home', 'unset HOME', 'echo "$HOME"', /^\/\S+\n$/],
    ['the home of somebody else', 'export HOME=/', 'echo "$HOME"', /^\/\S+\n$/],
  ])('is not bound by a login that gives it %s (%s)', async (_what, login, script, expected) => {
    const limited = user.login(login, sh);
    const { stdout, exitCode } = await limited.run(`${prologue()}\n${script} | cat`, { timeLimit: 10 });
    await limited.close();
    expect([exitCode, stdout.toString()]).toEqual([0, expect.stringMatching(expected)]);
  });

  test.each([
    ['ulimit -n 12', /may open 12 files \(ulimit -n\), and needs 64/],
    ['ulimit -u 3', /may have 3 processes \(ulimit -u\), and needs 20/],
    ['ulimit -n 6', /ran no script .*ulimit/s],
  ])('is refused at once where the login allows too little: %s', async (login, words) => {
    const refused = user.login(login, sh);
    await expect(refused.run('echo done', { timeLimit: 10 })).rejects.toThrow(words);
    await refused.close();
  });
});
