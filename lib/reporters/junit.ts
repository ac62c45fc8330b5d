import { KvmPlayError } from '../errors.ts';
import type { PlayEvent, TaskName } from '../events/events.ts';
import { masked } from '../process/masking.ts';
import { shownEvent } from './shown_event.ts';
import { stepLine } from './steps.ts';
import { errorLines, nearPath } from './words.ts';
import { element, escaped } from './xml.ts';

type TaskEnd = Extract<PlayEvent, { type: 'task-end' }>;
type HostTrouble = Extract<PlayEvent, { type: 'host-unreachable' | 'host-failed' }>;

/** How events become a JUnit report. */
export interface JunitOptions {
  /** Tells whether tasks may change something in a run, counted from 1. In a run in which they may not, a change is a failure. */
  mayChange(run: number): boolean;
  /** Milliseconds of a clock that never goes back. Default: that of the process. */
  now?(): number;
}

/** The result of a test case. */
type Outcome = 'passed' | 'failed' | 'error' | 'skipped';

interface TestCase {
  readonly outcome: Outcome;
  readonly seconds: number;
  readonly xml: string;
}

interface TestSuite {
  readonly name: string;
  readonly host: string;
  readonly started: Date;
  readonly tasks: readonly TaskName[];
  readonly cases: TestCase[];
  /** When the first and the last event of the host came, in milliseconds; undefined before the first. */
  span: { readonly from: number; readonly to: number } | undefined;
}

/** Collects events, and writes them as a JUnit report: a suite for each play and host, a case for each task. */
export class JunitReport {
  readonly #options: JunitOptions;
  readonly #suites: TestSuite[] = [];
  /** The suite of each host in the play under way. */
  readonly #current = new Map<string, TestSuite>();
  #runs = 0;
  /** When the run under way began, and what earlier ones took, in milliseconds. */
  #began = 0;
  #took = 0;

  constructor(options: JunitOptions) {
    this.#options = options;
  }

  /** True once a run has begun. */
  get hasBegun(): boolean {
    return this.#runs > 0;
  }

  /** Takes an event. */
  add(all: PlayEvent): void {
    const event = shownEvent(all);
    const now = this.#now();
    if ('host' in event) this.#hear(event.host, now);
    switch (event.type) {
      case 'run-start':
        this.#runs += 1;
        this.#began = now;
        break;
      case 'run-end':
        this.#took += now - this.#began;
        this.#began = 0;
        break;
      case 'play-start':
        this.#current.clear();
        for (const host of event.hosts) {
          const name = `${event.play} on ${host}${this.#runs > 1 ? ` (run ${this.#runs})` : ''}`;
          const suite: TestSuite = { name, host, started: new Date(), tasks: event.tasks, cases: [], span: undefined };
          this.#suites.push(suite);
          this.#current.set(host, suite);
        }
        break;
      case 'host-phase':
        if (event.phase === 'not-begun') this.#addNotBegun(event.host);
        break;
      case 'task-end':
        this.#addTask(event);
        break;
      case 'host-unreachable':
      case 'host-failed':
        this.#addTrouble(event);
        break;
      default:
    }
  }

  #now(): number {
    return this.#options.now?.() ?? performance.now();
  }

  #hear(host: string, now: number): void {
    const suite = this.#current.get(host);
    if (suite !== undefined) suite.span = { from: suite.span?.from ?? now, to: now };
  }

