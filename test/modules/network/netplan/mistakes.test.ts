import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { shellProgram } from '../../../../lib/process/package_files.ts';
import { bridge } from '../../../../modules/bridge.ts';
import { mistakeIn } from '../../../../modules/network/netplan/mistakes.ts';
import { apply, check, dhcp, host, isWrite } from './support.ts';

/** What netplan 0.106 prints of a mistake: Python's traceback, and libnetplan's words at its end. */
const traceback = (words: string): string =>
  `Traceback (most recent call last):\n  File "/usr/sbin/netplan", line 23, in <module>\n    netplan.main()\nnetplan.libnetplan.LibNetplanException: ${words}\n`;
const unknownKey = `/etc/netplan/02-broken.yaml:5:7: Error in network definition: unknown key 'adresses'
      adresses: [1.2.3.4/24]
      ^`;
const noBoolean = `/etc/netplan/01.yaml:5:14: Error in network definition: invalid boolean value 'maybe'
      dhcp4: maybe
             ^`;

describe('a mistake in the files that are there', () => {
  const files = {
    '01.yaml': dhcp,
    '02-broken.yaml': 'network:\n  version: 2\n  ethernets:\n    ens33:\n      adresses: [1.2.3.4/24]\n',
  };

  test("is refused before anything is written, with netplan's own words, file and line", async () => {
    for (const manager of [undefined, true] as const) {
      const on = host({ files, mistake: traceback(unknownKey), ...(manager && { manager }) });
      await expect(check(on)).rejects.toThrow(`netplan cannot read its files, and would load none of them`);
      await expect(check(on)).rejects.toThrow(unknownKey);
      await expect(check(on)).rejects.not.toThrow('Traceback');
      await expect(apply(on)).rejects.toThrow(unknownKey);
      expect(on.executed.filter(isWrite)).toEqual([]);
    }
  });

  test('comes before what would become of the link that carries the connection', async () => {
    const on = host({ files: { '01.yaml': dhcp.replace('true', 'maybe') }, mistake: traceback(noBoolean) });
    await expect(check(on)).rejects.toThrow(noBoolean);
    expect((await bridge({ name: 'br0', port: 'ens33' }).read(on.reader)).network.links).toEqual([]);
  });

  test('is told of all that netplan says, and of nothing else that netplan may end with', () => {
    expect(mistakeIn(traceback(unknownKey))).toBe(unknownKey);
    const yaml = '/etc/netplan/01.yaml:3:1: Invalid YAML: tabs are not allowed for indent:\n\tethernets:\n^';
    expect(mistakeIn(`${yaml}\n`)).toBe(yaml);
    expect(mistakeIn("netplan: error: argument command: invalid choice: 'get'\n")).toBeUndefined();
    expect(mistakeIn('env: netplan: No such file or directory\n')).toBeUndefined();
  });
});

describe('the program that has netplan check the files as they will be', () => {
  let directory = '';
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'kvm-play-netplan-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  function run(netplan: string): { status: number | null; stderr: string } {
    const file = join(directory, 'netplan');
    writeFileSync(file, `#!/bin/sh\n${netplan}\n`);
    chmodSync(file, 0o755);
    const program = shellProgram('modules/network/netplan/check_files.sh').replace('/run/', `${directory}/`);
    const { status, stderr } = spawnSync('sh', ['-c', program, 'sh'], {
      encoding: 'utf8',
      input: '1 /etc/netplan/90-kvm-play-br0.yaml\nnetwork: {adresses: []}\n',
      env: { PATH: `${directory}:/usr/bin:/bin` },
    });
    return { status, stderr };
  }

  test('says the path of the file that is meant, and not that of its copy', () => {
    const told =
      'echo "$3/etc/netplan/90-kvm-play-br0.yaml:1:11: Error in network definition: unknown key" >&2; exit 78';
    const expected = '/etc/netplan/90-kvm-play-br0.yaml:1:11: Error in network definition: unknown key\n';
    expect(run(`[ -s "$3/etc/netplan/90-kvm-play-br0.yaml" ] || exit 1; ${told}`)).toEqual({
      status: 78,
      stderr: expected,
    });
  });

  test('says nothing where netplan says nothing', () => {
    expect(run('exit 0')).toEqual({ status: 0, stderr: '' });
  });
});
