import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileFunction } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import ts from 'typescript';
import { exitCodeHelp, exitCodes } from '../lib/cli/options/exit_codes.ts';
import { keysOf } from '../lib/cli/options/keys.ts';
import { fullHelp, type Option, options, spellingsOf } from '../lib/cli/options/option_table.ts';
import { synopses, usage } from '../lib/cli/options/usage.ts';
import { nothingCounted, type PlayEvent } from '../lib/events/events.ts';
import * as library from '../lib/index.ts';
import { basesDirectory, labsDirectory } from '../lib/lab/layout.ts';
import { requiredPackages } from '../lib/lab/requirements.ts';
import { fileDiff } from '../lib/reporters/file_diff.ts';
import { terminalReporter } from '../lib/reporters/terminal.ts';
import { runOnHost } from '../lib/run/host_run.ts';
import { isPlay } from '../lib/site/play.ts';
import { tasksOf } from '../lib/site/play_items.ts';
import type { Task } from '../lib/task/task.ts';
import { taskOptionNames } from '../lib/task/task_options.ts';
import { FakeHost } from '../lib/testing/index.ts';
import * as exported from '../modules/index.ts';
import { interfaceOf, literalOf, propertiesOf, unionOf } from './support/declarations.ts';
import { jsonStream } from './support/json_stream.ts';
import { type Block, blocksOf, examplesOf, moduleSources, pages, textOf } from './support/pages.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
/** A page without its code. */
function proseOf(path: string): string {
  return textOf(path).replaceAll(/^```.*?^```/gms, '');
}

/** The modules; what else their index exports are blocks, which sites take as they are. */
const { kvmHost: _block, ...modules } = exported;

const moduleExamples = moduleSources.flatMap(examplesOf);
const title = ({ path, line }: Block): string => `${path}:${line}`;

/** Runs a block, and gives the tasks that it makes, those of its play included. */
function evaluate({ code }: Block): readonly Task[] {
  const made: Task[] = [];
  const record = (target: object, key: string | symbol): unknown => {
    const module: unknown = Reflect.get(target, key);
    if (typeof module !== 'function') return module;
    return new Proxy(module, {
      apply: (make, self, args) => {
        const task: Task = Reflect.apply(make, self, args);
        made.push(task);
        return task;
      },
    });
  };
  const known = new Map<string, object>([
    ['kvm-play', library],
    ['kvm-play/modules', new Proxy({ ...exported }, { get: record })],
  ]);
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  });
  const result: { default?: unknown } = {};
  compileFunction(outputText, ['require', 'exports'])((name: string) => known.get(name), result);
  return isPlay(result.default) ? tasksOf(result.default.build()) : made;
}

/** Splits a page at its headings of the second level. */
function sectionsOf(path: string): ReadonlyMap<string, string> {
  const parts = textOf(path).split(/^## /m).slice(1);
  return new Map(parts.map((part) => [part.slice(0, part.indexOf('\n')), part]));
}

function sectionOf(path: string, heading: string): string {
  const section = sectionsOf(path).get(heading);
  if (section === undefined) throw new Error(`${path} has no section '${heading}'`);
  return section;
}

/** The tables of a text, as rows of cells, without their heads. */
function tablesOf(text: string): readonly (readonly (readonly string[])[])[] {
  return [...text.matchAll(/^\|.*\n\|[-|]+\n((?:\|.*\n)+)/gm)].map(([, rows = '']) =>
    rows
      .trimEnd()
      .split('\n')
      .map((row) => row.slice(2, -2).split(' | ')),
  );
}

function inBackticks(text = ''): readonly string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].flatMap(([, name]) => name ?? []);
}

/** What stands in backticks in the first cells of a table. */
function firstCells(table: readonly (readonly string[])[] = []): readonly string[] {
  return table.flatMap(([cell]) => inBackticks(cell));
}

describe('code in the pages', () => {
  const blocks = pages.flatMap((page) => blocksOf(page, 'ts'));

  test('is found', () => {
    expect(blocks.length).toBeGreaterThan(10);
    expect(new Set(blocks.map(({ path }) => path))).toContain('README.md');
    expect(moduleExamples.map(({ path }) => path)).toEqual(
      Object.values(modules)
        .map(({ module }) => `modules/${module}.ts`)
        .sort(),
    );
  });

  const withTasks = blocks.filter(({ code }) => /from 'kvm-play\/modules'/.test(code) && !/\bawait\b/.test(code));
  test.each([...withTasks, ...moduleExamples].map((block) => [title(block), block] as const))(
    '%s makes tasks',
    (_title, block) => {
      expect(evaluate(block).length).toBeGreaterThan(0);
    },
  );
});

