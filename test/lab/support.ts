import { afterAll, beforeAll, describe, test } from '@jest/globals';
import { type LabOptions, missingPackages, sweepLabs, unableReason } from '../../lib/lab/index.ts';
import { Machine } from './machine.ts';

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

/**
 * Describes tests on one throwaway host, which is built before the first of them and taken away after the last.
 * @param name what is described
 * @param tests the tests; the host is there once the first of them, or a `beforeAll` of theirs, runs
 * @param options what kind of host it is (default: the post's)
 */
export function withLab(name: string, tests: (machine: Machine) => void, options: LabOptions = {}): void {
  const machine = new Machine(options);
  onMachines(name, [machine], () => tests(machine));
}

/** Describes tests on two throwaway hosts, which are built and taken away side by side. @param names of the hosts */
export function withTwoLabs(
  name: string,
  names: readonly [string, string],
  tests: (first: Machine, second: Machine) => void,
): void {
  const [first, second] = [new Machine({ name: names[0] }), new Machine({ name: names[1] })];
  onMachines(name, [first, second], () => tests(first, second));
}

function onMachines(name: string, machines: readonly Machine[], tests: () => void): void {
  describeLab(name, () => {
    beforeAll(() => together(machines, (machine) => machine.build()));
    tests();
    // After the tests' own hooks, which need the host.
    afterAll(() => together(machines, (machine) => machine.remove()));
  });
}

/** Waits for all, also when one fails: what still builds has to be taken away. */
async function together(machines: readonly Machine[], work: (machine: Machine) => Promise<void>): Promise<void> {
  const works = machines.map(work);
  await Promise.allSettled(works);
  await Promise.all(works);
}
