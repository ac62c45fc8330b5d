import { describe, test } from '@jest/globals';
import { missingPackages, sweepLabs, unableReason } from '../../lib/lab/index.ts';

const reason = await unavailable();
if (reason === undefined) await sweepLabs();

async function unavailable(): Promise<string | undefined> {
  const unable = await unableReason();
  if (unable !== undefined) return unable;
  const missing = await missingPackages();
  return missing.length === 0 ? undefined : `Labs need packages that are not installed: ${missing.join(', ')}.`;
}

/**
 * Describes tests that run on throwaway hosts. Where there can be none they are skipped, and the reason is printed;
 * with KVM_PLAY_LAB=required they fail instead.
 * @param name what is described
 * @param tests the tests
 */
export function describeLab(name: string, tests: () => void): void {
  if (reason === undefined) {
    describe(name, tests);
    return;
  }
  if (process.env.KVM_PLAY_LAB === 'required') {
    describe(name, () => {
      test('runs, as KVM_PLAY_LAB=required demands', () => {
        throw new Error(reason);
      });
    });
    return;
  }
  process.stderr.write(`${name}: skipped. ${reason}\n`);
  describe.skip(`${name} (skipped: ${reason})`, tests);
}
