import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { settingsOf, sshSettings } from '../../../../lib/hosts/ssh/ssh_settings.ts';

const ours = ['-o', 'ServerAliveInterval=5', '-o', 'ServerAliveCountMax=6'];

describe('settingsOf', () => {
  test.each<[string, Record<string, string>, number, readonly string[]]>([
    ['an ssh that says nothing', {}, 10, ours],
    [
      'what ssh says where nothing is configured',
      {
        ...{ serveraliveinterval: '0', serveralivecountmax: '3', connecttimeout: 'none' },
        ...{ sessiontype: 'default', stdinnull: 'no', forkafterauthentication: 'no', channeltimeout: 'none' },
      },
      10,
      ours,
    ],
    ['an interval of the user', { serveraliveinterval: '15', serveralivecountmax: '3' }, 10, []],
    ['a count of the user', { serveraliveinterval: '0', serveralivecountmax: '20' }, 10, ours.slice(0, 2)],
    ['a longer time to connect', { connecttimeout: '45' }, 45, ours],
    [
      'what would keep a command from running',
      { sessiontype: 'none', stdinnull: 'yes', forkafterauthentication: 'yes', channeltimeout: 'session=300' },
      10,
      [
        ...ours,
        ...['SessionType=default', 'StdinNull=no', 'ForkAfterAuthentication=no', 'ChannelTimeout=none'].flatMap(
          (option) => ['-o', option],
        ),
      ],
    ],
  ])('%s', (_what, values, connectLimit, options) => {
    expect(settingsOf(new Map(Object.entries(values)))).toEqual({ connectLimit, options });
  });
});

describe('sshSettings', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'kvm-play-ssh-'));
    mkdirSync(join(directory, 'conf.d'));
    writeFileSync(join(directory, 'conf.d', 'far.conf'), 'Host far\n  ServerAliveInterval 33\n  ConnectTimeout 44\n');
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const config = (name: string, text: string): string => {
    const path = join(directory, name);
    writeFileSync(path, text);
    return path;
  };

  test.each([
    ['in the file', (): string => 'Host far\n  ServerAliveInterval 33\n  ConnectTimeout 44\n'],
    ['in a file that it includes', (): string => `Include ${directory}/conf.d/*.conf\n`],
    ['in a file whose name only ssh can read', (): string => `Include "${directory}/conf.d/far.conf"\n`],
  ])('honours what ssh_config says of the host: %s', async (what, text) => {
    const sshConfig = config(what.replaceAll(' ', '-'), text());
    expect(await sshSettings({ name: 'far' }, { sshConfig })).toEqual({ connectLimit: 44, options: [] });
    expect(await sshSettings({ name: 'near' }, { sshConfig })).toEqual({ connectLimit: 10, options: ours });
  });

  test('takes its own where ssh_config says nothing', async () => {
    const sshConfig = config('nothing', 'Host *\n  User somebody\nInclude none.d/*\n');
    expect(await sshSettings({ name: 'far' }, { sshConfig })).toEqual({ connectLimit: 10, options: ours });
  });
});
