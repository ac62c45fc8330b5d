import { createInterface } from 'node:readline/promises';
import { PlaybookError } from '../errors.ts';
import type { PlayEvent, Summary } from '../events.ts';
import { loadSite } from '../load_site.ts';
import { checkNames } from '../play.ts';
import { jsonReporter } from '../reporters/json.ts';
import { terminalReporter } from '../reporters/terminal.ts';
import { run } from '../run.ts';
import { exitCode, exitCodes } from './exit_code.ts';
import type { CommandLine } from './options.ts';

/** Does what the command line asks for, and prints. @returns the exit code @throws KvmPlayError for what was wrong before anything was attempted */
export async function execute(line: CommandLine): Promise<number> {
  if (line.remove !== undefined) {
    const { destroyLab } = await import('../lab/index.ts');
    await destroyLab(line.remove);
    return exitCodes.ok;
  }
  const { site } = line;
  if (site === undefined) throw new PlaybookError('name a site: kvm-play site.ts (see --help)');
  if (line.listTasks) return listTasks(site, line);
  const interruption = untilInterrupted();
  try {
    return line.command === 'rehearse'
      ? await rehearseSite(site, line, interruption.signal)
      : await runSite(site, line, interruption.signal);
  } finally {
    interruption.forget();
  }
}

async function runSite(site: string, line: CommandLine, signal: AbortSignal): Promise<number> {
  const { privateKey, sshConfig, hosts } = line;
  const summary = await run(await loadSite(site), {
    check: line.check,
    become: line.become,
    restartOwnNetwork: line.restartOwnNetwork,
    vars: line.vars,
    signal,
    onEvent: reporter(line),
    ...(hosts.length > 0 && { hosts }),
    ...(privateKey !== undefined && { privateKey }),
    ...(sshConfig !== undefined && { sshConfig }),
  });
  if (summary.interrupted) process.stderr.write(interruptedLines(summary));
  return exitCode(summary, line);
}

async function rehearseSite(site: string, line: CommandLine, signal: AbortSignal): Promise<number> {
  const { rehearse } = await import('./rehearse.ts');
  const { vars, yes, keep } = line;
  const report = reporter(line);
  const print = (text: string): boolean => (line.json ? process.stderr : process.stdout).write(`${text}\n`);
  return rehearse({ site, vars, yes, keep }, { print, ask, report, signal });
}

async function listTasks(site: string, { vars }: CommandLine): Promise<number> {
  const plays = await loadSite(site);
  checkNames(plays, vars);
  for (const play of plays) {
    process.stdout.write(`play: ${play.name}\n`);
    for (const { title, module } of play.build(vars)) process.stdout.write(`  ${title} (${module})\n`);
  }
  return exitCodes.ok;
}

function reporter(line: CommandLine): (event: PlayEvent) => void {
  const { stdout, env } = process;
  const write = (text: string): boolean => stdout.write(text);
  if (line.json) return jsonReporter(write);
  return terminalReporter({
    write,
    color: stdout.isTTY === true && (env.NO_COLOR ?? '') === '',
    unicode: /utf-?8/i.test(env.LC_ALL ?? env.LC_CTYPE ?? env.LANG ?? ''),
    steps: line.verbose,
    diffs: line.diff,
    skipped: line.verbose,
    width: Math.min(stdout.columns ?? 80, 100),
  });
}

async function ask(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}

/** The first Ctrl-C ends the run after the step under way, the second one at once. */
function untilInterrupted(): { signal: AbortSignal; forget(): void } {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    process.stderr.write(
      'interrupted: the step under way is finished, no further one is taken; once more ends at once\n',
    );
    controller.abort();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  return {
    signal: controller.signal,
    forget: () => process.off('SIGINT', interrupt).off('SIGTERM', interrupt),
  };
}

function interruptedLines({ hosts }: Summary): string {
  return Object.entries(hosts)
    .map(
      ([host, { ok, changed, skipped }]) =>
        `interrupted: [${host}] ${changed} changed, ${ok} were so already, ${skipped} not attempted; run the site again to go on\n`,
    )
    .join('');
}
