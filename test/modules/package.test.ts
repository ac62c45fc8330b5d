import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { type FakeAnswer, FakeHost } from '../../lib/testing/index.ts';
import { type PackagesArgs, packages } from '../../modules/index.ts';
import { complaints, parsePolicy, parseSimulation } from '../../modules/package/apt_output.ts';
import {
  compareVersions,
  isVersion,
  parseAvailable,
  parseDependants,
  parseInstalled,
} from '../../modules/package/dnf_output.ts';

const capture = (name: string): string =>
  readFileSync(new URL(`captures/packages/${name}.txt`, import.meta.url), 'utf8');

describe('desired', () => {
  test('names, architectures and versions', () => {
    const task = packages({ names: ['g++', 'libc6:i386', 'nginx=1.22.1-9'] });
    expect(task.desired.packages).toEqual({ 'g++': 'present', 'libc6:i386': 'present', nginx: '1.22.1-9' });
    expect(task.title).toBe('package g++, libc6:i386, nginx=1.22.1-9');
    expect(packages({ names: 'a1', state: 'latest' }).desired).toMatchObject({
      packages: { a1: 'latest' },
      lists: 'fresh',
    });
    expect(packages({ names: ['a', 'b', 'c', 'd', 'e'] }).subject).toBe('a, b, c and 2 more');
  });

  test.each<[string, PackagesArgs, RegExp]>([
    ['no package', { names: [] }, /'names' is empty/],
    ['an option', { names: '-y' }, /"-y" names no package/],
    ['what apt-get takes for a removal', { names: 'nginx-' }, /"nginx-" names no package/],
    ['a pattern', { names: 'nginx*' }, /names no package/],
    ['a line for a shell', { names: 'nginx;reboot' }, /names no package/],
    ['a path', { names: './nginx.deb' }, /names no package/],
    ['a package twice', { names: ['nginx', 'nginx=1'] }, /'names' has nginx twice/],
    ['a version that is to be absent', { names: 'nginx=1', state: 'absent' }, /goes with state: 'present'/],
    ['a version that is to be the latest', { names: 'nginx=1', state: 'latest' }, /goes with state: 'present'/],
    ['purge of what is present', { names: 'nginx', purge: true }, /'purge' goes with state: 'absent'/],
    ['half a second', { names: 'nginx', lockWait: 0.5 }, /'lockWait' is a whole number of seconds/],
    ['a name that is wanted and removed', { names: 'nginx', removes: ['nginx'] }, /in 'names' and in 'removes'/],
  ])('%s is refused', (_what, args, message) => {
    expect(() => packages(args)).toThrow(message);
  });

  test('packages provide the tools and units that other modules look for, on whatever family', () => {
    expect(packages({ names: ['libvirt-clients', 'libvirt-daemon-system', 'virtinst'] }).provides).toEqual(
      expect.arrayContaining(['tool:virsh', 'unit-file:libvirtd', 'tool:virt-install', 'tool:virt-xml']),
    );
    expect(packages({ names: 'libvirt' }).provides).toEqual(
      expect.arrayContaining(['unit-file:libvirtd', 'unit-file:virtqemud.socket']),
    );
    expect(packages({ names: 'libvirt', state: 'absent' }).provides).toEqual([]);
  });
});

