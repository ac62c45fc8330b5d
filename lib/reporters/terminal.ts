import { styleText } from 'node:util';
import type { HostSummary, NetworkChangePhase, PlayEvent, TaskStatus } from '../events/events.ts';

import { type Difference, inWords } from '../task/diff.ts';
import type { Step } from '../task/step.ts';
import type { Answer } from '../task/task.ts';
import { shownEvent } from './shown_event.ts';
import { isPasteable, stepLine } from './steps.ts';
import { errorLines, linesOf, withoutControls } from './words.ts';

type Style = Parameters<typeof styleText>[0];
type TaskEnd = Extract<PlayEvent, { type: 'task-end' }>;

/** How a run is shown. */
export interface TerminalOptions {
  /** Takes whole lines. */
  write(text: string): void;
  readonly color: boolean;
  /** Show `→`; else `->`. */
  readonly unicode: boolean;
  /** Show each changed task's commands. Check mode always does. */
  readonly steps: boolean;
  /**
   * Shows a file's change as a diff. Where it is given, apply mode shows changes as check mode does:
   * files as diffs, and everything else as before and after.
   */
  readonly fileDiff?: (step: Step) => string | undefined;
  /** Show the tasks that were skipped after a failure. */
  readonly skipped: boolean;
  /** Show how long each task took. Default false. */
  readonly seconds?: boolean;
  /** Show only what changed, failed, was unreachable or warned, and the recap. Default false. */
  readonly quiet?: boolean;
  /** Columns of the rules above plays and tasks. */
  readonly width: number;
}

/** Phases of a network change that are shown even with `quiet`. */
const loudPhases: ReadonlySet<NetworkChangePhase> = new Set(['planned', 'taking-up', 'rolling-back', 'rolled-back']);

/** Number of lines of an answer that are shown without `-v`. */
const answerLines = 20;

type ChangeEvent = Extract<PlayEvent, { type: 'network-change' }>;

const changeStyles: Readonly<Partial<Record<NetworkChangePhase, Style>>> = {
  'rolling-back': 'red',
  'rolled-back': 'yellow',
  confirmed: 'green',
};

const styles: Readonly<Record<TaskStatus, Style>> = { ok: 'green', changed: 'yellow', failed: 'red', skipped: 'cyan' };

/** Makes a reporter that shows a run to a person, in the form that users of Ansible know. */
export function terminalReporter(options: TerminalOptions): (event: PlayEvent) => void {
  const view = new View(options);
  return (event) => view.show(shownEvent(event));
}

class View {
  readonly #options: TerminalOptions;
  #header: string | undefined;
  /** The header of the current play, until it has been shown. */
  #play: string | undefined;
  #check = false;

  constructor(options: TerminalOptions) {
    this.#options = options;
  }

  show(event: PlayEvent): void {
    switch (event.type) {
      case 'run-start':
        this.#check = event.check;
        break;
      case 'play-start':
        this.#header = undefined;
        this.#play = `PLAY [${event.play}]`;
        if (this.#options.quiet) break;
        this.#showPlay();
        if (event.hosts.length === 0) this.#line('skipping: no hosts left', 'cyan');
        break;
      case 'task-end':
        this.#task(event);
        break;
      case 'host-phase':
        if (event.phase === 'not-begun') this.#notBegun(event.host);
        break;
      case 'network-change':
        this.#change(event);
        break;
      case 'host-unreachable':
        this.#failure('unreachable', event.host, event.error);
        break;
      case 'host-failed':
        this.#failure('failed', event.host, event.error);
        break;
      case 'run-end':
        this.#rule('PLAY RECAP');
        this.#recap(event.summary.hosts);
        break;
      default:
    }
  }

  #notBegun(host: string): void {
    this.#showPlay();
    this.#header = undefined;
    this.#line(`not begun: [${host}] because a host before it failed or the run was interrupted`, 'cyan');
  }

