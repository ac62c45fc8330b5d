import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { applyTask } from '../../../lib/engine/apply_task.ts';
import { defineModule, type Module } from '../../../lib/engine/define_module.ts';
import { inspect } from '../../../lib/engine/inspect.ts';
import type { PlayEvent } from '../../../lib/events/events.ts';
import { runOnHost } from '../../../lib/run/host_run.ts';
import type { TextFile } from '../../../lib/task/readonly_host.ts';
import { command, writeFile } from '../../../lib/task/step.ts';
import type { Task } from '../../../lib/task/task.ts';
import type { FakeHost } from '../../../lib/testing/index.ts';
import { BatchedHost } from '../../support/batched_host.ts';
import { runs } from '../../support/runs.ts';
import { config, entry, loader, loadingHost } from '../../support/tiny_modules.ts';

/** Keeps a file like another one, whatever that one holds by then. */
const copy: Module<{ from: string; to: string }> = defineModule<
  { from: string; to: string },
  { from: string; to: string; same: boolean },
  { source: TextFile | undefined; target: TextFile | undefined }
>({
  name: 'copy',
  desired: ({ from, to }) => ({ from, to, same: true }),
  subject: ({ to }) => to,
  read: async (host, { from, to }) => {
    // The second read depends on the first, as many do.
    const source = await host.readFile(from);
    const target = await host.readFile(to);
    return { state: { from, to, same: (source?.text ?? '') === (target?.text ?? '') }, found: { source, target } };
  },
  plan: ({ found }, { to }) => [writeFile(to, found.source?.text ?? '', found.target && { before: found.target })],
});

/** Keeps a file's text with a command that changes another file on the side. */
const careless: Module<{ path: string; text: string; spoils: string }> = defineModule<
  { path: string; text: string; spoils: string },
  { path: string; text: string; spoils: string },
  undefined
>({
  name: 'careless',
  desired: (args) => args,
  subject: ({ path }) => path,
  read: async (host, wanted) => ({
    state: { ...wanted, text: (await host.readFile(wanted.path))?.text ?? '' },
    found: undefined,
  }),
  plan: (_seen, { path, text, spoils }) => [command(['careless', path, text, spoils])],
});

/** A host on which `load` loads, and `careless` is careless. */
function newHost(files: Readonly<Record<string, string>>): FakeHost {
  return loadingHost({
    files: { ...files },
    onStep: ([tool, path = '', text = '', spoils = ''], host) => {
      if (tool === 'load') {
        for (const [name, content] of host.files) host.commands.set(`live ${name}`, { stdout: content });
      } else {
        host.files.set(spoils, `${host.files.get(spoils) ?? ''}!`);
        host.files.set(path, text);
      }
      return {};
    },
  });
}

/** What a play came to: a line a task, and whether it was all in vain. */
type Report = readonly string[];

/** Runs a play as the engine does, reading ahead. */
async function readingAhead(host: FakeHost, tasks: readonly Task[]): Promise<{ report: Report; requests: number }> {
  const events: PlayEvent[] = [];
  const batched = new BatchedHost(host);
  await runOnHost(batched, tasks, {}, (event) => events.push(event));
  const report = events.flatMap((event) => {
    if (event.type === 'host-failed') return [`undone: ${event.error.message}`];
    if (event.type !== 'task-end') return [];
    return [`${event.status} ${JSON.stringify(event.result?.differences)} ${event.error?.message ?? ''}`];
  });
  return { report, requests: batched.requests };
}

/** Runs a play task by task: each is looked at in its turn, and nothing is known ahead. */
async function sequentially(host: FakeHost, tasks: readonly Task[]): Promise<Report> {
  const written = new Set<Task>();
  const report: string[] = [];
  for (const task of tasks) {
    const { changed, differences } = await applyTask(host, task, { written });
    if (changed) written.add(task);
    report.push(`${changed ? 'changed' : 'ok'} ${JSON.stringify(differences)} `);
  }
  if (written.size === 0) return report;
  const undone: string[] = [];
  for (const task of tasks) {
    const { differences } = await inspect(host, task);
    const words = differences.map(({ path, wanted, actual }) => `${path} is ${show(actual)}, wanted ${show(wanted)}`);
    if (differences.length > 0) undone.push(`'${task.title}' no longer holds: ${words.join('; ')}`);
  }
  if (undone.length === 0) return report;
  return [...report, `undone: ${undone.join('\n')}\na later task of the play has undone it`];
}

