import type { Summary } from '../events.ts';

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
  interrupted: 130,
} as const;

/** Says how the command ends after a run: an interrupted run, then an unreachable host, then a failed task win over a change. */
export function exitCode(summary: Summary, { expectNoChange = false }: ExitCodeOptions): number {
  const hosts = Object.values(summary.hosts);
  if (summary.interrupted) return exitCodes.interrupted;
  if (hosts.some(({ unreachable }) => unreachable > 0)) return exitCodes.unreachable;
  if (hosts.some(({ failed }) => failed > 0)) return exitCodes.failed;
  if (expectNoChange && hosts.some(({ changed }) => changed > 0)) return exitCodes.changed;
  return exitCodes.ok;
}
