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
