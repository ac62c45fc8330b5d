import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseExtraVars, readExtraVars } from '../../../../lib/cli/options/extra_vars.ts';
import { refusal } from '../../../support/refusal.ts';

describe('-e', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'kvm-play-vars-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const written = (name: string, text: string): string => {
    const path = join(directory, name);
    writeFileSync(path, text);
    return `@${path}`;
  };
  const values = async (...texts: readonly string[]): Promise<unknown> => readExtraVars(parseExtraVars(texts));

  test('takes pairs, objects and files, of which later ones win', async () => {
    expect(await values('t=y n=2', 'title="two words"')).toEqual({ t: 'y', n: '2', title: 'two words' });
    expect(await values('{"n": 2, "on": true, "x": 1e3}', '{t: y, big: 0x10}')).toEqual({
      ...{ n: 2, on: true, x: 1000 },
      ...{ t: 'y', big: 16 },
    });
    const yaml = written('values.yml', '# of the guests\nn: 3\nname: gibbon\n');
    expect(await values('n=1', yaml)).toEqual({ n: 3, name: 'gibbon' });
    expect(await values(yaml, 'n=1', written('more.json', '{"name": "siamang"}'))).toEqual({ n: '1', name: 'siamang' });
  });

  test.each([
    [['title=My server'], `quote a value that holds blanks: -e 'title="My server"'`],
    [['memory = 2'], "was given 'memory = 2'"],
    [['a="b'], 'a quote is opened and not closed'],
    [["a=it's"], 'a quote is opened and not closed'],
    [['a=1 a=2'], "-e gives 'a' twice, '1' and '2'"],
    [['a=1', 'b=2', 'a=1'], "-e gives 'a' twice"],
    [['a={{ b }}'], "-e: 'a={{ b }}' holds a template"],
    [['values.yml'], 'a file is named as -e @values.yml'],
    [[''], "was given ''"],
  ])('%j is refused', (texts, words) => {
    expect(refusal(() => parseExtraVars(texts)).message).toContain(words);
  });

  test.each([
    ['@none.yml', '-e @none.yml: there is no such file; name a file with values in JSON or YAML'],
    ['@', '-e @ names no file'],
    ['@/', '-e @/: it is a directory; name a file with values'],
    ['["a"]', 'it must hold one object of names and values'],
    ['{"a": [1]}', "the value of 'a' must be a text"],
    ['{"a": "{{ b }}"}', "-e: a: '{{ b }}' holds a template"],
    ['{"a": 1, "a" 2}', 'it is no YAML that can be read'],
  ])('%s is refused when it is read', async (text, words) => {
    await expect(values(text)).rejects.toThrow(words);
  });

  test('a file that is called .json is told what is wrong with its JSON', async () => {
    await expect(values(written('wrong.json', '{"a": 1,}'))).rejects.toThrow('wrong.json is no JSON');
  });
});
