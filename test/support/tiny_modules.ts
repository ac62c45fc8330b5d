import { defineModule, type Module } from '../../lib/engine/define_module.ts';
import type { ModuleReading } from '../../lib/engine/module_spec.ts';
import type { Difference } from '../../lib/task/diff.ts';
import type { TextFile } from '../../lib/task/readonly_host.ts';
import { command, type Disruption, type Step, writeFile } from '../../lib/task/step.ts';
import type { Missing } from '../../lib/task/task.ts';
import { FakeHost, type FakeHostOptions } from '../../lib/testing/index.ts';

/** Arguments of the modules that write a file. */
export interface EntryArgs {
  readonly path: string;
  readonly text: string;
  /** A file that must be there already. */
  readonly needs?: string;
}

/** Keeps a file's text. */
export const entry: Module<EntryArgs, EntryState> = defineModule<EntryArgs, EntryState, TextFile | undefined>({
  name: 'entry',
  desired: ({ path, text, needs }) => ({ path, text, ...(needs !== undefined && { needs }) }),
  subject: ({ path }) => path,
  provides: ({ path }) => [`file:${path}`],
  read: async (host, wanted) => {
    const { path, needs } = wanted;
    const file = await host.readFile(path);
    const lacks = needs !== undefined && !(await host.exists(needs));
    return { ...seen(wanted, file), missing: lacks ? [missingFile(needs)] : [] };
  },
  plan: writeIt,
});

/** Keeps a file's text, which takes effect once `load` has been run: the query `live PATH` says what is in force, `others PATH` what others do. */
export const config: Module<EntryArgs, EntryState> = defineModule<EntryArgs, EntryState, TextFile | undefined>({
  name: 'config',
  desired: ({ path, text }) => ({ path, text }),
  subject: ({ path }) => path,
  read: async (host, wanted) => seen(wanted, await host.readFile(wanted.path)),
  plan: writeIt,
  inForce: async (host, { path, text }) => {
    const [live, others] = await Promise.all([host.query(['live', path]), host.query(['others', path])]);
    return {
      loaded: live.stdout === text ? [] : [{ path: 'text', wanted: text, actual: live.stdout }],
      settled: others.stdout === '' ? [] : [{ path: 'lease', wanted: 'there', actual: others.stdout }],
    };
  },
});

/** Arguments of {@link loader}. */
export interface LoaderArgs {
  /** What loading disturbs. */
  readonly disturbs?: Disruption;
}

/** Runs `load` when something is due. */
export const loader: Module<LoaderArgs, { disturbs?: Disruption }> = defineModule<
  LoaderArgs,
  { disturbs?: Disruption },
  undefined
>({
  name: 'loader',
  loads: true,
  desired: ({ disturbs }) => ({ ...(disturbs !== undefined && { disturbs }) }),
  subject: () => 'load',
  read: async (_host, wanted) => ({ state: wanted, found: undefined }),
  plan: (_seen, { disturbs }, due) =>
    due.length === 0 ? [] : [command(['load'], disturbs === undefined ? {} : { disrupts: disturbs })],
});

/** Runs `poke`, of which nobody can know what it changes. */
export const unknowable: Module<object> = defineModule<object, { done: boolean }, undefined>({
  name: 'unknowable',
  desired: () => ({ done: true }),
  subject: () => 'poke',
  unknowable: () => true,
  irreversible: true,
  read: async (host) => ({ state: { done: (await host.query(['poked'])).exitCode === 0 }, found: undefined }),
  plan: () => [command(['poke'])],
});

interface EntryState {
  readonly path: string;
  readonly text: string;
  readonly needs?: string;
}

/** A host on which `load` puts the text of every file in force. */
export function loadingHost(options: FakeHostOptions = {}): FakeHost {
  return new FakeHost({
    onStep: (argv, host) => {
      if (argv[0] !== 'load') return { exitCode: 1 };
      for (const [path, text] of host.files) host.commands.set(`live ${path}`, { stdout: text });
      return {};
    },
    ...options,
  });
}

/** The marker of a {@link config} whose text nothing has loaded yet. */
export function markerOf(path: string): string {
  return `/var/lib/kvm-play/pending/config-${encodeURIComponent(path)}`;
}

/** A module that wants `{ value: 'wanted' }`; a test says what it sees and plans. */
export function tiny(
  see: () => Partial<ModuleReading<{ value: string }, undefined>>,
  plan: (due: readonly Difference[]) => readonly Step[] = () => [command(['step'])],
): Module<object> {
  return defineModule<object, { value: string }, undefined>({
    name: 'tiny',
    desired: () => ({ value: 'wanted' }),
    subject: () => 'it',
    read: async () => ({ state: {}, found: undefined, ...see() }),
    plan: (_seen, _desired, due) => plan(due),
  });
}

function seen(wanted: EntryState, file: TextFile | undefined): ModuleReading<EntryState, TextFile | undefined> {
  return { state: { ...wanted, ...{ text: file?.text ?? '' } }, found: file };
}

function writeIt(
  { found }: ModuleReading<EntryState, TextFile | undefined>,
  { path, text }: EntryState,
): readonly Step[] {
  return found?.text === text ? [] : [writeFile(path, text, found && { before: found })];
}

function missingFile(path: string): Missing {
  return { key: `file:${path}`, what: `there is no file ${path}`, remedy: 'put it there' };
}