  #task(event: TaskEnd): void {
    const { host, status, result, after = [], error, seconds, handling, reason } = event;
    if (status === 'skipped' && !this.#options.skipped) return;
    if (this.#options.quiet && status === 'ok' && (result?.warnings ?? []).length === 0) return;
    this.#showPlay();
    this.#headerOf(event);
    if (error !== undefined) {
      this.#failure('failed', host, error);
      if (handling !== undefined) this.#line(`...${handling}: [${host}]`, 'cyan');
      return;
    }
    if (reason !== undefined) {
      this.#line(`skipped: [${host}] => ${reason}`, styles.skipped);
      return;
    }
    const provided = after.length === 0 ? '' : ` (after: ${after.join(', ')})`;
    const took = this.#options.seconds && status !== 'skipped' ? ` in ${seconds.toFixed(1)} s` : '';
    this.#line(`${status}: [${host}]${took}${provided}`, styles[status]);
    if (status === 'changed' && result !== undefined) {
      if (this.#check || this.#options.fileDiff !== undefined) this.#differences(result.differences, result.steps);
      if (this.#check || this.#options.steps) this.#steps(result.steps);
    }
    if (result?.answer !== undefined && !this.#options.quiet) this.#answer(result.answer);
    for (const warning of result?.warnings ?? []) {
      this.#line(`[WARNING]: ${warning}`, 'magenta');
    }
  }

  /** Shows an answer: in full with `-v`, else its first lines. */
  #answer({ exitCode, stdout }: Answer): void {
    const lines = stdout === '' ? [] : stdout.replace(/\n$/, '').split('\n');
    const shown = this.#options.steps ? lines : lines.slice(0, answerLines);
    for (const line of shown) this.#line(`    ${line}`);
    if (shown.length < lines.length)
      this.#line(
        `    ${this.#options.unicode ? '…' : '...'} ${lines.length - shown.length} more lines; -v shows them`,
        'cyan',
      );
    if (exitCode !== 0) this.#line(`    exit code ${exitCode}`, 'cyan');
  }

  /** Shows the phases of a network change that a person waits for or has to approve; with `-v` every phase. */
  #change({ host, title, phase, id, reason, plan }: ChangeEvent): void {
    const say = (text: string): void => this.#line(`${title}: [${host}] ${text}`, changeStyles[phase]);
    if (this.#options.quiet && !loudPhases.has(phase)) return;
    this.#showPlay();
    switch (phase) {
      case 'planned':
      case 'arming':
        if (plan === undefined || (phase === 'arming' && !this.#options.steps)) break;
        this.#rule(`NETWORK CHANGE [${title}]`);
        this.#header = undefined;
        this.#line(
          `planned: [${host}] all or nothing; it must be confirmed within ${plan.confirmWithin} s, or the host rolls back`,
        );
        for (const file of plan.files) this.#line(`    may be restored: ${file}`);
        for (const words of plan.proves) this.#line(`    will be proved: ${words}`);
        break;
      case 'armed':
        say(`armed: the host rolls back by itself unless the change ${id ?? ''} is confirmed`);
        break;
      case 'taking-up':
        say(`an earlier run has left the change ${id ?? ''} pending: taking it up`);
        break;
      case 'confirmed':
        say('confirmed over a new connection: it stays');
        break;
      case 'rolling-back':
        say(`rolling back, and waiting for the host: ${reason ?? ''}`);
        break;
      case 'rolled-back':
        say(reason ?? 'the host is as it was before');
        break;
      default:
        if (this.#options.steps) say(reason === undefined ? phase : `${phase}: ${reason}`);
    }
  }

  /** Prints a header if the task differs from that of the line before: hosts run in parallel, so that their lines alternate. */
  #headerOf({ task }: TaskEnd): void {
    const header = `TASK [${task.title}]`;
    if (header !== this.#header) this.#rule(header);
    this.#header = header;
  }

  #differences(differences: readonly Difference[], steps: readonly Step[]): void {
    const arrow = this.#options.unicode ? '→' : '->';
    for (const { path, wanted, actual } of differences) {
      this.#line(`    ${path}: ${inWords(actual)} ${arrow} ${inWords(wanted)}`);
    }
    for (const diff of steps.flatMap((step) => this.#options.fileDiff?.(step) ?? [])) {
      for (const line of diff.split('\n')) this.#line(`    ${line}`, diffStyle(line));
    }
  }

  #steps(steps: readonly Step[]): void {
    for (const step of steps) this.#line(`    ${isPasteable(step) ? '$' : '#'} ${stepLine(step)}`, 'cyan');
  }

  #failure(word: string, host: string, error: Error): void {
    this.#showPlay();
    const [first = '', ...rest] = errorLines(error);
    this.#line(`${word}: [${host}] => ${first}`, 'red');
    for (const line of rest) this.#line(`    ${line}`, 'red');
  }

  /** Prints the counts of all hosts in columns. A line that is wider than the window is continued below, indented. */
  #recap(hosts: Readonly<Record<string, HostSummary>>): void {
    const rows = Object.entries(hosts).map(([host, counts]) => ({ host, counts, cells: recapCells(counts) }));
    const nameWidth = Math.max(...rows.map(({ host }) => host.length));
    const names = new Set(rows.flatMap(({ cells }) => cells.map(([name]) => name)));
    const widths = new Map(
      [...names].map((name) => [
        name,
        Math.max(
          ...rows.flatMap(({ cells }) => cells.filter(([each]) => each === name).map((cell) => textOf(cell).length)),
        ),
      ]),
    );
    for (const { host, counts, cells } of rows) {
      const padded = cells.map((cell) => textOf(cell).padEnd(widths.get(cell[0]) ?? 0));
      const lines = wrapped(`${host.padEnd(nameWidth)} :`, padded, this.#options.width);
      const style =
        counts.failed + counts.unreachable > 0 ? 'red' : counts.changed + counts.notBegun > 0 ? 'yellow' : 'green';
      for (const line of lines) this.#write(withoutControls(line), style);
    }
  }

  /** Prints the header of the current play, before its first line: with `quiet`, a play without lines has no header. */
  #showPlay(): void {
    if (this.#play !== undefined) this.#rule(this.#play);
    this.#play = undefined;
  }

  #rule(title: string): void {
    this.#line('');
    this.#line(`${title} ${'*'.repeat(Math.max(3, this.#options.width - title.length - 1))}`, 'bold');
  }

  /** Indents all lines of a text but the first, so that no text of a host looks like a line of the report. */
  #line(text: string, style?: Style): void {
    for (const [index, line] of linesOf(text).entries())
      this.#write(index === 0 || line.startsWith('    ') ? line : `    ${line}`, style);
  }

