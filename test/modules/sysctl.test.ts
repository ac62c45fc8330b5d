import { describe, expect, test } from '@jest/globals';
import { command, makeDirectory, writeFile } from '../../lib/task/step.ts';
import { type FakeAnswer, FakeHost } from '../../lib/testing/index.ts';
import { type SysctlArgs, sysctl } from '../../modules/sysctl.ts';

/** As `cat` shows them below /proc/sys of a Debian 12. */
const live = {
  '/proc/sys/net/ipv4/ip_forward': '0\n',
  '/proc/sys/net/ipv4/ip_local_port_range': '32768\t60999\n',
  '/proc/sys/net/ipv4/conf/all/accept_redirects': '1\n',
  '/proc/sys/net/ipv4/conf/lo/forwarding': '0\n',
  '/proc/sys/net/ipv4/conf/eth0.100/forwarding': '0\n',
  '/proc/sys/vm/swappiness': '60\n',
};

/** Debian 12's own, shortened by comments. */
const vendor = {
  '/usr/lib/sysctl.d/50-pid-max.conf': '# Bump the numeric PID range\nkernel.pid_max = 4194304\n',
  '/usr/lib/sysctl.d/99-protect-links.conf': 'fs.protected_fifos = 1\nfs.protected_hardlinks = 1\n',
};

const conf = '# Uncomment the next line to enable packet forwarding for IPv4\n#net.ipv4.ip_forward=1\n';

/** A host booted by systemd on which 99-sysctl.conf links to sysctl.conf, as on Debian 12 and Red Hat. */
function systemdHost(files: Record<string, string> = {}, main: string | undefined = conf): FakeHost {
  const host = new FakeHost({
    files: { ...live, ...vendor, '/run/systemd/system/x': '', '/etc/sysctl.d/99-sysctl.conf': main ?? '', ...files },
    commands: { 'readlink -f -- /etc/sysctl.d/99-sysctl.conf': { stdout: '/etc/sysctl.conf\n' } },
    onStep: kernel,
  });
  if (main !== undefined) host.files.set('/etc/sysctl.conf', main);
  return host;
}

/** A host without systemd, where `sysctl --system` reads sysctl.conf last. */
function plainHost(files: Record<string, string> = {}): FakeHost {
  return new FakeHost({ files: { ...live, ...files }, onStep: kernel });
}

/** Does what `sysctl -w` does: the kernel prints tabs and decimals, and ip_forward resets others. */
function kernel(argv: readonly string[], host: FakeHost): FakeAnswer {
  if (argv[0] !== 'sysctl' || argv[1] !== '-w') return { exitCode: 127 };
  for (const assignment of argv.slice(2)) {
    const [key = '', value = ''] = assignment.split('=');
    const path = `/proc/sys/${key.replace(/[./]/g, (one) => (one === '.' ? '/' : '.'))}`;
    if (!host.files.has(path)) return { exitCode: 1 };
    host.files.set(path, `${value.split(' ').map(Number).join('\t')}\n`);
    if (key === 'net.ipv4.ip_forward') host.files.set('/proc/sys/net/ipv4/conf/all/accept_redirects', '0\n');
  }
  return {};
}

const forwarding: SysctlArgs = { values: { 'net.ipv4.ip_forward': 1 } };

