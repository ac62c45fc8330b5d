import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from '@jest/globals';

/** Says whether this machine has a program. */
export function hasProgram(name: string): boolean {
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, name)));
}

/**
 * Describes tests that need a program. Where the machine does not have it they are skipped, and the reason is printed;
 * with KVM_PLAY_LAB=required they run, and fail.
 * @param programs what they need
 * @param name what is described
 */
export function describeWith(programs: readonly string[], name: string, tests: () => void): void {
  const lacking = programs.filter((program) => !hasProgram(program));
  if (lacking.length === 0 || process.env.KVM_PLAY_LAB === 'required') {
    describe(name, tests);
    return;
  }
  const reason = `not installed: ${lacking.join(', ')}`;
  process.stderr.write(`${name}: skipped. ${reason}\n`);
  describe.skip(`${name} (skipped: ${reason})`, tests);
}
