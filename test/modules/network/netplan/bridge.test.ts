import { describe, expect, test } from '@jest/globals';
import type { Step } from '../../../../lib/task/step.ts';
import { apply, captured, check, dhcp, dropIn, fixed, host, isWrite, mac, own, written } from './support.ts';

describe('a bridge', () => {
  test('whose port asks a DHCP server: the file that holds it stays as it is', async () => {
    const cloud = captured('netplan-before', '/etc/netplan/50-cloud-init.yaml');
    const on = host({ files: { '50-cloud-init.yaml': cloud } });
    expect((await apply(on)).changed).toBe(true);
    expect(written(on)).toEqual({
      '50-cloud-init.yaml': cloud,
      [own]: `# Made by kvm-play: br0, with what ens33 had.
network:
  version: 2
  ethernets:
    ens33:
      dhcp4: false
  bridges:
    br0:
      interfaces:
        - ens33
      dhcp4: true
      macaddress: ${mac}
      parameters:
        stp: false
        forward-delay: 0
`,
    });
    expect(on.executed.find((step) => step.kind === 'write' && step.path.endsWith(own))).toMatchObject({ mode: 0o600 });
    expect((await check(on)).changed).toBe(false);
  });

  const onlyAddresses = 'network:\n  ethernets:\n    ens33:\n      addresses: [192.168.221.150/24]\n';

  test('a port of which nothing is left keeps its line, and lines that somebody adds below it', async () => {
    const on = host({ files: { '01.yaml': onlyAddresses } });
    await apply(on);
    const edited = written(on)['01.yaml'] ?? '';
    expect(edited).toBe(`network:
  ethernets:
    ens33:
# before br0:       addresses: [192.168.221.150/24]
      dhcp4: false # since br0, by kvm-play
`);
    expect((await check(on)).changed).toBe(false);
    on.files.set('/etc/netplan/01.yaml', edited.replace('    ens33:\n', '$&      wakeonlan: true\n'));
    expect((await check(on)).changed).toBe(false);
    await apply(on, { state: 'absent' });
    expect(written(on)).toEqual({
      '01.yaml': onlyAddresses.replace('    ens33:\n', '$&      wakeonlan: true\n'),
    });
  });

  test.each([onlyAddresses, fixed])('line breaks of Windows stay', async (text) => {
    const windows = text.replaceAll('\n', '\r\n');
    const on = host({ files: { '01.yaml': windows } });
    await apply(on);
    expect((written(on)['01.yaml'] ?? '').replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect((await check(on)).changed).toBe(false);
    await apply(on, { state: 'absent' });
    expect(written(on)).toEqual({ '01.yaml': windows });
  });

  test('lists add up: what a later file cannot take back leaves the file that holds it, and nothing else does', async () => {
    const on = host({ files: { '01.yaml': fixed } });
    await apply(on);
    const { '01.yaml': port = '', [own]: bridgeFile = '' } = written(on);
    expect(port.split('\n').filter((line) => !line.startsWith('# before br0: '))).toEqual(
      fixed
        .split('\n')
        .filter(
          (line) =>
            !/^ {12}(?:addresses|gateway4|nameservers|routes|routing-policy):|^ {14}|^ {16}|- \{to: 10\.9/.test(line),
        ),
    );
    expect(bridgeFile.split('\n').slice(8).join('\n')).toBe(`      interfaces:
        - ens33
      addresses:
        - 192.168.221.150/24
        - fd00:221::150/64
      gateway4: 192.168.221.1
      optional: true
      nameservers:
        addresses:
          - 192.168.221.7
          - 192.168.221.8
        search:
          - corp.test
      routes:
        - to: 10.9.0.0/16
          via: 192.168.221.9
          metric: 50
      routing-policy:
        - from: 192.168.221.150
          table: 7
      accept-ra: no
      link-local:
        - ipv6
      ipv6-privacy: false
      macaddress: ${mac}
      parameters:
        stp: false
        forward-delay: 0
`);
    expect((await check(on)).changed).toBe(false);
  });

  test('is taken back: every file is there byte for byte, and its own are gone', async () => {
    const files = {
      '01.yaml': fixed,
      '20-more.yaml': 'network: {ethernets: {ens33: {addresses: [10.0.0.5/8], mtu: 1400}}}',
      '30.yaml': 'network:\n  ethernets:\n    ens33:\n      nameservers: {addresses: [9.9.9.9]}',
    };
    const on = host({ files });
    await apply(on);
    expect(Object.keys(written(on))).toContain(own);
    await apply(on, { state: 'absent' });
    expect(written(on)).toEqual(files);
    expect((await check(on, { state: 'absent' })).changed).toBe(false);
  });

  test('is broken off in between: the bridge has the addresses before the port loses them, and the other way round', async () => {
    const on = host({ files: { '01.yaml': fixed } });
    await apply(on);
    const names = (steps: readonly Step[]): readonly string[] =>
      steps.flatMap((step) => ('path' in step && isWrite(step) ? [step.path.split('/').at(-1) ?? ''] : []));
    expect(names(on.executed).filter((name) => name.endsWith('.yaml'))).toEqual([own, '01.yaml']);
    on.executed.length = 0;
    await apply(on, { state: 'absent' });
    expect(names(on.executed).filter((name) => name.endsWith('.yaml'))).toEqual(['01.yaml', own]);
  });

  test('the client id stays: dhcp-identifier moves as it was, and is not written where it was not', async () => {
    const on = host({
      files: { '01.yaml': `${dhcp}      dhcp-identifier: mac\n      dhcp4-overrides: {use-dns: no}\n` },
    });
    await apply(on);
    expect(written(on)[own]).toMatch(/br0:\n[\s\S]*dhcp-identifier: mac\n {6}dhcp4-overrides:\n {8}use-dns: no\n/);
    const other = host({ files: { '01.yaml': dhcp } });
    await apply(other);
    expect(written(other)[own]).not.toContain('dhcp-identifier');
  });

  test('the number that systemd made of the port’s name is pinned, beside netplan, which has no word for it', async () => {
    const on = host({ files: { '01.yaml': dhcp }, clientId: 'IAID:0x38553e29/DUID' });
    await apply(on);
    expect(on.files.get(dropIn)).toBe(
      '# Made by kvm-play: the DHCP server knows the host by it.\n[DHCPv4]\nIAID=945110569\n',
    );
    await apply(on, { state: 'absent' });
    expect(on.files.has(dropIn)).toBe(false);
    const byMac = host({ files: { '01.yaml': dhcp }, clientId: mac });
    await apply(byMac);
    expect(byMac.files.has(dropIn)).toBe(false);
  });

  test('netplan checks the files before one is written, in a directory of its own', async () => {
    const on = host({ files: { '01.yaml': fixed } });
    await apply(on);
    const steps = on.executed.filter((step) => !('path' in step && step.path.startsWith('/var/lib/')));
    const [first] = steps;
    expect(first).toMatchObject({
      kind: 'command',
      argv: ['sh', '-c', expect.stringContaining('generate --root-dir'), 'sh'],
    });
    expect(first?.kind === 'command' && String(first.stdin)).toMatch(
      /^\d+ \/etc\/netplan\/90-kvm-play-br0\.yaml\n[\s\S]*^\d+ \/etc\/netplan\/01\.yaml\n# the office\n/m,
    );
  });

  test('what the task says counts', async () => {
    const on = host({ files: { '01.yaml': dhcp } });
    await apply(on, {
      address: '192.168.221.9/24',
      gateway: '192.168.221.1',
      ipv6: 'static',
      ipv6Addresses: ['fd00::9/64'],
      ipv6Gateway: 'fd00::1',
      dns: ['9.9.9.9'],
      search: ['a.test'],
      routes: [{ to: '10.0.0.0/8', via: '192.168.221.2', table: 7 }],
      stp: true,
      delay: 4,
      mtu: 1400,
    });
    expect(written(on)[own]).toBe(`# Made by kvm-play: br0, with what ens33 had.
network:
  version: 2
  ethernets:
    ens33:
      dhcp4: false
      mtu: 1400
  bridges:
    br0:
      interfaces:
        - ens33
      dhcp4: false
      macaddress: ${mac}
      addresses:
        - 192.168.221.9/24
        - fd00::9/64
      routes:
        - to: 0.0.0.0/0
          via: 192.168.221.1
        - to: ::/0
          via: fd00::1
        - to: 10.0.0.0/8
          via: 192.168.221.2
          table: 7
      accept-ra: false
      nameservers:
        addresses:
          - 9.9.9.9
        search:
          - a.test
      mtu: 1400
      parameters:
        stp: true
        forward-delay: 4
`);
  });

  test('that an administrator has described is changed in that file and beside it, and is not taken away', async () => {
    const theirs = `network:
  ethernets: {ens33: {}}
  bridges:
    br0:
      interfaces: [ens33]
      macaddress: ${mac}
      addresses: [192.168.221.150/24] # ours
      parameters: {stp: false}
`;
    const on = host({ files: { '01.yaml': theirs } });
    expect((await check(on)).changed).toBe(false);
    await apply(on, { address: '192.168.221.9/24' });
    expect(written(on)['01.yaml']).toContain('# before br0:       addresses: [192.168.221.150/24] # ours\n');
    expect((await check(on, { address: '192.168.221.9/24' })).changed).toBe(false);
    await expect(check(on, { state: 'absent' })).rejects.toThrow(
      /01\.yaml describes br0, and was not written by kvm-play/,
    );
  });
});
