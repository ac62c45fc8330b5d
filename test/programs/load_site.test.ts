import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type CommandEnd, runCommand } from '../support/command.ts';

// The command is what loads sites: in a process of its own, by Node or by jiti, as Node's version has it.

const files: Readonly<Record<string, string>> = {
  'playbook.yml': '- hosts: all\n  tasks: []\n',
  'module_of_library.ts':
    "import { file, play } from 'kvm-play';\nexport default play({ name: 'P', tasks: [file({ path: '/x' })] });\n",
  'hosts.ini': '[web]\nweb1\n',
  'good.ts': `import { play } from 'kvm-play';
import { sysctl } from 'kvm-play/modules';

interface Vars {
  readonly forward: number;
}
export default play({
  name: 'Good',
  vars: { forward: 1 },
  tasks: (vars: Vars) => [sysctl('Forward', { values: { 'net.ipv4.ip_forward': vars.forward } })],
});
`,
  'list.mjs': `import { play } from 'kvm-play';
export default [play({ name: 'One', tasks: [] }), play({ name: 'Two', tasks: [] })];
`,
  // The error must be of the class that the command knows, though another copy of the package lies nearby.
  'same.ts': `import { KvmPlayError, play } from 'kvm-play';
import { sysctl } from 'kvm-play/modules';

let found = 'no error';
try {
  sysctl({ values: {} });
} catch (error) {
  found = String(error instanceof KvmPlayError);
}
export default play({ name: found, tasks: [] });
`,
  'node_modules/kvm-play/package.json':
    '{"name":"kvm-play","type":"module","exports":{".":"./other.js","./modules":"./other.js"}}',
  'node_modules/kvm-play/other.js': "throw new Error('another copy');",
  'node_modules/sites/package.json': '{"name":"sites","type":"module"}',
  'unsaid/package.json': '{"name":"unsaid"}',
  // As `npm init -y` makes it.
  'commonjs/package.json': '{"name":"commonjs","type":"commonjs"}',
  'commonjs/deep/site.ts': `import { play } from 'kvm-play';
import { text } from '../helpers/text.ts';
export default play({ name: text as string, tasks: [] });
`,
  'commonjs/helpers/text.ts': "export const text: string = 'from a helper';\n",
  'commonjs/enum.ts': `import { play } from 'kvm-play';
enum Memory { Small = 512 }
export default play({ name: \`\${Memory.Small} MiB\`, tasks: [] });
`,
  'into_commonjs.mts': `import { play } from 'kvm-play';
import { text } from './commonjs/helpers/text.ts';
export default play({ name: text, tasks: [] });
`,
  'required.cjs': `const { play } = require('kvm-play');
module.exports = play({ name: 'required', tasks: [] });
`,
  'shared.ts': `import { play } from 'kvm-play';
import { one } from './helpers/one.ts';
import { two } from './helpers/two.ts';
export default play({ name: one === two ? 'the same' : 'two copies', tasks: [] });
`,
  'helpers/it.ts': 'export const it: { readonly a: number } = { a: 1 };\n',
  'helpers/one.ts': "export { it as one } from './it.ts';\n",
  'helpers/two.ts': "export { it as two } from './it.ts';\n",
  'enum.ts': `import { play } from 'kvm-play';
enum Memory { Small = 512, Large = 1024 }
export default play({ name: \`\${Memory.Large} MiB\`, tasks: [] });
`,
  'bad_argument.ts': `import { play } from 'kvm-play';
import { sysctl } from 'kvm-play/modules';

interface Dropped {
  readonly line: string;
}
export default play({
  name: 'Bad',
  tasks: [
    sysctl({ values: { 'net.ipv4.ip_forward': 1 } }),
    sysctl('Second', {
      values: { 'net.ipv4.ip_forward': 1 }, fil: '/etc/x' } as never),
  ],
});
`,
  'throws.ts': `interface Dropped {
  readonly line: string;
}
const dropped: Dropped = { line: 'x' };
if (dropped.line === 'x') {
  throw new Error('the inventory is empty\\nask for another');
}
`,
  'throws_below.ts': `import { fails } from './helpers/fails.ts';
export default fails();
`,
  'helpers/fails.ts': `interface Dropped {
  readonly line: string;
}
export function fails(): string {
  const nothing: unknown = undefined;
  return (nothing as Dropped).line;
}
`,
  'throws_in_tasks.ts': `import { play } from 'kvm-play';

export default play({
  name: 'Late',
  tasks: () => {
    throw new RangeError('too late');
  },
});
`,
  'throws_text.ts': "throw 'a text';\n",
  'syntax.ts': `interface Dropped {
  readonly line: string;
}
export default {
  name: 'x'
  tasks: [],
};
`,
  'no_file.ts': "import { x } from './there_is_none.ts';\nexport default x;\n",
  'no_export.ts': `import { play } from 'kvm-play';
import { sysctI } from 'kvm-play/modules';
export default play({ name: 'x', tasks: [sysctI({})] });
`,
  'no_play.ts': 'export const site = 1;\n',
  'empty.ts': 'export default [];\n',
  'not_only_plays.ts': "import { play } from 'kvm-play';\nexport default [play({ name: 'x', tasks: [] }), {}];\n",
};