function show(value: unknown): string {
  if (value === '') return '(empty)';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const path = fc.constantFrom('/a', '/b', '/c', '/d');
const text = fc.constantFrom('1', '2');

/** Random tasks that lean on one another's files; a loader reflects a random part of the configurations before it. */
const plays = fc
  .array(
    fc.oneof(
      fc.record({ kind: fc.constant('entry' as const), path, text }),
      fc.record({ kind: fc.constant('copy' as const), from: path, to: path }),
      fc.record({ kind: fc.constant('careless' as const), path, text, spoils: path }),
      fc.record({ kind: fc.constant('config' as const), path: fc.constantFrom('/e', '/f'), text }),
      fc.record({ kind: fc.constant('loader' as const), mask: fc.nat(255) }),
    ),
    { minLength: 1, maxLength: 10 },
  )
  .map((parts): readonly Task[] => {
    const tasks: Task[] = [];
    for (const part of parts) {
      const configs = tasks.filter(({ module }) => module === 'config');
      // Two tasks of one module that want two texts of one file are refused before anything is written.
      const isNew =
        'path' in part && !tasks.some(({ module, subject }) => module === part.kind && subject === part.path);
      if (part.kind === 'entry' && isNew) tasks.push(entry(part));
      if (part.kind === 'copy') tasks.push(copy(part));
      if (part.kind === 'careless' && isNew && part.path !== part.spoils) tasks.push(careless(part));
      if (part.kind === 'config' && isNew) tasks.push(config(part));
      if (part.kind === 'loader') {
        tasks.push(loader({ reflects: configs.filter((_, index) => (part.mask >> index) & 1) }));
      }
    }
    return tasks;
  });

const files = fc.dictionary(path, text);

describe('reading ahead', () => {
  test('comes to the same end and the same report as looking at each task in its turn', async () => {
    await fc.assert(
      fc.asyncProperty(plays, files, async (tasks, before) => {
        const [ahead, inTurn] = [newHost(before), newHost(before)];
        const { report } = await readingAhead(ahead, tasks);
        expect(report).toEqual(await sequentially(inTurn, tasks));
        expect(Object.fromEntries(ahead.files)).toEqual(Object.fromEntries(inTurn.files));
        expect(ahead.executed).toEqual(inTurn.executed);
      }),
      { numRuns: runs(200) },
    );
  });

  const many = (changed: readonly number[]): { tasks: readonly Task[]; before: Record<string, string> } => {
    const names = Array.from({ length: 20 }, (_, index) => `/file-${index}`);
    return {
      tasks: names.map((name) => entry({ path: name, text: 'wanted' })),
      before: Object.fromEntries(names.map((name, index) => [name, changed.includes(index) ? 'old' : 'wanted'])),
    };
  };

  test.each([
    ['nothing to do', [], 1],
    ['one changed task', [3], 2],
    ['the last task changed', [19], 2],
    ['three changed tasks', [3, 4, 11], 4],
  ] as const)('%s: so many requests', async (_name, changed, requests) => {
    const { tasks, before } = many(changed);
    expect((await readingAhead(newHost(before), tasks)).requests).toBe(requests);
  });

  test('a change that nobody expected costs one request more, and what follows is read ahead again', async () => {
    const tasks = [
      careless({ path: '/a', text: '1', spoils: '/b' }),
      ...Array.from({ length: 10 }, () => entry({ path: '/c', text: '1' })),
      entry({ path: '/b', text: '1' }),
      ...Array.from({ length: 10 }, () => entry({ path: '/c', text: '1' })),
    ];
    const host = newHost({ '/b': '1', '/c': '1' });
    const { report, requests } = await readingAhead(host, tasks);
    expect(report.filter((line) => line.startsWith('changed'))).toHaveLength(2);
    expect(requests).toBe(3);
  });
});
