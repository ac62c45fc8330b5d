#!/usr/bin/env node
import { ArgumentError, KvmPlayError, PlaybookError } from '../errors.ts';
import { parseCommandLine } from './options/command_line.ts';
import { exitCodes } from './options/exit_codes.ts';
import { usage } from './options/usage.ts';

/** Runs the command. @returns the exit code */
async function main(args: readonly string[]): Promise<number> {
  const line = parseCommandLine(args);
  if (line.help) {
    process.stdout.write(usage);
    return exitCodes.ok;
  }
  if (line.version) {
    const { version } = await import('./version.ts');
    process.stdout.write(`${await version()}\n`);
    return exitCodes.ok;
  }
  const { enableCompileCache } = await import('./compile_cache.ts');
  enableCompileCache();
  const { execute } = await import('./execute.ts');
  return execute(line);
}

/** Gives the type errors of a site that was refused. */
async function typeErrorsOf(error: unknown): Promise<readonly string[]> {
  if (!(error instanceof ArgumentError || error instanceof PlaybookError)) return [];
  const site = error.context.location?.file;
  if (site === undefined || !/\.[cm]?ts$/.test(site)) return [];
  const { typeErrors } = await import('./type_errors.ts');
  return typeErrors(site);
}

// A reader such as `head` may close the pipe. That must not end the process in the middle of a change.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const [{ errorLines }, { print }] = await Promise.all([import('../reporters/words.ts'), import('./output/print.ts')]);
  const lines = error instanceof Error ? errorLines(error) : [String(error)];
  print(
    process.stderr,
    `kvm-play: ${lines
      .map((line) => `  ${line}`.trimEnd())
      .join('\n')
      .trimStart()}`,
  );
  for (const line of await typeErrorsOf(error)) print(process.stderr, `  ${line}`);
  if (process.env.GITHUB_ACTIONS === 'true' && error instanceof Error) {
    const { errorAnnotation } = await import('../reporters/github.ts');
    process.stderr.write(errorAnnotation(error, process.env.GITHUB_WORKSPACE || process.cwd()));
  }
  process.exitCode = error instanceof KvmPlayError ? exitCodes.usage : exitCodes.failed;
}
