import { expect, test } from '@jest/globals';
import { ArgumentError, MissingError } from '../../../lib/errors.ts';
import { networkChange } from '../../../lib/network_change/network_change.ts';
import type { Task } from '../../../lib/task/task.ts';
import { FakeHost } from '../../../lib/testing/index.ts';
import { command, file, ifcfgBridge, query, service, sysctl, virshNetwork, virshPool } from '../../../modules/index.ts';
import { fakeDisk } from '../../support/fake_disk.ts';

/** Tasks of which one text is given. */
const withText: readonly ((text: string) => Task)[] = [
  (text) => file({ path: '/a', content: text }),
  (text) => file({ path: `/a${text}` }),
  (text) => file({ path: '/a', owner: `a${text}` }),
  (text) => file(`Write ${text}`, { path: '/a' }),
  (text) => file({ path: '/a', tags: [text] }),
  (text) => command({ argv: ['echo', text] }),
  (text) => command({ argv: ['cat'], stdin: text }),
  (text) => command({ argv: ['a'], unless: ['test', text] }),
  (text) => command({ argv: ['a'], creates: `/a${text}` }),
  (text) => query({ argv: [text] }),
  (text) => sysctl({ values: { 'net.ipv4.ip_forward': text } }),
  (text) => sysctl({ values: { [`net.${text}`]: 1 } }),
  (text) => service({ name: `a${text}` }),
  (text) => ifcfgBridge({ name: 'br0', port: `a${text}` }),
  (text) => virshPool({ name: `a${text}`, path: '/a' }),
  (text) => virshNetwork({ name: `a${text}` }),
];

test.each([
  ['a NUL', 'x\0y'],
  ['half a character', 'x\ud800y'],
  ['the other half', '\udc00'],
])('%s is an error of the arguments, at load, in every module', (_what, text) => {
  for (const make of withText) expect(() => make(text)).toThrow(ArgumentError);
  expect(() => networkChange({ title: text }, [])).toThrow(ArgumentError);
  expect(() => file({ path: '/a', content: text })).toThrow(/file: 'content' cannot hold (a NUL|half a character)/);
});

test('whole characters beyond U+FFFF are texts like others', () => {
  expect(file({ path: '/a😀', content: '😀' }).subject).toBe('/a😀');
});

test('who is not root is told so before anything that only root could do, and where a tool denies it', async () => {
  const ops = new FakeHost({ user: 'ops' });
  const words = "you are 'ops' on the host, not root: add become: true to the task, its block or its play";
  await expect(
    file.check(fakeDisk({ '/etc/a': {} }, { user: 'ops' }), { path: '/etc/a', mode: '0600' }),
  ).rejects.toThrow(words);
  const unread = fakeDisk({ '/etc/a': {} }, { user: 'ops' });
  Object.assign(unread.reader, { readFile: () => Promise.reject(new MissingError('cat: /etc/a: Permission denied')) });
  await expect(command.apply(ops, { argv: ['id'] })).rejects.not.toThrow(words);
  await expect(sysctl({ values: { 'net.ipv4.ip_forward': 1 } }).read(unread.reader)).rejects.toThrow(words);
});