  #write(line: string, style: Style | undefined): void {
    this.#options.write(`${this.#styled(line, style)}\n`);
  }

  /** Whether colors are wanted has been decided: `styleText` must not look at the process's own streams. */
  #styled(line: string, style: Style | undefined): string {
    return style !== undefined && this.#options.color ? styleText(style, line, { validateStream: false }) : line;
  }
}

function diffStyle(line: string): Style | undefined {
  if (line.startsWith('+')) return 'green';
  return line.startsWith('-') ? 'red' : undefined;
}

type RecapCell = readonly [name: string, count: number];

/** Gives the counts of a host. As in Ansible, a changed task counts as ok too; rare counts are left out where they are 0. */
function recapCells(counts: HostSummary): readonly RecapCell[] {
  const { ok, changed, unreachable, failed, skipped, warnings, rolledBack, unverified, ignored, rescued, notBegun } =
    counts;
  const rare: readonly RecapCell[] = [
    ['rescued', rescued],
    ['ignored', ignored],
    ['rolledback', rolledBack],
    ['unverified', unverified],
    ['notbegun', notBegun],
  ];
  return [
    ['ok', ok + changed],
    ['changed', changed],
    ['unreachable', unreachable],
    ['failed', failed],
    ['skipped', skipped],
    ['warnings', warnings],
    ...rare.filter(([, count]) => count > 0),
  ];
}

function textOf([name, count]: RecapCell): string {
  return `${name}=${count}`;
}

/** Breaks words into lines that fit the window, after a beginning. */
function wrapped(beginning: string, words: readonly string[], width: number): readonly string[] {
  const lines = [beginning];
  for (const word of words) {
    const line = lines.at(-1) ?? '';
    const longer = lines.length === 1 && line === beginning ? `${line} ${word}` : `${line}  ${word}`;
    if (longer.trimEnd().length <= width) lines[lines.length - 1] = longer;
    else lines.push(`    ${word}`);
  }
  return lines.map((line) => line.trimEnd());
}
