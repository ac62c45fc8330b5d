import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { sshSettings } from '../../../lib/hosts/ssh/ssh_settings.ts';
import { type PlayEvent, play, run } from '../../../lib/index.ts';
import { query } from '../../../modules/index.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Variables of a file that can change: those of `let`, and collections that are not declared readonly. */
function changeable(text: string): readonly string[] {
  return [
    ...text.matchAll(/^(?:let (\w+)|const (\w+)(?:: (?!Readonly)[^=]*)? = new (?:Weak)?(?:Map|Set)\b.*)/gm),
  ].flatMap(([line, variable, collection = '']) => {
    const isFilled = new RegExp(`\\b${collection}\\.(add|set)\\(`).test(text);
    return variable ?? (isFilled && line !== '' ? collection : []);
  });
}

test('the state of the process is what its list says', () => {
  const found = ['lib', 'modules'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((file) => file.isFile() && file.name.endsWith('.ts'))
      .map((file) => join(file.parentPath, file.name))
      .flatMap((file) => changeable(readFileSync(file, 'utf8')).map((name) => `${relative(root, file)} ${name}`)),
  );
  const list = readFileSync(join(root, 'lib/process/README.md'), 'utf8');
  const said = [...list.matchAll(/^\| `((?:lib|modules)\/[^`]+)` \| ([^|]+) \|/gm)].flatMap(
    ([, file = '', names = '']) => [...names.matchAll(/`(\w+)`/g)].map(([, name]) => `${file} ${name}`),
  );
  expect(said).not.toEqual([]);
  expect(found.toSorted()).toEqual(said.toSorted());
});

test('what one run has read of ssh_config is not what another one knows', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'kvm-play-state-'));
  const sshConfig = join(directory, 'config');
  const limitOf = async (mentions: Map<string, Promise<boolean>>): Promise<number> =>
    (await sshSettings({ name: 'host' }, { sshConfig, mentions })).connectLimit;
  try {
    writeFileSync(sshConfig, '');
    const first = new Map<string, Promise<boolean>>();
    expect(await limitOf(first)).toBe(10);
    writeFileSync(sshConfig, 'ConnectTimeout 33\n');
    expect(await limitOf(first)).toBe(10);
    expect(await limitOf(new Map())).toBe(33);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('two runs at once tell of their own tasks, and one that is interrupted leaves the other alone', async () => {
  const end = new AbortController();
  const events: Record<'one' | 'other', PlayEvent[]> = { one: [], other: [] };
  const site = (name: string, seconds: string) =>
    play({ name, tasks: [query({ argv: ['sleep', seconds] }), query({ argv: ['test', name] })] });
  const [one, other] = await Promise.all([
    run(site('one', '0.2'), { onEvent: (event) => events.one.push(event) }),
    run(site('other', '0'), {
      signal: end.signal,
      onEvent: (event) => {
        events.other.push(event);
        if (event.type === 'play-start') end.abort();
      },
    }),
  ]);
  expect([one.interrupted, other.interrupted]).toEqual([false, true]);
  expect(one.hosts.localhost).toMatchObject({ failed: 0 });
  expect(JSON.stringify(events.one)).not.toContain('other');
  expect(JSON.stringify(events.other)).not.toContain('"one');
});
