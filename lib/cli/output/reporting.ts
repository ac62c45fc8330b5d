import { randomUUID } from 'node:crypto';
import type { PlayEvent } from '../../events/events.ts';
import type { CommandLine } from '../options/command_line.ts';
import { exitCodes } from '../options/exit_codes.ts';
import { wantsColor } from './color.ts';
import { OutputFile } from './output_file.ts';
import { print } from './print.ts';

type Report = (event: PlayEvent) => void;

/** The reporters of a command's run or runs. */
export interface Reporting {
  /** Takes every event. */
  readonly report: Report;
  /** Closes the live view and writes the reports that are files. @returns the error in words, if any */
  finish(): string | undefined;
}

/**
 * Opens the reporters that a command line asks for, and loads only those.
 * @param mayChange tells whether tasks may change something in a run, counted from 1
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
    // The first reporter to begin is the last to end: annotations enclose all other output.
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

/** A reporter that shows events as they come. */
interface EventReport {
  readonly report: Report;
  /** Removes the live view. */
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

/** Annotations go to standard error with `--json`, because standard output then holds only JSON; the runner reads both. */
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
  // A second Ctrl-C ends the process at once; the report of what is known by then is still written.
  process.on('exit', finish);
  return { report: (event) => junit.add(event), finish };
}
