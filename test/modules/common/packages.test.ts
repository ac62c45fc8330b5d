import { describe, expect, test } from '@jest/globals';
import { FakeHost } from '../../../lib/testing/index.ts';
import { missingTool, missingTools, packageFamily } from '../../../modules/common/packages.ts';

const osReleases = {
  debian12: 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n',
  ubuntu24: 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n',
  mint: 'ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_ID="22"\n',
  centos7: 'NAME="CentOS Linux"\nVERSION="7 (Core)"\nID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="7"\n',
  rocky9: 'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n',
  rhel10: "ID='rhel'\nID_LIKE='centos fedora'\nVERSION_ID='10.0'\n",
  fedora: 'ID=fedora\nVERSION_ID=41\n',
  leap: 'ID="opensuse-leap"\nID_LIKE="suse opensuse"\nVERSION_ID="15.6"\n',
  alpine: 'ID=alpine\nVERSION_ID=3.20.0\n',
};

function hostWith(osRelease: string | undefined, tools: readonly string[] = []): FakeHost {
  return new FakeHost({ tools, files: osRelease === undefined ? {} : { '/etc/os-release': osRelease } });
}

describe('the family', () => {
  test.each([
    ['debian12', 'debian'],
    ['ubuntu24', 'debian'],
    ['mint', 'debian'],
    ['centos7', 'el7'],
    ['rocky9', 'el8'],
    ['rhel10', 'el8'],
    ['fedora', 'fedora'],
    ['leap', 'suse'],
    ['alpine', undefined],
  ] as const)('of %s is %s', async (name, family) => {
    expect(await packageFamily(hostWith(osReleases[name]).reader)).toBe(family);
  });

  test('is unknown without an os-release', async () => {
    expect(await packageFamily(hostWith(undefined).reader)).toBeUndefined();
  });
});

describe('a missing tool', () => {
  test('is none when the host has it', async () => {
    expect(await missingTool(hostWith(osReleases.debian12, ['virsh']).reader, 'virsh')).toBeUndefined();
  });

  test.each([
    ['debian12', 'virt-install', 'apt-get install virtinst'],
    ['centos7', 'virsh', 'yum install libvirt-client'],
    ['rocky9', 'ifup', 'dnf install network-scripts'],
    ['centos7', 'ifup', 'yum install initscripts'],
    ['leap', 'qemu-img', 'zypper install qemu-tools'],
    ['debian12', 'constructor', "install the package that holds 'constructor'"],
  ] as const)('on %s: %s is to be had by %s', async (name, tool, remedy) => {
    expect(await missingTool(hostWith(osReleases[name]).reader, tool)).toEqual({
      key: `tool:${tool}`,
      what: `there is no command '${tool}' on the host`,
      remedy,
    });
  });

  test('on an unknown distribution names every package', async () => {
    const missing = await missingTool(hostWith(osReleases.alpine).reader, 'virsh');
    expect(missing?.remedy).toContain('libvirt-clients (Debian), libvirt-client (Red Hat)');
  });

  test('all that are missing are listed, in order', async () => {
    const missing = await missingTools(hostWith(osReleases.debian12, ['virsh']).reader, ['virt-xml', 'virsh', 'ip']);
    expect(missing.map(({ key }) => key)).toEqual(['tool:virt-xml', 'tool:ip']);
  });
});
