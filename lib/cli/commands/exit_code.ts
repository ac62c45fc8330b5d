import type { Summary } from '../../events/events.ts';
import { exitCodes } from '../options/exit_codes.ts';

/** What the exit code depends on besides the summary. */
export interface ExitCodeOptions {
  /** `--expect-no-change` was given. */
  readonly expectNoChange?: boolean;
}

/**
 * Gives the exit code of a run. If several apply, a host that may be lost comes first, then an interrupted run, a network change that
 * was rolled back, an unreachable host, a failed task, and an unexpected change.
 */
export function exitCode(summary: Summary, { expectNoChange = false }: ExitCodeOptions): number {
  const hosts = Object.values(summary.hosts);
  if (hosts.some(({ unverified }) => unverified > 0)) return exitCodes.unverified;
  if (summary.interrupted) return exitCodes.interrupted;
  if (hosts.some(({ rolledBack }) => rolledBack > 0)) return exitCodes.rolledBack;
  if (hosts.some(({ unreachable }) => unreachable > 0)) return exitCodes.unreachable;
  if (hosts.some(({ failed }) => failed > 0)) return exitCodes.failed;
  if (expectNoChange && hosts.some(({ changed }) => changed > 0)) return exitCodes.changed;
  return exitCodes.ok;
}
