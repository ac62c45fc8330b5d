import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { CommandError, PendingChangeError } from '../errors.ts';
import { operandScript } from '../hosts/files/steps.ts';
import type { Host } from '../hosts/host.ts';
import { stateDirectory } from '../hosts/shell/paths.ts';
import { quote, quoteAll } from '../hosts/shell/quote.ts';
import { packageFile, shellProgram } from '../process/package_files.ts';
import type { ReadonlyHost } from '../task/readonly_host.ts';
import { type CommandStep, command, makeDirectory, type Step, writeFile } from '../task/step.ts';
import { type Differences, parseDifferences } from './differences.ts';

const directory = `${stateDirectory}/change`;
const programPath = `${directory}/program`;
/** The copy that belongs to the change that is pending: another version of kvm-play may have written the other one. */
const pendingProgram = `${directory}/current/program`;

/** Exit statuses of the program on the host. */
const exits = { pending: 75, unknown: 76, tooLate: 77 } as const;

/** What becomes of a network change on the host. */
export type ChangeState = 'none' | 'armed' | 'rolling-back' | 'confirmed' | 'rolled-back';

/** What the host says of its pending, or else of its last network change. */
export interface ChangeStatus {
  readonly state: ChangeState;
  readonly id: string;
  readonly title: string;
  /** Who made it, from where. */
  readonly owner: string;
  readonly fingerprint: string;
  /** Seconds since it was armed, and until it is taken back; undefined after a reboot, and when it is over. */
  readonly age: number | undefined;
  readonly left: number | undefined;
  /** What differs since it was rolled back; undefined when it was not, or when the host has not compared itself yet. */
  readonly differences: Differences | undefined;
}

/** What a change touches. */
export interface Touched {
  readonly title: string;
  readonly fingerprint: string;
  /** Seconds in which it must be confirmed. */
  readonly limit: number;
  readonly steps: readonly Step[];
  readonly links: readonly string[];
  /** The link by which the host is reached; undefined where that is not known. */
  readonly carrier: string | undefined;
  /** Files besides those that the steps write: markers of the engine's own. */
  readonly files: readonly string[];
}

/** Asks for the pending network change, or the last one. */
export async function readStatus(host: ReadonlyHost): Promise<ChangeStatus> {
  const { stdout } = await host.query(['sh', programPath, 'status']);
  return parseStatus(stdout);
}

/** Makes the id of a change. */
export function newId(): string {
  return randomBytes(4).toString('hex');
}

/**
 * Takes the snapshot and arms the way back.
 * @throws CommandError: nothing was changed; ConnectionError: nothing was changed, but the way back may be armed
 */
export async function begin(host: Host, id: string, touched: Touched): Promise<void> {
  await host.executeTogether([
    makeDirectory(directory, { mode: 0o700 }),
    writeFile(programPath, await programText(), { mode: 0o700 }),
    command(['sh', programPath, 'begin', id], { stdin: planText(id, touched), timeLimit: 60 }),
  ]);
}

/**
 * Makes a step's script one that is taken only while the change is armed. Where the link was down, it may be delivered long
 * after the controller has given up; the host, which has gone back by then, must not take it any more. The note that a step is
 * under way is left first, and then it is asked: either the step sees that the host goes back, or the way back sees the note.
 */
export function whileArmed(id: string, script: string): string {
  return `kvm_play_change=${id}
${shellProgram('lib/network_change/on_host/while_armed.sh')}
( ${script}
)
kvm_play_step=$?
rm -f -- "$kvm_play_note"
exit "$kvm_play_step"`;
}

/** The step that goes before those that cut the link: whoever runs it is ended before the host goes back. */
export function cutStep(id: string): CommandStep {
  return command(['sh', pendingProgram, 'cut', id], { disrupts: 'link', timeLimit: 10 });
}

/** Makes the change stay. @returns false when it is too late: the host is going back @throws CommandError, ConnectionError */
export async function confirm(host: Host, id: string): Promise<boolean> {
  return inTime(host.execute(command(['sh', pendingProgram, 'confirm', id], { timeLimit: 60 })));
}

/** Has the host go back now. @returns false when it is too late for that @throws CommandError, ConnectionError */
export async function requestRollBack(host: Host, id: string): Promise<boolean> {
  return inTime(host.execute(command(['sh', pendingProgram, 'request', id], { timeLimit: 30 })));
}

/**
 * Has the host compare itself with its snapshot, after a roll-back that could not do so itself: one at boot, or on a full disk.
 * @returns undefined when it could not
 */
export async function compare(host: Host, id: string): Promise<Differences | undefined> {
  const { stdout } = await host.reader.query(['sh', `${directory}/last/program`, 'compare', id], { timeLimit: 60 });
  return parseDifferences(stdout);
}

/** Moves the deadline. @param seconds from now on @returns false when it is too late for that @throws CommandError, ConnectionError */
export async function extend(host: Host, id: string, seconds: number): Promise<boolean> {
  return inTime(host.execute(command(['sh', pendingProgram, 'extend', id, String(seconds)], { timeLimit: 30 })));
}

/** Tells whether a failed {@link begin} found another change pending. */
export function isPending(error: unknown): boolean {
  return error instanceof CommandError && error.failure.exitCode === exits.pending;
}

