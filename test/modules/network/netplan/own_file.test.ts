import { describe, expect, test } from '@jest/globals';
import type { FakeHost } from '../../../../lib/testing/index.ts';
import { apply, check, dhcp, host, own, written } from './support.ts';

/** A host with a bridge whose own file somebody has changed. */
async function withHand(change: (text: string) => string): Promise<{ on: FakeHost; text: string }> {
  const on = host({ files: { '01.yaml': dhcp } });
  await apply(on);
  const text = change(written(on)[own] ?? '');
  on.files.set(`/etc/netplan/${own}`, text);
  return { on, text };
}

describe('the bridge’s own file', () => {
  test('what somebody else has written into it stays when a setting changes, comments included', async () => {
    const { on, text } = await withHand(
      (
        made,
      ) => `${made.replace('dhcp4: true\n', 'dhcp4: true # the plan of 2026\n      dhcp4-overrides: {use-dns: no}\n')}  # later
  vlans:
    office: {id: 7, link: br0} # theirs
`,
    );
    expect((await check(on)).changed).toBe(false);
    await apply(on, { mtu: 1400, search: ['a.test'] });
    expect(written(on)[own]).toBe(
      text
        .replace('dhcp4: false\n', 'dhcp4: false\n      mtu: 1400\n')
        .replace(
          'forward-delay: 0\n',
          'forward-delay: 0\n      nameservers:\n        search:\n          - a.test\n      mtu: 1400\n',
        ),
    );
    expect((await check(on, { mtu: 1400, search: ['a.test'] })).changed).toBe(false);
  });

  test('keeps other links that somebody has described there when the bridge is taken away', async () => {
    const { on } = await withHand(
      (made) => `${made}  # the second one
  vlans:
    office: {id: 7, link: ens33}
`,
    );
    await apply(on, { state: 'absent' });
    expect(written(on)).toEqual({
      '01.yaml': dhcp,
      [own]: 'network:\n  version: 2\n  # the second one\n  vlans:\n    office: {id: 7, link: ens33}\n',
    });
    expect((await check(on, { state: 'absent' })).changed).toBe(false);
  });

  test('addresses of the port that somebody has written there are named and refused', async () => {
    const { on } = await withHand((made) =>
      made.replace('dhcp4: false\n', 'dhcp4: false\n      addresses: [10.0.0.1/8]\n'),
    );
    await expect(apply(on)).rejects.toThrow(/90-kvm-play-br0\.yaml holds addresses of ens33/);
  });

  test('a line that cannot be changed alone is named and refused', async () => {
    const { on, text } = await withHand((made) =>
      made.replace('stp: false', 'stp: &off false').concat('      optional: *off\n'),
    );
    await expect(apply(on, { stp: true, delay: 4 })).rejects.toThrow(/90-kvm-play-br0\.yaml must change, and .*alias/);
    expect(written(on)[own]).toBe(text);
  });

  test('comes before a file that says something else of the same links: what counts there is taken out', async () => {
    const last = 'network:\n  ethernets:\n    ens33:\n      dhcp4: true # always\n';
    const on = host({ files: { '01.yaml': dhcp, '99-last.yaml': last } });
    await apply(on);
    expect(written(on)['99-last.yaml']).toBe(
      'network:\n  ethernets:\n    ens33:\n# before br0:       dhcp4: true # always\n      dhcp4: false # always # since br0, by kvm-play\n',
    );
    expect((await check(on)).changed).toBe(false);
    await apply(on, { state: 'absent' });
    expect(written(on)).toEqual({ '01.yaml': dhcp, '99-last.yaml': last });
  });
});