test('every link leads to a file, and to a heading in it', () => {
  const anchorsOf = (path: string): readonly string[] =>
    [...textOf(path).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    );
  const links = pages.flatMap((page) => {
    return [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => ({ page, link }));
  });
  expect(links.length).toBeGreaterThan(5);
  const broken = links.filter(({ page, link }) => {
    if (/^https?:/.test(link)) return false;
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? page : relative(root, resolve(root, dirname(page), path));
    if (!existsSync(join(root, target))) return true;
    return anchor !== undefined && !anchorsOf(target).includes(anchor);
  });
  expect(broken).toEqual([]);
});

describe('docs/command.md', () => {
  const page = 'docs/command.md';

  /** A cell as plain text: without backticks, and links as their words. */
  const plain = (cell: string): string => cell.replaceAll('`', '').replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1');
  /** What a cell says first, with the words that it must begin with: whole sentences may follow. */
  const beginning = (cell: string, help: string): string =>
    new RegExp(String.raw`^.{${help.length}}(?=$|\. )`).exec(plain(cell))?.[0] ?? plain(cell);

  test('has every option of the table, as the help spells and explains it, and no other', () => {
    const rows = tablesOf(sectionOf(page, 'Options')).flat();
    const isOfRehearsal = ({ section }: Option): boolean => section === 'Rehearsal';
    const helpOf = (option?: Option): string => (option === undefined ? '' : fullHelp(option));
    const inOrder = [...options].filter(([, option]) => !isOfRehearsal(option));
    const wanted = [...inOrder, ...[...options].filter(([, option]) => isOfRehearsal(option))];
    expect(rows.map(([cell, meaning = ''], index) => [cell, beginning(meaning, helpOf(wanted[index]?.[1]))])).toEqual(
      wanted.map(([name, option]) => [
        spellingsOf(name, option)
          .map((spelling) => `\`${spelling}${option.value === undefined ? '' : ` ${option.value}`}\``)
          .join(', '),
        fullHelp(option),
      ]),
    );
  });

  test('begins with the synopses of the help', () => {
    const [block] = blocksOf(page, 'console');
    expect(block?.code).toBe(synopses.map((line) => `$ npx ${line}\n`).join(''));
  });

  test('has every exit code, with the words of the help', () => {
    const [table = []] = tablesOf(sectionOf(page, 'Exit codes'));
    const wanted = keysOf(exitCodes).map((name) => [String(exitCodes[name]), exitCodeHelp[name]]);
    expect(table.map(([code, meaning = ''], index) => [code, beginning(meaning, wanted[index]?.[1] ?? '')])).toEqual(
      wanted,
    );
  });

  test('has every event of the stream, with its fields', () => {
    const [events = [], fields = []] = tablesOf(sectionOf(page, 'The JSON stream'));
    const documented = events.map(([type, , names]) => [...inBackticks(type), ...inBackticks(names)]);
    const declared = unionOf('PlayEvent', 'lib/events/events.ts').map((members) => {
      const type = literalOf(members, 'type');
      return [type, ...propertiesOf(members).filter((name) => name !== 'type')];
    });
    expect(documented).toEqual(declared);
    const explained = fields.flatMap(([name, what]) => [...inBackticks(name), ...inBackticks(what)]);
    for (const name of ['HostSummary', 'Summary', 'TaskName']) {
      expect(explained).toEqual(expect.arrayContaining([...interfaceOf(name, ['lib/events/events.ts'])]));
    }
    expect(explained).toEqual(expect.arrayContaining([...interfaceOf('TaskResult', ['lib/task/task.ts'])]));
  });

  test('has every field of a plan', () => {
    const explained = inBackticks(sectionOf(page, 'A plan to review'));
    const parts = [
      ...[
        'Plan',
        'PlanPlay',
        'PlanHost',
        'PlanTask',
        'Sealed',
        'PlanCommand',
        'PlanWrite',
        'PlanRemoval',
        'PlanChange',
      ],
      ...['ChangePlan', 'CommandStep', 'DirectoryStep'],
    ];
    const from = ['lib/review/plan.ts', 'lib/events/events.ts', 'lib/task/step.ts'];
    for (const part of parts) expect(explained).toEqual(expect.arrayContaining([...interfaceOf(part, from)]));
  });

  test('shows what check mode prints', async () => {
    const host = new FakeHost({
      name: 'localhost',
      files: { '/proc/sys/vm/swappiness': '60\n', '/etc/sysctl.d/README.sysctl': '', '/run/systemd/system/x': '' },
    });
    const [block = { path: page, line: 0, code: '' }] = blocksOf(page, 'ts');
    const events: PlayEvent[] = [
      { type: 'run-start', check: true },
      { type: 'play-start', play: 'Guests', hosts: ['localhost'], tasks: [] },
    ];
    await runOnHost(host, evaluate(block), { check: true }, (event) => events.push(event));
    const counts = { ...nothingCounted, changed: 1 };
    events.push({ type: 'run-end', summary: { check: true, hosts: { localhost: counts }, interrupted: false } });

    let shown = '$ npx kvm-play --check site.ts\n';
    const write = (text: string): void => {
      shown += text;
    };
    const options = { color: false, unicode: true, steps: false, skipped: false, width: 80, fileDiff };
    const report = terminalReporter({ write, ...options });
    for (const event of events) report(event);
    expect(blocksOf(page, 'console').map(({ code }) => code)).toContain(shown);

    const lines = jsonStream(events).split('\n');
    for (const line of blocksOf(page, 'json').flatMap(({ code }) => code.trimEnd().split('\n'))) {
      expect(lines).toContain(line);
    }
  });
});