/** Tells whether a change is neither confirmed nor rolled back yet. */
export function isUnfinished({ state }: Pick<ChangeStatus, 'state'>): boolean {
  return state === 'armed' || state === 'rolling-back';
}

/**
 * Says what is pending, and what can be done about it.
 * @param host the host's name
 * @param isOwn it is a change of the very site that is run
 */
export function pendingError(host: string, status: ChangeStatus, isOwn: boolean): PendingChangeError {
  const { id, title, owner, age, left, state } = status;
  const since = age === undefined ? 'since before the host was rebooted' : `for ${age} s`;
  const until =
    state === 'rolling-back' ? 'it is being rolled back now' : `it rolls back by itself in ${Math.max(0, left ?? 0)} s`;
  const next = isOwn
    ? 'run the site without --check or --apply-plan to confirm it'
    : `wait for that, or decide by hand:\n  npx kvm-play network confirm ${host}\n  npx kvm-play network rollback ${host}`;
  return new PendingChangeError(
    `the network change ${id} ('${title}', by ${owner}) is pending ${since}; ${until}; ${next}`,
  );
}

async function inTime(step: Promise<void>): Promise<boolean> {
  try {
    await step;
    return true;
  } catch (error) {
    // Its folder is gone with the change: the shell finds no program (127, or 2 for dash).
    const late: readonly number[] = [exits.tooLate, exits.unknown, 2, 127];
    if (error instanceof CommandError && late.includes(error.failure.exitCode)) return false;
    throw error;
  }
}

function parseStatus(text: string): ChangeStatus {
  const values = new Map(
    text.split('\n').map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]),
  );
  const number = (key: string): number | undefined => (values.has(key) ? Number(values.get(key)) : undefined);
  const states: readonly ChangeState[] = ['armed', 'rolling-back', 'confirmed', 'rolled-back'];
  return {
    state: states.find((state) => state === values.get('state')) ?? 'none',
    id: values.get('id') ?? '',
    title: values.get('title') ?? '',
    owner: values.get('owner') ?? '',
    fingerprint: values.get('fingerprint') ?? '',
    age: number('age'),
    left: number('left'),
    differences: parseDifferences(text),
  };
}

/** The plan is shell text that the program reads: names, and what has to be run to go back. */
function planText(id: string, { title, fingerprint, limit, steps, links, carrier = '', files }: Touched): string {
  const paths = [
    ...new Set([
      ...steps.flatMap((step) => ('path' in step && step.kind !== 'directory' ? [step.path] : [])),
      ...files,
    ]),
  ];
  const commands = steps.filter((step) => step.kind === 'command');
  const units = [...new Set(commands.flatMap((step) => step.units ?? []))];
  const readers = [...new Set(commands.flatMap(({ undo }) => undo?.before ?? []))];
  // The last step is taken back first.
  const undone = commands.toReversed().map(({ undo, disrupts, operand }) => ({
    withNewFiles: (undo?.withNewFiles ?? []).map((argv) => undoLine(argv, operand)),
    withOldFiles: (undo?.withOldFiles ?? []).map((argv) => undoLine(argv, operand)),
    atBoot: (undo?.atBoot ?? []).map((argv) => undoLine(argv, operand)),
    disrupts,
  }));
  const simple = (text: string): string => quote(text.replaceAll(/['\n]/g, ' '));
  return `id=${quote(id)}
title=${simple(title)}
owner=${simple(`${userInfo().username}@${hostname()}, process ${process.pid}`)}
fingerprint=${quote(fingerprint)}
limit=${quote(String(limit))}
links=${simple(links.join(' '))}
carrier=${simple(carrier)}
units=${simple(units.join(' '))}
boot_before=${simple(readers.join(' '))}
each_file() {
${lines(paths.map((path) => `  "$1" ${quote(path)}`))}
}
undo_with_new_files() {
${lines(undone.flatMap(({ withNewFiles }) => withNewFiles))}
}
undo_with_old_files() {
${lines(undone.flatMap(({ withOldFiles, disrupts }) => (disrupts === 'link' ? withOldFiles.map(ifCut) : withOldFiles)))}
}
undo_at_boot() {
${lines(undone.flatMap(({ atBoot }) => atBoot))}
}
# end of ${id}
`;
}

/** What brings a link up again is run only where one was cut. */
function ifCut(line: string): string {
  return `  [ ! -e "$here/cut" ] ||${line}`;
}

/** Also when it is taken back, a path is reached without following what another user could have placed. */
function undoLine(argv: readonly string[], operand: CommandStep['operand']): string {
  const run = operand === undefined ? `limited 60 ${quoteAll(argv)}` : operandScript({ argv, operand }, 60);
  return `  ${run} </dev/null`;
}

/** A function of a shell must hold a command. */
function lines(commands: readonly string[]): string {
  return [...commands, '  :'].join('\n');
}

/** The program's parts, in this order: the last one is what begins. */
const programParts: readonly string[] = [
  ...['prologue', 'storage', 'network_state', 'network_restore', 'snapshot', 'compare', 'alarm', 'program'],
];

async function programText(): Promise<string> {
  const parts = programParts.map((name) => readFile(packageFile(`lib/network_change/on_host/${name}.sh`), 'utf8'));
  return (await Promise.all(parts)).join('\n');
}