describe("apt's words", () => {
  test('apt-cache policy: candidates, virtual packages, and what it does not know', () => {
    const policy = parsePolicy(capture('apt-cache-policy'));
    expect([...policy.keys()]).toEqual(['nginx', 'mail-transport-agent', 'bash']);
    expect(policy.get('nginx')).toEqual({
      candidate: '1.22.1-9+deb12u11',
      versions: ['1.22.1-9+deb12u11', '1.22.1-9+deb12u9'],
    });
    expect(policy.get('mail-transport-agent')).toEqual({ candidate: undefined, versions: [] });
    expect(policy.get('bash')?.versions).toEqual(['5.2.15-2+b13']);
  });

  test('apt-get --simulate: what is removed with it, and who provides a virtual package', () => {
    expect(parseSimulation(capture('apt-get-remove')).removes).toContain('tcl8.6');
    const { providers } = parseSimulation(capture('apt-get-virtual'));
    expect(providers.get('mail-transport-agent')).toEqual(expect.arrayContaining(['ssmtp', 'postfix', 'dma']));
    const downgrade = 'The following packages will be DOWNGRADED:\n  a b\nInst a [2] (1 x [all])\n';
    expect(parseSimulation(downgrade)).toMatchObject({ downgrades: ['a', 'b'], installs: ['a'], removes: [] });
  });

  test('why there is no way', () => {
    const stdout = 'The following packages have unmet dependencies:\n a : Depends: b (>= 2) but 1 is to be installed\n';
    expect(complaints({ stdout, stderr: 'E: Unable to correct problems, you have held broken packages.\n' })).toBe(
      'a : Depends: b (>= 2) but 1 is to be installed; Unable to correct problems, you have held broken packages.',
    );
  });
});

describe("dnf's, yum's and rpm's words", () => {
  test('rpm -q in its own format, with an epoch', () => {
    expect(
      parseInstalled('bind\tx86_64\t32\t9.16-1.el9\nkp\tnoarch\t0\t1.0-1.el9\npackage x is not installed\n'),
    ).toEqual([
      { name: 'bind', architecture: 'x86_64', version: '32:9.16-1.el9' },
      { name: 'kp', architecture: 'noarch', version: '1.0-1.el9' },
    ]);
  });

  test('list --showduplicates of dnf 4 and of yum', () => {
    expect(parseAvailable(capture('dnf-list')).map(({ version }) => version)).toEqual(['1.0-1.el9', '2.0-1.el9']);
    expect(parseAvailable(capture('yum-list-el7'))).toEqual([
      { name: 'kernel', architecture: 'x86_64', version: '3.10.0-862.el7' },
      { name: 'kernel', architecture: 'x86_64', version: '3.10.0-862.2.3.el7' },
    ]);
    expect(
      parseAvailable('Available packages\nvery-long.name.noarch\n          1:2-3\n                repo\n'),
    ).toEqual([{ name: 'very-long.name', architecture: 'noarch', version: '1:2-3' }]);
    expect(parseAvailable('Error: No matching Packages to list\n')).toEqual([]);
  });

  test('rpm -e --test', () => {
    expect(parseDependants(capture('rpm-erase-test-el7'))).toEqual(['systemd-libs', 'systemd']);
  });

  test('versions are ordered as rpm orders them', () => {
    const ordered = [
      '1.0~rc1-1',
      '1.0-1',
      '1.0^git1-1',
      '1.0a-1',
      '1.0.1-1',
      '1.2-1',
      '1.10-1',
      '1.10-2.el9',
      '1:0.1-1',
    ];
    expect(ordered.toReversed().toSorted(compareVersions)).toEqual(ordered);
    expect(compareVersions('1.0-1', '1.00-01')).toBe(0);
    expect(['1:2.0-3', '2.0-3', '2.0', '1:2.0', '2'].map((named) => isVersion('1:2.0-3', named))).toEqual([
      ...[true, true, true, true, false],
    ]);
  });
});

const debian = { '/etc/os-release': 'ID=debian\nVERSION_ID="12"\n' };

/** A Debian on which dpkg knows some packages, by name: version, and words of its state. */
function debianHost(
  known: Record<string, string>,
  candidates: Record<string, string>,
  simulated: FakeAnswer = {},
): FakeHost {
  const row = (name: string): string => {
    const [version, want = 'install', status = 'installed'] = (known[name] ?? '').split(' ');
    return `${want}\t${status}\tok\t${name}\tamd64\t${version}\tno\tno\t\t\n`;
  };
  return new FakeHost({
    files: debian,
    tools: ['apt-get'],
    answer: (argv) => {
      const [tool] = argv;
      if (tool === 'dpkg') return { stdout: 'amd64\n' };
      if (tool === 'date') return { stdout: '10000\n' };
      if (tool === 'stat') return { stdout: '9000\n' };
      if (tool === 'sh') return {};
      if (tool === 'apt-cache') {
        const policy = ([name, version]: [string, string]): string =>
          `${name}:\n  Installed: (none)\n  Candidate: ${version}\n  Version table:\n     ${version} 500\n`;
        return { stdout: Object.entries(candidates).map(policy).join('') };
      }
      if (tool === 'apt-get') return simulated;
      if (tool !== 'dpkg-query') return undefined;
      const names = argv.slice(4).map((pattern) => pattern.replace(':*', ''));
      const asked = Object.keys(known).filter((name) => names.length === 0 || names.includes(name));
      return { stdout: asked.map(row).join('') };
    },
    onStep: ([tool, , second]) => {
      if (second === 'apt-get' || tool === 'apt-get') known.nginx = '2';
      return {};
    },
  });
}