describe('desired', () => {
  test('the title names the first parameter and counts the rest', () => {
    expect(sysctl(forwarding).title).toBe('sysctl net.ipv4.ip_forward');
    expect(sysctl({ values: { 'vm.swappiness': 1, 'net/ipv4/ip_forward': 1 } }).subject).toBe(
      'net.ipv4.ip_forward and 1 more',
    );
  });

  test.each<[string, SysctlArgs, RegExp]>([
    ['no parameter', { values: {} }, /names no kernel parameter/],
    ['a key that is none', { values: { ip_forward: 1 } }, /"ip_forward" is no kernel parameter's key/],
    ['a key with a line break', { values: { 'net.ipv4\n.x': 1 } }, /is no kernel parameter's key/],
    ['a key that looks like an option', { values: { '-p.x': 1 } }, /is no kernel parameter's key/],
    ['a wildcard', { values: { 'net.ipv4.conf.*.forwarding': 1 } }, /is no kernel parameter's key/],
    ['a key that leaves /proc/sys', { values: { 'net/../../self/x': 1 } }, /is no kernel parameter's key/],
    ['the same with dots and slashes swapped', { values: { 'net.//.//.self.x': 1 } }, /is no kernel parameter's key/],
    ['one key in two notations', { values: { 'a.b': 1, 'a/b': 1 } }, /a\.b is there twice/],
    ['a value with a line break', { values: { 'a.b': '1\nc.d=2' } }, /one line of printable ASCII/],
    ['an empty value', { values: { 'a.b': ' ' } }, /one line of printable ASCII/],
    ['half a number', { values: { 'a.b': 0.5 } }, /a number must be whole/],
    ['a file that nothing reads', { ...forwarding, file: '/etc/sysctl.d/sub/x.conf' }, /nothing reads at boot/],
    ['a file without .conf', { ...forwarding, file: '/etc/sysctl.d/x' }, /nothing reads at boot/],
    ['nothing to do', { ...forwarding, persist: false, live: false }, /neither 'persist' nor 'live'/],
    ['an absent live value', { ...forwarding, state: 'absent', live: true }, /absent from a file only/],
  ])('%s is refused', (_what, args, message) => {
    expect(() => sysctl(args)).toThrow(message);
  });
});

describe('read', () => {
  async function differences(host: FakeHost, args: SysctlArgs): Promise<Record<string, unknown>> {
    const reading = await sysctl(args).read(host.reader);
    return Object.fromEntries(reading.differences.map(({ path, actual }) => [path, actual]));
  }

  test('a host as it was installed', async () => {
    expect(await differences(systemdHost(), forwarding)).toEqual({
      'persisted.net.ipv4.ip_forward': undefined,
      'live.net.ipv4.ip_forward': '0',
    });
  });

  test.each([
    ['net.ipv4.ip_local_port_range', '32768 60999', 'net.ipv4.ip_local_port_range=32768\t60999 # note'],
    ['net.ipv4.ip_forward', '0x0', '-net/ipv4/ip_forward = 00'],
    ['net/ipv4/conf/eth0.100/forwarding', 0, 'net.ipv4.conf.eth0/100.forwarding = 0'],
    ['net.ipv4.conf.eth0/100.forwarding', 0, 'net/ipv4/conf/eth0.100/forwarding = 0'],
    ['vm.swappiness', 60, 'vm.swappiness = 10\nvm.swappiness = 60'],
  ])('%s %s holds where the file says %j', async (key, value, text) => {
    expect(await differences(systemdHost({}, `${text}\n`), { values: { [key]: value } })).toEqual({});
  });

  test('only what is asked for is looked at', async () => {
    expect(await differences(systemdHost(), { ...forwarding, live: false })).toEqual({
      'persisted.net.ipv4.ip_forward': undefined,
    });
    expect(await differences(systemdHost(), { ...forwarding, persist: false })).toEqual({
      'live.net.ipv4.ip_forward': '0',
    });
  });

  test('a file that is read later and says otherwise is a difference', async () => {
    const host = systemdHost({ '/run/sysctl.d/99-zz.conf': 'net/ipv4/ip_forward=0\n' }, 'net.ipv4.ip_forward = 1\n');
    expect(await differences(host, { ...forwarding, live: false })).toEqual({
      'persisted.net.ipv4.ip_forward': '0 by /run/sysctl.d/99-zz.conf',
    });
  });

  test.each([
    ['is read earlier', '/usr/lib/sysctl.d/50-a.conf', 'net.ipv4.ip_forward = 0'],
    ['says the same', '/usr/lib/sysctl.d/99-zz.conf', 'net.ipv4.ip_forward = 01'],
    ['has a wildcard', '/usr/lib/sysctl.d/99-zz.conf', 'net.ipv4.* = 0'],
    ['does not end in .conf', '/etc/sysctl.d/99-zz.conf.bak', 'net.ipv4.ip_forward = 0'],
  ])('a file that %s is none', async (_what, path, text) => {
    const host = systemdHost({ [path]: text }, 'net.ipv4.ip_forward = 1\n');
    expect(await differences(host, { ...forwarding, live: false })).toEqual({});
  });

  test('a file that one of the same name in /etc switches off is none', async () => {
    const host = systemdHost(
      { '/usr/lib/sysctl.d/99-zz.conf': 'net.ipv4.ip_forward = 0\n', '/etc/sysctl.d/99-zz.conf': '' },
      'net.ipv4.ip_forward = 1\n',
    );
    expect(await differences(host, { ...forwarding, live: false })).toEqual({});
  });

  test('without systemd sysctl.conf is read last, and wins', async () => {
    const files = {
      '/etc/sysctl.conf': 'net.ipv4.ip_forward = 1\n',
      '/etc/sysctl.d/zz.conf': 'net.ipv4.ip_forward=0\n',
    };
    expect(await differences(plainHost(files), { ...forwarding, live: false })).toEqual({});
    const own = { ...forwarding, live: false, file: '/etc/sysctl.d/90-own.conf' };
    const overridden = {
      ...files,
      '/etc/sysctl.d/90-own.conf': 'net.ipv4.ip_forward = 1\n',
      '/etc/sysctl.conf': 'net.ipv4.ip_forward = 0',
    };
    expect(await differences(plainHost(overridden), own)).toEqual({
      'persisted.net.ipv4.ip_forward': '0 by /etc/sysctl.conf',
    });
  });

  test('a file that is yet to be made has its place by its name', async () => {
    const args = { ...forwarding, file: '/etc/sysctl.d/90-own.conf' };
    const earlier = systemdHost({ '/usr/lib/sysctl.d/50-x.conf': 'net.ipv4.ip_forward = 0\n' });
    expect((await sysctl.check(earlier, args)).changed).toBe(true);
    const later = systemdHost({ '/usr/lib/sysctl.d/95-x.conf': 'net.ipv4.ip_forward = 0\n' });
    await expect(sysctl.check(later, args)).rejects.toThrow('/usr/lib/sysctl.d/95-x.conf is read later');
  });

  test('a sysctl.conf that systemd does not read keeps nothing', async () => {
    const host = plainHost({ '/run/systemd/system/x': '', '/etc/sysctl.conf': 'net.ipv4.ip_forward = 1\n' });
    expect(await differences(host, { ...forwarding, live: false })).toEqual({
      'persisted.net.ipv4.ip_forward': 'not read at boot',
    });
  });

  test.each([
    ['net.ipv4.ip_foward', 'file:/proc/sys/net/ipv4/ip_foward', /did you mean net\.ipv4\.ip_forward\?/],
    ['net.bridge.bridge-nf-call-iptables', 'kernel-module:br_netfilter', /modprobe br_netfilter/],
    ['net.ipv4.conf.br0.forwarding', 'link:br0', /no interface br0/],
    ['net.ipv4.conf.lo.nosuch', 'file:/proc/sys/net/ipv4/conf/lo/nosuch', /correct the name/],
    ['net.ipv4.conf.eth0.100.forwarding', 'file:/proc/sys/net/ipv4/conf/eth0/100/forwarding', /written as a slash/],
  ])('%s is unknown to the kernel', async (key, missing, remedy) => {
    const reading = await sysctl({ values: { [key]: 1 } }).read(systemdHost().reader);
    expect(reading.missing).toEqual([
      { key: missing, what: `there is no kernel parameter ${key}`, remedy: expect.stringMatching(remedy) },
    ]);
  });

  test('an unknown key that is only kept is a warning', async () => {
    const reading = await sysctl({ values: { 'net.bridge.x': 1 }, live: false }).read(systemdHost().reader);
    expect(reading.missing).toEqual([]);
    expect(reading.warnings).toEqual([expect.stringContaining('has no parameter net.bridge.x')]);
  });

  test('a host without sysctl lacks it', async () => {
    const host = new FakeHost({ files: { ...live, '/etc/os-release': 'ID=debian\n' }, tools: [] });
    const { missing } = await sysctl(forwarding).read(host.reader);
    expect(missing).toEqual([expect.objectContaining({ key: 'tool:sysctl', remedy: 'apt-get install procps' })]);
    expect((await sysctl({ ...forwarding, live: false }).read(host.reader)).missing).toEqual([]);
  });
});

describe('plan', () => {
  const asFound = (text: string, path = '/etc/sysctl.conf') => ({ before: { path, text, encoding: 'utf8' as const } });

  /** The steps, without how a network change takes them back. */
  async function steps(host: FakeHost, args: SysctlArgs): Promise<unknown> {
    return (await sysctl.check(host, args)).steps.map((step) => {
      if (step.kind !== 'command') return step;
      const { undo: _undo, ...rest } = step;
      return rest;
    });
  }

  test('a network change takes the live values back', async () => {
    const [step] = (await sysctl.check(systemdHost(), forwarding)).steps;
    expect(step).toMatchObject({ undo: { withOldFiles: [['sysctl', '-w', 'net.ipv4.ip_forward=0']] } });
  });

  test('the live value is set first: what the kernel refuses never reaches the file', async () => {
    expect(await steps(systemdHost(), forwarding)).toEqual([
      command(['sysctl', '-w', 'net.ipv4.ip_forward=1']),
      writeFile('/etc/sysctl.conf', `${conf}net.ipv4.ip_forward = 1\n`, asFound(conf)),
    ]);
  });

  test('only what differs is set', async () => {
    const host = systemdHost({}, 'vm.swappiness = 10\n');
    expect(await steps(host, { values: { 'vm.swappiness': 10, 'net.ipv4.conf.lo.forwarding': 0 } })).toEqual([
      command(['sysctl', '-w', 'vm.swappiness=10']),
      writeFile(
        '/etc/sysctl.conf',
        'vm.swappiness = 10\nnet.ipv4.conf.lo.forwarding = 0\n',
        asFound('vm.swappiness = 10\n'),
      ),
    ]);
  });

  test('what ip_forward resets is set after it', async () => {
    const values = { 'vm.swappiness': 60, 'net.ipv4.conf.all.accept_redirects': 1, 'net.ipv4.ip_forward': 1 };
    expect(await steps(systemdHost(), { values, persist: false })).toEqual([
      command(['sysctl', '-w', 'net.ipv4.ip_forward=1', 'net.ipv4.conf.all.accept_redirects=1']),
    ]);
  });

  test('a file of its own is made, with its directory', async () => {
    const args = { values: { 'net.ipv4.ip_local_port_range': '1024  65000' }, file: '/etc/sysctl.d/90-own.conf' };
    expect(await steps(plainHost(), args)).toEqual([
      command(['sysctl', '-w', 'net.ipv4.ip_local_port_range=1024  65000']),
      makeDirectory('/etc/sysctl.d'),
      writeFile('/etc/sysctl.d/90-own.conf', 'net.ipv4.ip_local_port_range = 1024  65000\n'),
    ]);
  });

  test('removing takes all lines of the key, and says that the live value stays', async () => {
    const text = 'a.b = 1\nnet.ipv4.ip_forward =\n-net/ipv4/ip_forward=1\n';
    const result = await sysctl.check(systemdHost({ '/etc/sysctl.d/10-x.conf': 'net.ipv4.ip_forward = 1' }, text), {
      ...forwarding,
      state: 'absent',
    });
    expect(result.steps).toEqual([writeFile('/etc/sysctl.conf', 'a.b = 1\n', asFound(text))]);
    expect(result.warnings).toEqual([
      'the live value of net.ipv4.ip_forward stays 0 until the next boot',
      '/etc/sysctl.d/10-x.conf sets net.ipv4.ip_forward to 1 at boot',
    ]);
  });

  test.each<[string, FakeHost, SysctlArgs, RegExp]>([
    [
      'a later file that says otherwise',
      systemdHost({ '/usr/lib/sysctl.d/99-zz.conf': 'net.ipv4.ip_forward = 0\n' }),
      forwarding,
      /would not hold after the next boot: \/usr\/lib\/sysctl\.d\/99-zz\.conf is read later and sets it to 0; take its line out/,
    ],
    [
      'a file that nothing reads',
      plainHost({ '/run/systemd/system/x': '', '/etc/sysctl.conf': '' }),
      forwarding,
      /systemd does not read it on this host .* file: '\/etc\/sysctl\.d\/90-kvm-play\.conf'/,
    ],
    [
      "a file that would switch off another one's",
      systemdHost(),
      { ...forwarding, file: '/etc/sysctl.d/50-pid-max.conf' },
      /would switch off \/usr\/lib\/sysctl\.d\/50-pid-max\.conf as a whole/,
    ],
  ])('%s is refused', async (_what, host, args, message) => {
    await expect(sysctl.check(host, args)).rejects.toThrow(message);
    await expect(sysctl.apply(host, args)).rejects.toThrow(message);
    expect(host.executed).toEqual([]);
  });

  test('a key that the kernel lets nobody write is refused, for sysctl would exit with 0', async () => {
    const host = systemdHost({ '/proc/sys/kernel/ostype': 'Linux\n' });
    host.commands.set('test -w /proc/sys/kernel/ostype', { exitCode: 1 });
    const values = { 'kernel.ostype': 'x', 'net.ipv4.ip_forward': 1 };
    await expect(sysctl.apply(host, { values })).rejects.toThrow('kernel.ostype is to be x, is Linux');
    expect(host.executed).toEqual([]);
    expect((await sysctl.check(host, { values: { 'kernel.ostype': 'Linux' } })).steps).toMatchObject([
      { kind: 'write' },
    ]);
  });

  test('an unknown key stops the task before anything is written', async () => {
    const host = systemdHost();
    await expect(sysctl.apply(host, { values: { 'net.ipv4.ip_forward': 1, 'net.ipv4.nosuch': 1 } })).rejects.toThrow(
      'there is no kernel parameter net.ipv4.nosuch',
    );
    expect(host.executed).toEqual([]);
  });
});

describe('round trip', () => {
  const values = { 'vm.swappiness': '0x0a', 'net.ipv4.ip_local_port_range': '1024 65000', 'net.ipv4.ip_forward': 1 };

  test.each<[string, SysctlArgs]>([
    ['sysctl.conf', { values }],
    ['a file of its own', { values, file: '/etc/sysctl.d/90-own.conf' }],
    ['live only', { values, persist: false }],
    ['kept only', { values, live: false }],
    ['accept_redirects beside ip_forward', { values: { ...values, 'net.ipv4.conf.all.accept_redirects': 1 } }],
  ])('%s', async (_what, args) => {
    const host = plainHost({ '/etc/sysctl.conf': conf });
    const files = new Map(host.files);
    expect((await sysctl.check(host, args)).changed).toBe(true);
    expect(host.executed).toEqual([]);
    expect(host.files).toEqual(files);
    expect((await sysctl.apply(host, args)).changed).toBe(true);
    expect(await sysctl.apply(host, args)).toMatchObject({ changed: false, steps: [], differences: [] });
    expect((await sysctl.check(host, args)).changed).toBe(false);
  });

  test('absent', async () => {
    const host = plainHost({ '/etc/sysctl.conf': 'net.ipv4.ip_forward =\n# mine\n' });
    const args: SysctlArgs = { ...forwarding, state: 'absent' };
    expect((await sysctl.check(host, args)).changed).toBe(true);
    expect((await sysctl.apply(host, args)).changed).toBe(true);
    expect(host.files.get('/etc/sysctl.conf')).toBe('# mine\n');
    expect((await sysctl.apply(host, args)).changed).toBe(false);
  });

  test('what the kernel refuses leaves the file alone', async () => {
    const host = plainHost({ '/etc/sysctl.conf': conf });
    host.commands.set('sysctl -w net.ipv4.ip_forward=abc', { exitCode: 1 });
    await expect(sysctl.apply(host, { values: { 'net.ipv4.ip_forward': 'abc' } })).rejects.toThrow();
    expect(host.files.get('/etc/sysctl.conf')).toBe(conf);
  });
});
