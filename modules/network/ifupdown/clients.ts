import { shellProgram } from '../../../lib/process/package_files.ts';
import { type CommandStep, command } from '../../../lib/task/step.ts';

/**
 * A command to run behind `ifup`. It takes the clients of a link out of the unit that runs the steps: systemd would list that unit,
 * as dead, for as long as they live. Where there is no `busctl` or no D-Bus it does so.
 */
export function handOverArgv(link: string): readonly string[] {
  return ['sh', '-c', shellProgram('modules/network/ifupdown/hand_over.sh'), 'sh', link];
}

/** The same as a step. The client runs whatever unit it belongs to, so a failure changes nothing. */
export function handOverStep(link: string): CommandStep {
  const title = `StartTransientUnit ifup-${link}-PID.scope (for what ifup has left running)`;
  return command(handOverArgv(link), { title, disrupts: 'link', judgedBy: 'state', timeLimit: 15 });
}
