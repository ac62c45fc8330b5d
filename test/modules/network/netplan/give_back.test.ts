import { describe, expect, test } from '@jest/globals';
import { apply, check, dhcp, fixed, host, mac, own, written } from './support.ts';

const address = { address: '192.168.221.9/24', gateway: '192.168.221.1' } as const;

describe('a bridge that is taken back', () => {
  test('with other addresses than its port had: the port gets them, because the host is reached there', async () => {
    const on = host({ files: { '01.yaml': dhcp } });
    await apply(on);
    await apply(on, address);
    await apply(on, { state: 'absent' });
    expect(written(on)).toEqual({
      '01.yaml': `network:
  version: 2
  ethernets:
    ens33:
      dhcp4: false
      addresses:
        - 192.168.221.9/24
      routes:
        - to: 0.0.0.0/0
          via: 192.168.221.1
`,
    });
    expect((await check(on, { state: 'absent' })).changed).toBe(false);
  });

  test('with other addresses: what did not change stays where it was, byte for byte', async () => {
    const more = 'network:\n  ethernets:\n    ens33:\n      nameservers: {addresses: [9.9.9.9]} # office\n';
    const on = host({ files: { '01.yaml': fixed, '60-more.yaml': more } });
    await apply(on);
    await apply(on, { address: '192.168.221.9/24' });
    await apply(on, { state: 'absent' });
    expect(written(on)).toEqual({
      '01.yaml': fixed.replace('- 192.168.221.150/24', '- 192.168.221.9/24'),
      '60-more.yaml': more,
    });
  });

  test('with other addresses: new keys go into the file that said how the port gets its address', async () => {
    const more = 'network: {ethernets: {ens33: {wakeonlan: true}}}\n';
    const on = host({ files: { '01.yaml': dhcp, '60-more.yaml': more } });
    await apply(on);
    await apply(on, address);
    await apply(on, { state: 'absent' });
    expect(written(on)['60-more.yaml']).toBe(more);
    expect(written(on)['01.yaml']).toMatch(/dhcp4: false\n {6}addresses:\n {8}- 192\.168\.221\.9\/24\n {6}routes:/);
  });

  test('with name servers that two files had: one of the files holds those of now', async () => {
    const more = 'network: {ethernets: {ens33: {nameservers: {addresses: [9.9.9.9]}}}} # office\n';
    const on = host({
      files: { '01.yaml': `${dhcp}      nameservers: {addresses: [1.1.1.1]}\n`, '60-more.yaml': more },
    });
    await apply(on);
    await apply(on, { dns: ['8.8.8.8'] });
    await apply(on, { state: 'absent' });
    expect(written(on)).toEqual({ '01.yaml': dhcp, '60-more.yaml': more.replace('9.9.9.9', '8.8.8.8') });
  });

  test('after its address went there and back: every file is as it was', async () => {
    const on = host({ files: { '01.yaml': fixed } });
    await apply(on);
    await apply(on, address);
    await apply(on, { address: '192.168.221.150/24', gateway: '192.168.221.1' });
    await apply(on, { state: 'absent' });
    expect(written(on)).toEqual({ '01.yaml': fixed });
  });

  test('of a port that a definition for several links means: the port gets a file of its own', async () => {
    const text = 'network:\n  ethernets:\n    all-en: {match: {name: "en*"}, dhcp4: true}\n';
    const on = host({ files: { '90-default.yaml': text }, id: 'all-en' });
    await apply(on);
    await apply(on, address);
    await apply(on, { state: 'absent' });
    expect(written(on)).toEqual({
      '90-default.yaml': text,
      '90-kvm-play-ens33.yaml': expect.stringMatching(
        /^# Made by kvm-play: ens33, with what br0 had\.\nnetwork:\n[\s\S]*0-ens33:\n {6}match:\n {8}name: ens33\n {6}dhcp4: false\n/,
      ),
    });
  });

  test('where the port’s file cannot be changed: refused, with what to do', async () => {
    const on = host({ files: {}, more: { '/run/netplan/01.yaml': dhcp } });
    await apply(on);
    await apply(on, address);
    await expect(apply(on, { state: 'absent' })).rejects.toThrow(
      /ens33 is to get what the bridge has now, so \/run\/netplan\/01\.yaml must change, and a program writes that file anew/,
    );
  });

  test('that has further ports: all of them are named, or it is refused', async () => {
    const on = host({ files: { '01.yaml': `${dhcp}    ens34: {}\n` }, more: { '/sys/class/net/ens34/address': mac } });
    await apply(on);
    const { [own]: text = '' } = written(on);
    on.files.set(`/etc/netplan/${own}`, text.replace('- ens33\n', '- ens33\n        - ens34\n'));
    await expect(apply(on, { state: 'absent' })).rejects.toThrow(/ens34 is a port of br0 too; name it in 'ports' too/);
  });
});