describe('on Debian', () => {
  test('round trip', async () => {
    const host = debianHost({}, { nginx: '2' }, { stdout: 'Inst nginx (2 Debian:12 [amd64])\n' });
    const checked = await packages.check(host, { names: 'nginx' });
    expect(checked).toMatchObject({
      changed: true,
      differences: [{ actual: 'absent (candidate 2)', wanted: 'present' }],
    });
    expect(host.executed).toEqual([]);
    const applied = await packages.apply(host, { names: 'nginx' });
    expect(applied.after).toMatchObject({ packages: { nginx: 'present' }, versions: { nginx: '2' } });
    expect((await packages.apply(host, { names: 'nginx' })).changed).toBe(false);
  });

  test('the transaction asks nobody, keeps configuration files, and removes nothing that was not foreseen', async () => {
    const { steps } = await packages.check(debianHost({}, { nginx: '2' }), { names: 'nginx', recommends: false });
    expect(steps.map((step) => (step.kind === 'command' ? step.argv.join(' ') : step.kind))).toEqual([
      'env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold --no-remove -o APT::Get::AutomaticRemove=false -o APT::Cmd::Pattern-Only=true --no-install-recommends install nginx',
    ]);
  });

  test('nothing to do is asked of dpkg alone', async () => {
    const host = debianHost({ nginx: '1' }, { nginx: '2' });
    expect((await packages.check(host, { names: 'nginx' })).changed).toBe(false);
    expect(host.asked.filter((line) => line.startsWith('apt'))).toEqual([]);
  });

  test('latest with lists that are too old is asked for as a whole, because newer versions show only then', async () => {
    const args = { names: ['nginx', 'curl'], state: 'latest', cacheValid: 60 } as const;
    const { steps } = await packages.check(debianHost({ nginx: '2', curl: '3' }, { nginx: '2', curl: '3' }), args);
    expect(steps.map((step) => (step.kind === 'command' ? step.argv.slice(-2).join(' ') : ''))).toEqual([
      expect.stringMatching(/update$/),
      'nginx curl',
    ]);
  });

  test('an unknown package has the lists updated by apply, and only by it', async () => {
    const { steps, warnings } = await packages.check(debianHost({}, {}, { exitCode: 100 }), { names: 'nginx' });
    expect(warnings).toEqual([
      expect.stringMatching(/\(updated 17 minutes ago\) have no package nginx; they are updated first/),
    ]);
    expect(steps.map((step) => (step.kind === 'command' ? step.argv.at(-1) : ''))).toEqual(['update', 'nginx']);
  });

  test.each<[string, Record<string, string>, PackagesArgs, FakeAnswer, RegExp]>([
    [
      'a held package',
      { nginx: '1 hold' },
      { names: 'nginx', state: 'latest' },
      {},
      /nginx: somebody put this on hold/,
    ],
    [
      'a half-configured package',
      { nginx: '1 install half-configured' },
      { names: 'nginx' },
      {},
      /nginx 1 \(half-configured\)/,
    ],
    [
      'a removal that takes others along',
      { nginx: '1', top: '1' },
      { names: 'nginx', state: 'absent' },
      { stdout: 'Remv top [1]\nRemv nginx [1]\n' },
      /^top: these packages depend on what is removed/,
    ],
    [
      'what apt cannot do',
      {},
      { names: 'nginx' },
      { exitCode: 100, stderr: 'E: Unable to correct problems, you have held broken packages.\n' },
      /apt finds no way: Unable to correct problems/,
    ],
  ])('%s is refused', async (_what, known, args, simulated, message) => {
    const host = debianHost(known, { nginx: '2' }, simulated);
    await expect(packages.check(host, args)).rejects.toThrow(message);
    await expect(packages.apply(host, args)).rejects.toThrow(message);
    expect(host.executed).toEqual([]);
  });
});

