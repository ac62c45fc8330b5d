import type { Summary } from '../../events/events.ts';

/** What the exit code depends on beside the summary. */
export interface ExitCodeOptions {
  /** `--expect-no-change` was given. */
  readonly expectNoChange?: boolean;
}

/** Exit codes of the command. */
export const exitCodes = {
  ok: 0,
  usage: 1,
  failed: 2,
  changed: 3,
  unreachable: 4,
  rolledBack: 5,
  unverified: 6,
  interrupted: 130,
} as const;

/**
 * Says how the command ends after a run. A host that may be lost wins over all; then an interrupted run, a network change that was
 * rolled back, an unreachable host, a failed task, and a change that was not expected.
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
