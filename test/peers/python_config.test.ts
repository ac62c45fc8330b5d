import { expect, test } from '@jest/globals';
import { execa } from 'execa';
import fc from 'fast-check';
import { parsePythonConfig } from '../../lib/formats/python_config.ts';
import { describeWith } from '../support/programs.ts';

/** Reads texts as Ansible reads ansible.cfg; null for one that configparser refuses. */
const program = `
import configparser, json, sys
def read(text):
    parser = configparser.ConfigParser(inline_comment_prefixes=(';',))
    try:
        parser.read_string(text)
    except configparser.Error:
        return None
    return {name: dict(parser.items(name, raw=True)) for name in parser.sections()}
print(json.dumps([read(text) for text in json.load(sys.stdin)]))
`;

const piece = fc.constantFrom(
  ...['[d]\n', '[D]\n', '[a.b] x\n', '[DEFAULT]\n', '[a]b]\n', 'a', 'B', 'c d', ' = ', '=', ': ', ':', ' ', '\t', '  '],
  ...['\n', '\n', '\n', '\n\n', '#', ' ;', ';', '"', '%(a)s', '%', 'x', '\\', '[', ']', '\r\n', '1', 'true'],
);
const config = fc.array(piece, { maxLength: 30 }).map((pieces) => `[d]\n${pieces.join('')}`);

describeWith(['python3'], 'a configuration is read as Python reads it', () => {
  test('whatever is in it', async () => {
    const texts = fc.sample(config, 3000);
    const { stdout } = await execa('python3', ['-c', program], { input: JSON.stringify(texts) });
    const wanted: readonly unknown[] = JSON.parse(stdout);
    expect(wanted.filter((values) => values !== null).length).toBeGreaterThan(300);
    for (const [index, text] of texts.entries()) {
      if (wanted[index] === null) continue;
      const read = [...parsePythonConfig(text)].map(([name, values]) => [name, Object.fromEntries(values)]);
      expect([text, Object.fromEntries(read)]).toEqual([text, wanted[index]]);
    }
  });
});
