import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { parseOsRelease } from '../../../lib/formats/os_release.ts';

test.each([
  [
    'NAME="CentOS Linux"\nID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="7"\nANSI_COLOR="0;31"\n',
    { id: 'centos', like: ['rhel', 'fedora'], major: 7 },
  ],
  [
    "# a comment\nID='rhel'\nID_LIKE='centos fedora'\nVERSION_ID='10.1'\n",
    { id: 'rhel', like: ['centos', 'fedora'], major: 10 },
  ],
  ['ID=debian\nVERSION_ID=12\nID=mine\n', { id: 'mine', like: [], major: 12 }],
  ['ID=arch\nBUILD_ID=rolling\n', { id: 'arch', like: [], major: undefined }],
  ['', { id: '', like: [], major: undefined }],
])('%j', (text, release) => {
  expect(parseOsRelease(text)).toEqual(release);
});

test("this machine's own file, as a shell reads it", async () => {
  const file = '/etc/os-release';
  const shell = execFileSync('sh', ['-c', `. ${file}; printf '%s\\n' "$ID" "$ID_LIKE" "$VERSION_ID"`], {
    encoding: 'utf8',
  });
  const [id, like = '', version = ''] = shell.split('\n');
  const release = parseOsRelease(readFileSync(file, 'utf8'));
  expect([release.id, release.like.join(' '), String(release.major ?? '')]).toEqual([id, like, version.split('.')[0]]);
});