/** An EL9 with kp-base 1.0, of which the lists have 2.0 as well; kp-top needs it. */
function redhatHost(): FakeHost {
  let installed = '1.0-1.el9';
  return new FakeHost({
    files: {
      '/etc/os-release': 'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n',
      '/etc/dnf/protected.d/dnf.conf': 'systemd\n',
    },
    tools: ['dnf'],
    answer: (argv) => {
      const [tool, verb, option] = argv;
      if (tool === 'dnf') return { stdout: capture('dnf-list') };
      if (tool === 'date') return { stdout: '10000\n' };
      if (tool === 'sh') return argv.some((word) => word.includes('repodata')) ? { stdout: '9000\n' } : {};
      if (tool !== 'rpm') return undefined;
      if (verb === '-e') {
        if (argv.includes('kp-top')) return {};
        return {
          exitCode: 1,
          stderr: 'error: Failed dependencies:\n\tkp-base is needed by (installed) kp-top-1.0-1.el9.noarch\n',
        };
      }
      if (option === '--whatprovides')
        return {
          stdout: argv
            .slice(3)
            .map((name) => `no package provides ${name}\n`)
            .join(''),
        };
      return {
        stdout: argv.includes('kp-base') ? `kp-base\tnoarch\t0\t${installed}\n` : 'package systemd is not installed\n',
      };
    },
    onStep: (argv) => {
      if (argv.includes('install')) installed = '2.0-1.el9';
      return {};
    },
  });
}

describe('on EL9', () => {
  const argvs = async (args: PackagesArgs): Promise<readonly string[]> =>
    (await packages.check(redhatHost(), args)).steps.map((step) =>
      step.kind === 'command' ? step.argv.join(' ') : step.kind,
    );

  test('round trip of latest, in one transaction', async () => {
    const host = redhatHost();
    const args = { names: 'kp-base', state: 'latest' } as const;
    expect((await packages.check(host, args)).differences).toEqual([
      { path: 'packages.kp-base', wanted: 'latest', actual: '1.0-1.el9 (candidate 2.0-1.el9)' },
    ]);
    expect((await packages.apply(host, args)).after.versions).toEqual({ 'kp-base': '2.0-1.el9' });
    expect((await packages.apply(host, args)).changed).toBe(false);
    expect(await argvs(args)).toEqual(['dnf -y install kp-base-2.0-1.el9']);
  });

  test('a version, a name that the lists do not know, and a removal with what the task names', async () => {
    expect(await argvs({ names: 'kp-base=2.0' })).toEqual(['dnf -y install kp-base-2.0-1.el9']);
    expect(await argvs({ names: 'kp-new' })).toEqual(['dnf -y --refresh makecache', 'dnf -y install kp-new']);
    expect(await argvs({ names: 'kp-base', state: 'absent', removes: ['kp-top'] })).toEqual([
      'dnf -y --setopt=clean_requirements_on_remove=False remove kp-base',
    ]);
    await expect(argvs({ names: 'kp-base', state: 'absent' })).rejects.toThrow(/^kp-top: these packages depend on/);
  });
});

test.each([
  [
    'ID="opensuse-leap"\nID_LIKE="suse opensuse"\n',
    /the host's package manager is zypper, and this module knows apt, dnf and yum/,
  ],
  ['ID=alpine\n', /the host's package manager is apk/],
])('another package manager is refused by name: %j', async (release, message) => {
  const host = new FakeHost({
    files: { '/etc/os-release': release },
    tools: ['zypper', 'apk'].slice(release.includes('alpine') ? 1 : 0),
  });
  await expect(packages.check(host, { names: 'nginx' })).rejects.toThrow(message);
});
