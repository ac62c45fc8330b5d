/** The shell programs that load NetworkManager's profiles, with an nmcli that answers as the real one was seen to. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { shellProgram } from '../../../lib/process/package_files.ts';
import { shells } from '../../support/shells.ts';

const profiles = '/etc/NetworkManager/system-connections';
/** Links that no machine has. */
const [bridge, port] = ['no-such-bridge', 'no-such-port'];
const [bridgeId, portId] = ['0f1b3a52-1111-4222-8333-000000000001', 'f1a1a5a0-9fb9-4a8a-9b7a-0f0f6c7d7e11'];
const [bridgeFile, portFile] = [`${profiles}/${bridge}.nmconnection`, `${profiles}/${port}.nmconnection`];

let directory = '';

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'kvm-play-nm-'));
});
afterAll(() => rmSync(directory, { recursive: true }));
beforeEach(() => {
  writeFileSync(join(directory, 'calls'), '');
  fake('ip', '');
  fake('sleep', '');
});

/** Puts a program before the machine's own of that name; what it is called with is noted. */
function fake(name: string, body: string): void {
  const file = join(directory, name);
  writeFileSync(file, `#!/bin/sh\nprintf '%s\\n' "${name} $*" >> '${directory}/calls'\n${body}\n`);
  chmodSync(file, 0o755);
}

/** What was called, but for waiting and questions. */
function calls(): readonly string[] {
  const lines = readFileSync(join(directory, 'calls'), 'utf8').trimEnd().split('\n');
  return lines.filter((line) => !/^sleep |^nmcli (?:-t|--offline)/.test(line));
}

