/** How a script on a host ended. */
export interface Outcome {
  readonly exitCode: number;
  /** True when its time was over, and it was ended. */
  readonly timedOut: boolean;
}

/** Exit statuses of `timeout` for a command that took too long: of coreutils, where it had to be killed, and of busybox. */
const timeoutStatuses = [124, 137, 143];

/** Seconds by which a time that the host has measured may be too short: its clock counts hundredths. */
const clockError = 0.05;

/**
 * Script text that runs script text, and leaves in `$kvm_play_outcome` what {@link parseOutcome} reads: the exit status, and the
 * host's uptime at the beginning and at the end. The prologue must stand before it.
 */
export function observed(run: string): string {
  return `kvm_play_clock; kvm_play_began=\${kvm_play_now:--}; ${run}; kvm_play_status=$?; kvm_play_clock
kvm_play_outcome="$kvm_play_status $kvm_play_began \${kvm_play_now:--}"`;
}

/**
 * Reads how a script ended. A command may end with a status of `timeout` itself: its time was over only if that much time has passed.
 * Where the host has no clock to read (no /proc) the status alone counts.
 * @param timeLimit seconds that it had
 */
export function parseOutcome(text: string, timeLimit: number): Outcome {
  const [exitCode = Number.NaN, began = Number.NaN, ended = Number.NaN] = text.split(' ').map(Number);
  const seconds = ended - began;
  const isOver = Number.isNaN(seconds) || seconds >= timeLimit - clockError;
  return { exitCode, timedOut: timeoutStatuses.includes(exitCode) && isOver };
}
