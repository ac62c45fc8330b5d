import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The sources below a folder: path and text. */
function sources(folder: string, ending = '.ts'): readonly { path: string; text: string }[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((found) => found.isFile() && found.name.endsWith(ending))
    .map((found) => join(found.parentPath, found.name))
    .map((file) => ({ path: relative(root, file), text: readFileSync(file, 'utf8') }));
}

/** What a file imports or exports again, statically, at run time, or as a type. */
function imports(text: string): readonly string[] {
  return [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]/g)].flatMap(([, name]) => name ?? []);
}

/** Every import below a folder that has a given form, as `file: name`. */
function importsOf(folder: string, pattern: RegExp): readonly string[] {
  return sources(folder).flatMap(({ path, text }) =>
    imports(text)
      .filter((name) => pattern.test(name))
      .map((name) => `${path}: ${name}`),
  );
}

test('the sources are found, and their imports', () => {
  expect(importsOf('lib', /inspect\.ts$/)).toContain('lib/engine/check_task.ts: ./inspect.ts');
  expect(importsOf('modules', /^\.\/service\.ts$/)).toContain('modules/index.ts: ./service.ts');
});

/** The folders, lowest first: a file imports from its own folder and from those that stand before it. */
const layers: readonly string[] = [
  'lib/process',
  'lib/errors.ts',
  'lib/formats',
  'lib/validation',
  'lib/task',
  'lib/hosts/shell',
  'lib/hosts/files',
  'lib/hosts/session',
  'lib/hosts/ssh',
  'lib/hosts/batch',
  'lib/hosts',
  'lib/testing',
  'lib/engine',
  'lib/events',
  'lib/network_change',
  'lib/inventory/ansible',
  'lib/inventory',
  'lib/site',
  'lib/preview',
  'lib/review',
  'lib/run',
  'lib/reporters',
  'lib/lab',
  'lib/index.ts',
  'lib/cli/options',
  'lib/cli/completion',
  'lib/cli/output',
  'lib/cli/commands',
  'lib/cli',
  'modules/common',
  'modules/systemd',
  'modules/libvirt',
  'modules/network',
  'modules/package',
  'modules/sysctl',
  'modules/file',
  'modules/virsh_network',
  'modules/virt_install',
  'modules',
];

/** The layer that a file belongs to: that of the nearest folder that has one. */
function layerOf(path: string): string {
  const own = layers
    .filter((layer) => path === layer || path.startsWith(`${layer}/`))
    .sort((a, b) => b.length - a.length);
  return own[0] ?? path;
}

test('every folder has a layer, and every import leads to a lower one: the engine knows no module', () => {
  const files = [...sources('lib'), ...sources('modules')];
  expect(files.map(({ path }) => layerOf(path)).filter((layer) => !layers.includes(layer))).toEqual([]);
  const upward = files.flatMap(({ path, text }) =>
    imports(text)
      .filter((name) => name.startsWith('.'))
      .map((name) => join(path, '..', name))
      .filter((target) => layers.indexOf(layerOf(target)) > layers.indexOf(layerOf(path)))
      .map((target) => `${path} -> ${target}`),
  );
  expect(upward).toEqual([]);
});

test('no file imports itself by way of others', () => {
  const files = [...sources('lib'), ...sources('modules')];
  const targets = new Map(
    files.map(({ path, text }) => [
      path,
      imports(text)
        .filter((name) => name.startsWith('.'))
        .map((name) => join(path, '..', name)),
    ]),
  );
  const circles = new Set<string>();
  const done = new Set<string>();
  const follow = (path: string, way: readonly string[]): void => {
    const start = way.indexOf(path);
    if (start >= 0) circles.add([...way.slice(start), path].join(' -> '));
    if (start >= 0 || done.has(path)) return;
    for (const target of targets.get(path) ?? []) follow(target, [...way, path]);
    done.add(path);
  };
  for (const { path } of files) follow(path, []);
  expect([...circles]).toEqual([]);
});

test('hosts know no tool by name: whoever asks a tool brings the rule for merging along', () => {
  const tools =
    /\b(systemctl|virsh|libvirtd?|qemu-img|virt-install|nmcli|NetworkManager|brctl|ip6?tables|nft|sysctl|rpm|dpkg)\b/;
  const offenders = ['.ts', '.sh'].flatMap((ending) =>
    sources('lib/hosts', ending).flatMap(({ path, text }) =>
      text
        .split('\n')
        .filter((line) => !/^\s*(\/?\*|\/\/|#)/.test(line) && tools.test(line))
        .map((line) => `${path}: ${line.trim()}`),
    ),
  );
  expect(offenders).toEqual([]);
});

test('formats know no host', () => {
  expect(importsOf('lib/formats', /hosts|^node:/)).toEqual([]);
});

test('modules take no steps: they know hosts that only look', () => {
  expect(importsOf('modules', /hosts\//)).toEqual([]);
});

test('only the command line prints or ends the process', () => {
  const offenders = [...sources('lib'), ...sources('modules')]
    .filter(({ path }) => !path.startsWith('lib/cli/'))
    .filter(({ text }) => /process\.(exit\b|exitCode|stdout|stderr)|^(?! \*).*\bconsole\.\w+\(/m.test(text))
    .map(({ path }) => path);
  expect(offenders).toEqual([]);
});

/** The files and packages that Node loads with a file: its own imports, and theirs, but none that is loaded when it is needed. */
function loadedWith(entry: string): { readonly files: readonly string[]; readonly packages: readonly string[] } {
  const files = new Set([entry]);
  const packages = new Set<string>();
  for (const path of files) {
    const text = readFileSync(join(root, path), 'utf8').replaceAll(/^(im|ex)port type .*$/gm, '');
    for (const [, name = ''] of text.matchAll(/^(?:import|export|\}) .*?from '([^']+)'/gm)) {
      if (name.startsWith('.')) files.add(join(path, '..', name));
      else if (!name.startsWith('node:')) packages.add(name);
    }
  }
  return { files: [...files], packages: [...packages] };
}

test('the command starts, and gets as far as the site, without loading what takes long', () => {
  const heavy = ['diff', 'execa', 'fast-xml-parser', 'jiti', 'valibot'];
  const loaded = (path: string): readonly string[] => loadedWith(path).packages.filter((name) => heavy.includes(name));
  expect(loaded('modules/index.ts')).toContain('valibot');
  expect(loadedWith('lib/cli/main.ts').packages).toEqual([]);
  expect(loaded('lib/cli/execute.ts')).toEqual([]);
  expect(loaded('lib/cli/commands/run_site.ts')).toEqual([]);
  expect(loaded('lib/reporters/terminal.ts')).toEqual([]);
});

test('a site loads modules without what few sites need: every file costs a run half a millisecond', () => {
  const loaded = loadedWith('modules/index.ts').files;
  expect(loaded).toContain('modules/service.ts');
  expect(loaded.filter((path) => /^modules\/network\/(netplan|networkd|networkmanager|ifupdown)\//.test(path))).toEqual(
    [],
  );
  expect(loaded.length).toBeLessThan(115);
});