describe('docs/from_ansible.md', () => {
  test('names only options that there are', () => {
    const [table = []] = tablesOf(sectionOf('docs/from_ansible.md', 'Command line'));
    const known: readonly string[] = usage.match(/(?<![\w-])--?[a-z][a-z-]*/gi) ?? [];
    const named = table.flatMap(([, ours = '']) =>
      inBackticks(ours).flatMap((code) => code.match(/(?<![\w-])--?[a-z][a-z-]*/gi) ?? []),
    );
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((option) => !known.includes(option) && option !== '--noEmit')).toEqual([]);
  });
});

describe('docs/modules.md', () => {
  const page = 'docs/modules.md';
  /** Modules that take the options of every task, and nothing else. */
  const withoutArguments: readonly string[] = ['network'];

  test('has what every task takes', () => {
    const [table] = tablesOf(sectionOf(page, 'What every task takes'));
    expect(firstCells(table)).toEqual(interfaceOf('TaskOptions', ['lib/task/task.ts']));
    expect(firstCells(table)).toEqual(taskOptionNames);
  });

  test.each(Object.entries(modules).map(([name, { module }]) => [module, name] as const))(
    'has every argument of %s, and no other',
    (module, name) => {
      const [table] = tablesOf(sectionOf(page, module));
      const declared = withoutArguments.includes(module)
        ? []
        : interfaceOf(`${name[0]?.toUpperCase()}${name.slice(1)}Args`, moduleSources);
      const documented = (table ?? []).map(([cell]) => inBackticks(cell)[0]);
      expect(documented.sort()).toEqual([...declared].sort());
      for (const row of table ?? []) expect([row[0], row.length]).toEqual([row[0], 4]);
    },
  );

  test('has every part of a disk and of an interface', () => {
    const [, inside = []] = tablesOf(sectionOf(page, 'virt_install'));
    for (const [name, row] of [
      ['DiskArgs', 0],
      ['NetworkArgs', 1],
    ] as const) {
      const parts = unionOf(name, 'modules/virt_install/arguments.ts').flatMap(propertiesOf);
      expect(parts.length).toBeGreaterThan(4);
      for (const part of parts) expect(inside[row]?.[1]).toMatch(new RegExp(`\\b${part}\\b`));
    }
  });
});

test('docs/rehearsal.md names the packages and the places', () => {
  const names = inBackticks(proseOf('docs/rehearsal.md'));
  expect(names).toEqual(expect.arrayContaining([...requiredPackages, basesDirectory, labsDirectory]));
});
