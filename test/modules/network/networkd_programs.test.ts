/** The shell program that has systemd-networkd read its files, with a networkctl that answers as the real one was seen to. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { shellProgram } from '../../../lib/process/package_files.ts';
import { shells } from '../../support/shells.ts';

let directory = '';

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'kvm-play-networkd-'));
});
afterAll(() => rmSync(directory, { recursive: true }));
beforeEach(() => {
  writeFileSync(join(directory, 'calls'), '');
  fake('systemctl', '');
});

/** Puts a program before the machine's own of that name; what it is called with is noted. */
function fake(name: string, body: string): void {
  const file = join(directory, name);
  writeFileSync(file, `#!/bin/sh\nprintf '%s\\n' "${name} $*" >> '${directory}/calls'\n${body}\n`);
  chmodSync(file, 0o755);
}

/** A networkctl that lists ens33 in a state, and does not know br0. @param reload what it does when it is to reload */
function fakeNetworkctl(setup: string, reload = ''): void {
  fake(
    'networkctl',
    `case "$*" in
reload) ${reload || ':'} ;;
*" br0") echo 'Interface "br0" not found.' >&2; exit 1 ;;
*) cat '${directory}/reloaded' 2>/dev/null || echo '  2 ens33 ether routable ${setup}' ;;
esac`,
  );
}

const actions = (): readonly string[] =>
  readFileSync(join(directory, 'calls'), 'utf8')
    .trimEnd()
    .split('\n')
    .filter((line) => !/^networkctl --/.test(line));

describe.each(shells.map((shell) => [shell.join(' '), shell] as const))('with %s', (_name, [file, ...options]) => {
  const reload = () => {
    const { status, stderr } = spawnSync(
      file,
      [...options, '-c', shellProgram('modules/network/networkd/reload.sh'), 'sh', 'ens33', 'br0'],
      {
        encoding: 'utf8',
        // bash reads a user's own start-up files where its standard input is a socket.
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { PATH: `${directory}:/usr/bin:/bin` },
      },
    );
    return { status, stderr };
  };

  test('the files are read again, and nothing else is done', () => {
    fakeNetworkctl('configured');
    expect(reload()).toEqual({ status: 0, stderr: '' });
    expect(actions()).toEqual(['networkctl reload']);
  });

  test('a link that systemd-networkd has given up follows them only once it starts anew', () => {
    fakeNetworkctl('failed');
    expect(reload()).toEqual({ status: 0, stderr: '' });
    expect(actions()).toEqual(['systemctl restart systemd-networkd']);
  });

  test('so does one that it gives up meanwhile', () => {
    fakeNetworkctl('configured', `echo '  2 ens33 ether routable failed' > '${directory}/reloaded'`);
    expect(reload()).toEqual({ status: 0, stderr: '' });
    expect(actions()).toEqual(['networkctl reload', 'systemctl restart systemd-networkd']);
    rmSync(join(directory, 'reloaded'));
  });

  test('a reload that fails is said', () => {
    fakeNetworkctl('configured', 'echo "Failed to reload network settings: Connection timed out" >&2; exit 1');
    expect(reload()).toEqual({ status: 1, stderr: 'Failed to reload network settings: Connection timed out\n' });
    expect(actions()).toEqual(['networkctl reload']);
  });
});
