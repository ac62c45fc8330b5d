import { expect, test } from '@jest/globals';
import { parse } from 'ini';
import { parsePythonConfig } from '../../../lib/formats/python_config.ts';

const plain = (text: string): unknown =>
  Object.fromEntries([...parsePythonConfig(text)].map(([name, values]) => [name, Object.fromEntries(values)]));

test.each([
  ['a key ends at a colon too', '[defaults]\nremote_user: ops\n', { defaults: { remote_user: 'ops' } }],
  ['# behind a value is part of it', '[defaults]\nkey = id#1 # two\n', { defaults: { key: 'id#1 # two' } }],
  ['; begins a comment only after a blank', '[d]\na = x;y ; two\nb = z\t;\n', { d: { a: 'x;y', b: 'z' } }],
  [
    'an indented line continues a value',
    '[d]\nargs = -o A=b\n  -o C=d\nb = 1\n',
    { d: { args: '-o A=b\n-o C=d', b: '1' } },
  ],
  ['keys have no case, sections have', '[D]\nRemote_User = x\n[d]\n', { D: { remote_user: 'x' }, d: {} }],
  ['quotes are part of a value', '[d]\na = "x y"\n', { d: { a: '"x y"' } }],
  ['words of other formats are texts', '[d]\na = true\n', { d: { a: 'true' } }],
  ['a dot in a section means nothing', '[a.b]\nc = 1\n', { 'a.b': { c: '1' } }],
  ['DEFAULT is for all sections', '[DEFAULT]\na = 1\nb = 2\n[d]\nb = 3\n', { d: { a: '1', b: '3' } }],
])('%s, and the package ini reads it otherwise', (_rule, text, values) => {
  expect(plain(text)).toEqual(values);
  expect(JSON.parse(JSON.stringify(parse(text)))).not.toEqual(values);
});

test.each([
  ['an empty file', '', {}],
  ['nothing is interpolated', '[d]\na = %(home)s/%h\n', { d: { a: '%(home)s/%h' } }],
  ['lines before the first section', 'a = 1\n[d]\nb = 2', { d: { b: '2' } }],
  ['a line without a separator', '[d]\nalone\nb = 2\n', { d: { b: '2' } }],
  ['a key that stands twice', '[d]\na = 1\na = 2\n[e]\n[d]\nb = 3\n', { d: { a: '2', b: '3' }, e: {} }],
  ['an empty line within a value, and a comment', '[d]\na = 1\n\n  2\n# no\n  3\n', { d: { a: '1\n\n2\n3' } }],
  ['an indented section', ' [d]\n a = 1\n', { d: { a: '1' } }],
])('%s', (_what, text, values) => {
  expect(plain(text)).toEqual(values);
});
