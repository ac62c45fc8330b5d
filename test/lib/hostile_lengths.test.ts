import { beforeAll, expect, test } from '@jest/globals';
import { parseCapacity } from '../../lib/formats/capacity.ts';
import { parseIpv4Network } from '../../lib/formats/ipv4.ts';
import { parseIpv6Network } from '../../lib/formats/ipv6.ts';
import { parseKeyValue, setValue } from '../../lib/formats/key_value.ts';
import { loadXmlParser, parseDomain } from '../../lib/formats/libvirt_xml.ts';
import { parseOsRelease } from '../../lib/formats/os_release.ts';
import { canonicalValue, parseSysctlConf, removeSysctl, setSysctl } from '../../lib/formats/sysctl_conf.ts';
import { parseHost } from '../../lib/hosts/ssh/host_spec.ts';
import { parseIniInventory } from '../../lib/inventory/ansible/ini_inventory.ts';
import { parseJsonInventory } from '../../lib/inventory/ansible/json_inventory.ts';
import { expandRange } from '../../lib/inventory/ansible/range.ts';
import { makeInventory } from '../../lib/inventory/inventory.ts';
import { chooseHosts } from '../../lib/inventory/pattern.ts';
import { oneLine } from '../../lib/reporters/columns.ts';
import { fileDiff } from '../../lib/reporters/file_diff.ts';
import { withoutControls } from '../../lib/reporters/words.ts';
import { writeFile } from '../../lib/task/step.ts';
import { hostileTexts, isBounded } from '../support/growth.ts';

const inventory = makeInventory({ groups: {}, hosts: { a: {}, 'b:1': {} } });

/** Everything that reads a text which a host, an inventory or a user has made. */
const readers: Readonly<Record<string, (text: string) => unknown>> = {
  parseSysctlConf,
  'setSysctl and removeSysctl': (text) => removeSysctl(setSysctl(text, 'x', '1'), 'y'),
  canonicalValue,
  parseCapacity,
  parseIpv4Network,
  parseIpv6Network,
  'parseKeyValue and setValue': (text) => setValue(parseKeyValue(text), 'x', 'z', 'needed'),
  parseOsRelease,
  parseDomain: (text) => parseDomain(`<domain><name>${text}</name></domain>`),
  'parseIniInventory, its hosts': (text) => parseIniInventory(text, 'hosts'),
  'parseIniInventory, its values': (text) => parseIniInventory(`[all:vars]\n${text}`, 'hosts'),
  'parseIniInventory, a value': (text) => parseIniInventory(`[all:vars]\nx=${text}`, 'hosts'),
  'parseIniInventory, a list': (text) => parseIniInventory(`[all:vars]\nx=[${text}`, 'hosts'),
  parseJsonInventory: (text) => parseJsonInventory(text, 'hosts'),
  chooseHosts: (text) => chooseHosts(inventory, text),
  expandRange,
  parseHost,
  oneLine,
  withoutControls,
};

beforeAll(loadXmlParser);

test('a reader that is quadratic is seen to be', () => {
  const quadratic = (text: string) => /(.*?)(\s*)$/.exec(text);
  expect(isBounded(quadratic, (length) => `x${' '.repeat(length / 2)}x`)).toBe(false);
});

test.each(Object.entries(readers))('%s takes time that grows as the text does, whatever the text', (_name, read) => {
  const slow = Object.entries(hostileTexts).flatMap(([name, text]) => (isBounded(read, text) ? [] : [name]));
  expect(slow).toEqual([]);
});

test('a diff of many changed lines is bounded, and true', () => {
  const lines = (count: number, word: string) =>
    Array.from({ length: count }, (_, line) => `${word} ${line}\n`).join('');
  const shown = (count: number) => {
    const [before, after] = [`same\n${lines(count, 'old')}end`, `same\n${lines(count, 'new')}end`];
    return fileDiff(writeFile('/f', after, { before: { path: '/f', text: before, encoding: 'utf8' } })) ?? '';
  };
  const diffs = new Map<number, string>();
  const work = ({ length }: string): void => {
    diffs.set(length / 5, shown(length / 5));
  };
  expect(isBounded(work, (length) => 'x'.repeat(length))).toBe(true);
  const diff = (diffs.get(8000) ?? '').split('\n');
  expect(diff.slice(0, 5)).toEqual(['--- /f', '+++ /f', '@@ -1,8002 +1,8002 @@', ' same', '-old 0']);
  expect(diff.slice(-3)).toEqual(['+new 7999', ' end', '\\ No newline at end of file']);
  expect(diff.filter((line) => line.startsWith('-old'))).toHaveLength(8000);
});