describe.each(shells.map((shell) => [shell.join(' '), shell] as const))('with %s', (_name, [file, ...options]) => {
  function run(program: string, ...words: readonly string[]) {
    const text = shellProgram(`modules/network/networkmanager/${program}.sh`);
    const { status, stderr } = spawnSync(file, [...options, '-c', text, 'sh', ...words], {
      encoding: 'utf8',
      // bash reads a user's own start-up files where its standard input is a socket.
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: `${directory}:/usr/bin:/bin` },
    });
    return { status, stderr };
  }
  const load = () => run('load', bridge, bridgeId, bridgeFile, port, portId, portFile);

  test("a keyfile with a mistake: nmcli's own words, before NetworkManager is told of it", () => {
    const [good, bad] = [join(directory, 'good.nmconnection'), join(directory, 'bad.nmconnection')];
    writeFileSync(good, '[connection]\n');
    writeFileSync(bad, '[ipv4]\nmethod=atuo\n');
    fake(
      'nmcli',
      `[ "$2" != connection ] || ! grep -q atuo || { echo "Error: ipv4.method: invalid value 'atuo'" >&2; exit 1; }`,
    );
    expect(run('check_keyfiles', good)).toEqual({ status: 0, stderr: '' });
    expect(run('check_keyfiles', good, bad)).toEqual({
      status: 1,
      stderr: `NetworkManager cannot use ${bad}: Error: ipv4.method: invalid value 'atuo'\n`,
    });
  });

  test('an nmcli below 1.40 cannot check files, and that is no reason to stop', () => {
    fake('nmcli', `echo "Error: Option '--offline' is unknown" >&2; exit 2`);
    expect(run('check_keyfiles', '/nowhere')).toEqual({ status: 0, stderr: '' });
  });

  test("nmcli ends with 0 although NetworkManager has not loaded the bridge's file: the port is not touched", () => {
    fake('nmcli', `case "$*" in *UUID,FILENAME*) echo '${portId}:${portFile}' ;; esac`);
    expect(load()).toEqual({
      status: 1,
      stderr: `NetworkManager has not loaded ${bridgeFile}; journalctl -u NetworkManager says why\n`,
    });
    expect(calls()).toEqual([`nmcli connection load ${portFile} ${bridgeFile}`]);
  });

  test("nor the port's", () => {
    fake('nmcli', `case "$*" in *UUID,FILENAME*) echo '${bridgeId}:${bridgeFile}' ;; esac`);
    expect(load()).toMatchObject({ status: 1, stderr: expect.stringContaining(`has not loaded ${portFile};`) });
  });

  test('a file whose name holds a colon is known by the name that nmcli gives it', () => {
    const odd = `${profiles}/Wired: 1.nmconnection`;
    fake(
      'nmcli',
      `case "$*" in
  *UUID,FILENAME*) printf '%s\\n' '${bridgeId}:${bridgeFile}' '${portId}:${odd.replace(':', '\\:')}' ;;
  *connection.autoconnect*) echo connection.autoconnect:no ;;
esac`,
    );
    expect(run('load', bridge, bridgeId, bridgeFile, port, portId, odd)).toEqual({ status: 0, stderr: '' });
  });

  /** An nmcli that knows both files. */
  const knowing = (more: string): string => `case "$*" in
  *UUID,FILENAME*) printf '%s\\n' '${bridgeId}:${bridgeFile}' '${portId}:${portFile}' ;;
  ${more}
esac`;

  test('a bridge that is not to come up by itself is loaded, and activated by nobody', () => {
    fake('nmcli', knowing('*connection.autoconnect*) echo connection.autoconnect:no ;;'));
    expect(load()).toEqual({ status: 0, stderr: '' });
    expect(calls()).toEqual([`nmcli connection load ${portFile} ${bridgeFile}`]);
  });

  test('NetworkManager returns before the bridge is up: it is waited for, the port is activated, and failure is told', () => {
    fake('nmcli', knowing('*connection.autoconnect*) echo connection.autoconnect:yes ;;'));
    expect(load()).toEqual({ status: 1, stderr: '' });
    expect(calls()).toEqual([
      `nmcli connection load ${portFile} ${bridgeFile}`,
      `nmcli --wait 15 connection up uuid ${portId} ifname ${port}`,
    ]);
    const waits = readFileSync(join(directory, 'calls'), 'utf8').match(/^sleep /gm);
    expect(waits?.length).toBe(15);
  });

  test('a bridge that its profile runs already gets what has changed without being taken down', () => {
    fake(
      'nmcli',
      knowing(`*connection.autoconnect*) echo connection.autoconnect:yes ;;
  *GENERAL.CON-UUID*) echo GENERAL.CON-UUID:${bridgeId} ;;`),
    );
    load();
    expect(calls()).toContain(`nmcli --wait 10 device reapply ${bridge}`);
    expect(calls().join('\n')).not.toContain(`connection up uuid ${bridgeId}`);
  });

  /** An nmcli that knows the port's own profile alone. @param lease what the DHCP server gave the port */
  const unload = (lease: string) => {
    fake(
      'nmcli',
      `case "$*" in
  *connection.uuid*) [ "$7" = ${portId} ] ;;
  *DHCP4*) printf '%s\\n' '${lease}' ;;
esac`,
    );
    return run('unload', bridge, port, portId, '9000', `${port}-2`, bridgeId, '-');
  };
  const reloaded = ['nmcli connection reload', `nmcli --wait 30 connection up uuid ${portId} ifname ${port}`];

  test('a port gets its MTU back once its own profile runs it; one whose profile is gone is run by none', () => {
    expect(unload('DHCP4.OPTION[2]:ip_address = 192.168.221.150')).toEqual({ status: 0, stderr: '' });
    expect(calls()).toEqual([...reloaded, `ip link set dev ${port} mtu 9000`]);
  });

  test('a port whose own profile is gone is run by the one that serves several links', () => {
    fake('nmcli', `case "$*" in *connection.uuid*) [ "$7" = ${portId} ] ;; esac`);
    expect(run('unload', bridge, port, `${bridgeId},${portId}`, '-')).toEqual({ status: 0, stderr: '' });
    expect(calls()).toEqual(reloaded);
  });

  test('a port keeps its own profile where that is still there', () => {
    fake('nmcli', '');
    expect(run('unload', bridge, port, `${portId},${bridgeId}`, '-')).toEqual({ status: 0, stderr: '' });
    expect(calls()).toEqual(reloaded);
  });

  test('a bridge that is brought back gets its ports, also those that another profile runs by then', () => {
    fake('nmcli', '');
    expect(run('bring_back', bridge, bridgeId, port, portId)).toEqual({ status: 0, stderr: '' });
    expect(calls()).toEqual([
      'nmcli connection reload',
      `nmcli device set ${bridge} managed yes`,
      `nmcli --wait 30 connection up uuid ${bridgeId}`,
      `nmcli --wait 15 connection up uuid ${portId} ifname ${port}`,
    ]);
  });

  test('a port whose DHCP server gives it an MTU keeps that one', () => {
    expect(unload('DHCP4.OPTION[2]:interface_mtu = 1420')).toEqual({ status: 0, stderr: '' });
    expect(calls()).toEqual(reloaded);
  });

  test("the bridge's leases go, and those of a link whose name ends like the bridge's stay", () => {
    const leases = join(directory, 'leases');
    mkdirSync(leases, { recursive: true });
    const others = [`internal-${portId}-my-br0.lease`, `internal-${portId}-br01.lease`, 'timestamps'];
    const own = [`internal-${portId}-br0.lease`, `internal6-${portId}-br0.lease`, `dhclient-${portId}-br0.lease`];
    for (const name of [...others, ...own, 'dhclient-br0.conf']) writeFileSync(join(leases, name), '');
    expect(run('remove_leases', leases, 'br0')).toEqual({ status: 0, stderr: '' });
    expect(readdirSync(leases).toSorted()).toEqual(others.toSorted());
  });

  test('NetworkManager that does not run is not started by being asked', () => {
    fake('systemctl', 'exit 3');
    fake('nmcli', '');
    expect(run('ask', port).status).toBe(3);
    expect(calls()).toEqual(['systemctl is-active --quiet NetworkManager']);
    rmSync(join(directory, 'systemctl'));
  });
});
