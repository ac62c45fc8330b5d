import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { parseExtraVars, readExtraVars } from '../../lib/cli/options/extra_vars.ts';
import { blocksOf, textOf } from '../support/pages.ts';

const page = 'docs/from_ansible.md';
const isRequired = process.env.KVM_PLAY_LAB === 'required';
const isThere = (await execa('ansible-playbook', ['--version'], { reject: false })).exitCode === 0;
if (!isThere && !isRequired) console.log(`${page} is not held against Ansible: there is no ansible-playbook here`);
const describePeer = isThere || isRequired ? describe : describe.skip;

describePeer('what Ansible is said to know', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'kvm-play-peer-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  test.each(blocksOf(page, 'yaml').map(({ line, code }) => [`${page}:${line}`, code] as const))(
    '%s is a playbook',
    async (_name, code) => {
      const path = join(directory, 'site.yml');
      writeFileSync(path, code);
      const env = { LC_ALL: 'C.UTF-8' };
      const { exitCode, stderr } = await execa('ansible-playbook', ['--syntax-check', path], { env, reject: false });
      expect([exitCode, exitCode === 0 ? '' : stderr]).toEqual([0, '']);
    },
  );

  test.each([
    ['t=y n=2', 'a="x y" b=', ' c=1  d=2 ', 'e==x=y', 'f=1\ng=2'],
    ['a="x \\"q\\" y"', "b='' c='it\\'s'", 'd=x"y z"w', `e="it's"`, 'f="b"c'],
    ['a=b\\nc', 'b="\\tx"', 'c=\\d', 'd=\\x41\\u00e9', 'e="two\nlines  here"', 'f="x\\y"'],
    ['{"a": 1, "b": 2.5e1}', '{c: yes, d: 010, e: 1_0, f: x}', 'a=later'],
  ])('-e is read as Ansible reads it: %j', async (...texts) => {
    const args = ['-i', 'h,', '--host', 'h', ...texts.flatMap((text) => ['-e', text])];
    const { stdout } = await execa('ansible-inventory', args, { env: { LC_ALL: 'C.UTF-8' } });
    expect(await readExtraVars(parseExtraVars(texts))).toEqual(JSON.parse(stdout));
  });

  test('its options are there', async () => {
    const { stdout } = await execa('ansible-playbook', ['--help'], { env: { LC_ALL: 'C.UTF-8', COLUMNS: '200' } });
    const section = /^## Command line\n(.*?)^## /ms.exec(textOf(page))?.[1] ?? '';
    const named = [...section.matchAll(/^\| (.*?) \|/gm)].flatMap(
      ([, theirs = '']) => theirs.match(/(?<=`)--[a-z-]+/g) ?? [],
    );
    expect(named.length).toBeGreaterThan(15);
    expect(named.filter((option) => !stdout.includes(option) && option !== '--list')).toEqual([]);
  });
});