/** A path with each ending that a site's name may have. */
const names = (path: string): readonly string[] =>
  ['ts', 'mts', 'cts', 'js', 'mjs'].map((ending) => `${path}.${ending}`);

describe('loadSite', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'kvm-play-sites-'));
    const places = ['node_modules/sites/same.ts', ...['unsaid', 'commonjs'].flatMap((name) => names(`${name}/same`))];
    const copies = Object.fromEntries(places.map((path) => [path, files['same.ts'] ?? '']));
    for (const [name, text = ''] of Object.entries({ ...files, ...copies })) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const list = (...args: readonly string[]): Promise<CommandEnd> =>
    runCommand(['--list-tasks', ...args], { cwd: folder });

  test.concurrent.each([
    ['types', 'good.ts', 'play: Good\n  Forward (sysctl)\n'],
    ['a list of plays in plain JavaScript', 'list.mjs', 'play: One\nplay: Two\n'],
    ['this very copy of the library', 'same.ts', 'play: true\n'],
    ['this very copy below node_modules', 'node_modules/sites/same.ts', 'play: true\n'],
    ...names('unsaid/same').map((site) => ['a package that does not say what its files are', site, 'play: true\n']),
    ...names('commonjs/same').map((site) => ['a package that says that they are CommonJS', site, 'play: true\n']),
    ['what such a site imports', 'commonjs/deep/site.ts', 'play: from a helper\n'],
    ['what a module imports from such a package', 'into_commonjs.mts', 'play: from a helper\n'],
    ['types there that cannot just be left out', 'commonjs/enum.ts', 'play: 512 MiB\n'],
    ['what is CommonJS', 'required.cjs', 'play: required\n'],
    ['a file that two others import, once', 'shared.ts', 'play: the same\n'],
    ['types that cannot just be left out', 'enum.ts', 'play: 1024 MiB\n'],
  ])('takes %s', async (_what = '', site = '', stdout = '') => {
    expect(await list(site)).toEqual({ exitCode: 0, stdout, stderr: '' });
  });

  test.concurrent.each([
    ['none.ts', /^there is no file none\.ts\n$/],
    [
      'playbook.yml',
      /^playbook\.yml is YAML, and a site is a TypeScript file: docs\/from_ansible\.md .*-i playbook\.yml\. .*\n\n {2}import/,
    ],
    ['hosts.ini', /^hosts\.ini is no site, .* an inventory is given as -i hosts\.ini\./],
    [
      'module_of_library.ts',
      /imported from 'kvm-play\/modules', all else from 'kvm-play'\n {2}at module_of_library\.ts:\d\n$/,
    ],
    ['helpers', /^helpers is no file; name the site itself, e\.g\. site\.ts\n$/],
    [
      'bad_argument.ts',
      /^sysctl: there is no argument 'fil'; did you mean 'file'\?\n {2}task: Second\n {2}at bad_argument\.ts:11\n$/,
    ],
    ['throws.ts', /^throws\.ts cannot be loaded: the inventory is empty\n {2}ask for another\n {2}at throws\.ts:6\n$/],
    [
      'throws_below.ts',
      /^throws_below\.ts cannot be loaded: TypeError: Cannot read .*\n {2}at helpers\/fails\.ts:6\n$/,
    ],
    ['throws_in_tasks.ts', /^RangeError: too late\n {2}task: play 'Late'\n {2}at throws_in_tasks\.ts:6\n$/],
    ['throws_text.ts', /^throws_text\.ts cannot be loaded: a text\n$/],
    ['syntax.ts', /^syntax\.ts cannot be loaded: SyntaxError: .*\n {4}tasks: \[\],\n {2}at syntax\.ts:6\n$/],
    [
      'no_file.ts',
      /^no_file\.ts cannot be loaded: Cannot find module '.*there_is_none\.ts'.*\n( {2}at no_file\.ts:1\n)?$/,
    ],
    ['no_export.ts', /^no_export\.ts cannot be loaded: .*sysctI.*\n(.*\n)? {2}at no_export\.ts:[23]\n$/],
    ['no_play.ts', /^no_play\.ts exports no play as its default\..*\n\n {2}import [\s\S]*export default play\(\{/],
    ['empty.ts', /^empty\.ts exports no play as its default\./],
    ['not_only_plays.ts', /^not_only_plays\.ts exports no play as its default\./],
  ])('says what is wrong with %s', async (site, message) => {
    const { exitCode, stdout, stderr } = await list(site);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr.replace(/^kvm-play: /, '')).toMatch(message);
  });

  test('gives variables the type of their defaults', async () => {
    expect((await list('-e', 'forward=0', 'good.ts')).exitCode).toBe(0);
    expect((await list('-e', 'forward=yes', 'good.ts')).stderr).toBe(
      `kvm-play: the variable 'forward' is a number (1), and was given "yes"\n  task: play 'Good'\n  at good.ts:7\n`,
    );
  });
});
