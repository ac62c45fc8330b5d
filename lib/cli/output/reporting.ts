import { randomUUID } from 'node:crypto';
import type { PlayEvent } from '../../events/events.ts';
import type { CommandLine } from '../options/command_line.ts';
import { exitCodes } from '../options/exit_codes.ts';
import { wantsColor } from './color.ts';
import { OutputFile } from './output_file.ts';
import { print } from './print.ts';

type Report = (event: PlayEvent) => void;

/** What shows the run or runs of a command. */
export interface Reporting {
  /** Gets every event. */
  readonly report: Report;
  /** Writes what is written at the end. @returns what went wrong */
  finish(): string | undefined;
}

/**
 * Makes what a command line asks for. What it takes is loaded here: neither `--version` nor `--list-tasks` need it.
 * @param mayChange says of a run, counted from 1, whether tasks may change something in it
 * @throws PlaybookError for a file that cannot be written
 */
export async function openReporting(line: CommandLine, mayChange: (run: number) => boolean): Promise<Reporting> {
  const junit = line.junit === undefined ? undefined : await junitFile(line.junit, mayChange);
  const [terminal, ...others] = await Promise.all([
    line.json ? jsonReport() : terminalReport(line),
    ...(process.env.GITHUB_ACTIONS === 'true' ? [githubReport(line, mayChange)] : []),
  ]);
  const reports = [...others, terminal.report, ...(junit === undefined ? [] : [junit.report])];
  return {
    // What begins first ends last: annotations stand around everything else.
    report: (event) => {
      for (const report of event.type === 'run-end' ? reports.toReversed() : reports) report(event);
    },
    finish: () => {
      terminal.close?.();
      return junit?.finish();
    },
  };
}

/** Does work that is reported, and closes the report however the work ends. @returns the exit code: a report that could not be written is no success */
export async function reported(reporting: Reporting, work: () => Promise<number>): Promise<number> {
  let problem: string | undefined;
  let code: number;
  try {
    code = await work();
  } finally {
    problem = reporting.finish();
    if (problem !== undefined) print(process.stderr, `kvm-play: ${problem}`);
  }
  return problem !== undefined && code === exitCodes.ok ? exitCodes.failed : code;
}

/** What shows events as they come. */
interface EventReport {
  readonly report: Report;
  /** Takes away what is to be seen only while they come. */
  close?(): void;
}

async function jsonReport(): Promise<EventReport> {
  const { jsonReporter } = await import('../../reporters/json.ts');
  return { report: jsonReporter((text) => process.stdout.write(text)) };
}

async function terminalReport({ check, diff, verbose, quiet, color }: CommandLine): Promise<EventReport> {
  const { stdout, env } = process;
  const look = {
    color: wantsColor(color, env, stdout.isTTY === true),
    unicode: /utf-?8/i.test(env.LC_ALL || env.LC_CTYPE || env.LANG || ''),
  };
  const canMoveCursor = stdout.isTTY === true && !['', 'dumb'].includes(env.TERM ?? '');
  const [{ terminalReporter }, fileDiff, live] = await Promise.all([
    import('../../reporters/terminal.ts'),
    check || diff ? import('../../reporters/file_diff.ts').then((loaded) => loaded.fileDiff) : undefined,
    canMoveCursor && !quiet
      ? import('./live_terminal.ts').then(({ LiveTerminal }) => new LiveTerminal(stdout, look))
      : undefined,
  ]);
  const report = terminalReporter({
    ...look,
    write: live?.write ?? ((text) => stdout.write(text)),
    steps: verbose > 0,
    skipped: verbose > 0,
    seconds: verbose > 1,
    quiet,
    width: Math.min(stdout.columns ?? 80, 100),
    ...(fileDiff && { fileDiff }),
  });
  if (live === undefined) return { report };
  return {
    report: (event) => {
      live.report(event);
      report(event);
    },
    close: live.close,
  };
}

/** Standard output holds nothing but JSON where that is asked for; the runner reads standard error as well. */
async function githubReport({ json }: CommandLine, mayChange: (run: number) => boolean): Promise<Report> {
  const { githubReporter } = await import('../../reporters/github.ts');
  return githubReporter({
    write: (text) => (json ? process.stderr : process.stdout).write(text),
    workspace: process.env.GITHUB_WORKSPACE || process.cwd(),
    ...(!json && { stopToken: randomUUID() }),
    mayChange,
  });
}

async function junitFile(path: string, mayChange: (run: number) => boolean): Promise<Reporting> {
  const file = new OutputFile('--junit', path);
  const { JunitReport } = await import('../../reporters/junit.ts');
  const junit = new JunitReport({ mayChange });
  const finish = (): string | undefined => {
    process.off('exit', finish);
    return junit.hasBegun ? file.replace(junit.xml()) : undefined;
  };
  // A second Ctrl-C ends the process at once, and what is known by then is still worth having.
  process.on('exit', finish);
  return { report: (event) => junit.add(event), finish };
}