  /** Writes the report of all events so far. */
  xml(): string {
    const suites = this.#suites.map((suite) => {
      const { name, host, started, cases, span = { from: 0, to: 0 } } = suite;
      const attributes = {
        name: masked(name),
        ...counts([suite], span.to - span.from),
        timestamp: started.toISOString().slice(0, 19),
        hostname: host,
      };
      return element(
        'testsuite',
        attributes,
        cases.map(({ xml }) => xml),
      );
    });
    const underWay = this.#began === 0 ? 0 : this.#now() - this.#began;
    const all = element('testsuites', { name: 'kvm-play', ...counts(this.#suites, this.#took + underWay) }, suites);
    return `<?xml version="1.0" encoding="UTF-8"?>\n${all}\n`;
  }

  #addTask({ host, task, status, error, handling, reason: why, seconds, result, after = [] }: TaskEnd): void {
    const suite = this.#current.get(host);
    if (suite === undefined) return;
    const told = [
      status,
      ...after.map((title) => `after: ${title}`),
      ...(result?.steps ?? []).map(stepLine),
      ...(result?.answer === undefined ? [] : [result.answer.stdout.trimEnd()]),
      ...(result?.warnings ?? []).map((warning) => `[WARNING]: ${warning}`),
    ];
    if (error !== undefined && handling !== undefined) {
      const words = escaped([`failed, and ${handling}`, ...errorLines(error)].join('\n'));
      const output = element('system-out', {}, [words]);
      suite.cases.push(testCase(suite, task.title, { outcome: 'passed', seconds, task }, [output]));
      return;
    }
    const output = result === undefined ? [] : [element('system-out', {}, [escaped(told.join('\n'))])];
    const unexpected = status === 'changed' && !this.#options.mayChange(this.#runs);
    const outcome = status === 'skipped' ? 'skipped' : status === 'failed' || unexpected ? 'failed' : 'passed';
    const reason = {
      passed: [],
      skipped: [element('skipped', { message: why ?? 'not attempted' })],
      failed: [error === undefined ? unexpectedChange() : problem('failure', error)],
    }[outcome];
    suite.cases.push(testCase(suite, task.title, { outcome, seconds, task }, [...reason, ...output]));
  }

  #addNotBegun(host: string): void {
    const suite = this.#current.get(host);
    if (suite === undefined) return;
    const message = 'not begun: a host before it failed, or the run was interrupted';
    const outcome = { outcome: 'skipped', seconds: 0, task: undefined } as const;
    suite.cases.push(testCase(suite, 'the host as a whole', outcome, [element('skipped', { message })]));
  }

  /** The task under way when a host was lost has no end of its own; other troubles are cases by themselves. */
  #addTrouble({ type, host, error }: HostTrouble): void {
    const suite = this.#current.get(host);
    if (suite === undefined) return;
    const title = error instanceof KvmPlayError && type === 'host-unreachable' ? error.context.task : undefined;
    const task = suite.tasks.find((each) => each.title === title);
    const [name, outcome] =
      type === 'host-unreachable' ? ['reach the host', 'error' as const] : ['the host as a whole', 'failed' as const];
    const xml = problem(outcome === 'error' ? 'error' : 'failure', error);
    suite.cases.push(testCase(suite, task?.title ?? name, { outcome, seconds: 0, task }, [xml]));
  }
}

function testCase(
  suite: TestSuite,
  name: string,
  { outcome, seconds, task }: { outcome: Outcome; seconds: number; task: TaskName | undefined },
  children: readonly string[],
): TestCase {
  const { location } = task ?? {};
  const attributes = {
    // The tasks were named before any secret was read.
    name: masked(name),
    classname: masked(suite.name),
    time: seconds.toFixed(3),
    file: location && nearPath(location.file),
    line: location?.line,
  };
  return { outcome, seconds, xml: element('testcase', attributes, children) };
}

function unexpectedChange(): string {
  return element('failure', { type: 'UnexpectedChange', message: 'changed, and nothing was to change' });
}

function problem(name: 'failure' | 'error', error: Error): string {
  const lines = errorLines(error);
  return element(name, { type: error.name, message: lines[0] }, [escaped(lines.join('\n'))]);
}

function counts(suites: readonly TestSuite[], milliseconds: number): Readonly<Record<string, string | number>> {
  const cases = suites.flatMap((suite) => suite.cases);
  const number = (outcome: Outcome): number => cases.filter((each) => each.outcome === outcome).length;
  return {
    tests: cases.length,
    failures: number('failed'),
    errors: number('error'),
    skipped: number('skipped'),
    time: (milliseconds / 1000).toFixed(3),
  };
}
