import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { type ControllerEnd, type ControllerOptions, runController } from './controller_process.ts';
import type { FaultLab } from './fault_lab.ts';
import type { FaultResult } from './fault_result.ts';
import { picture, pictureDiff } from './picture.ts';
import { defaultLimit, type SiteOptions } from './site.ts';
import { Watch } from './watch.ts';

/** How a run with a fault may end. In the last three nothing was written; `not begun` is said of a controller that was killed. */
export type Ending = 'confirmed' | 'rolled back' | 'unverified' | 'refused' | 'unreachable' | 'not begun';

/** Does something to a host. @param kill ends the controller, then or later */
export type Injection = (host: FaultLab, kill: () => void) => Promise<unknown>;

/** A fault, and how a run with it has to end. */
export interface Fault {
  /** The network stack of the host, in the table's words. Default: the post's. */
  readonly stack?: string;
  /** What goes wrong, in the table's words. */
  readonly what: string;
  /** Where it does, in the table's words. */
  readonly where: string;
  readonly site?: SiteOptions;
  readonly run?: Pick<ControllerOptions, 'env'>;
  /** Prepares the host before the run. */
  readonly prepare?: Injection;
  /** What is done before a step of the protocol, the first time that it is about to be taken. */
  readonly at?: Readonly<Record<string, Injection>>;
  /** Done once the controller has ended, before the host is looked at. */
  readonly afterwards?: Injection;
  /** Seconds for which the host must go on answering, with the fault still there. Default: it must answer. */
  readonly holds?: number;
  /** Takes the fault away before the site is run again. */
  readonly repair?: Injection;
  readonly ends: readonly Ending[];
  /** Words that the controller's errors have to hold. */
  readonly says?: RegExp;
  /** What may differ from before once the host has gone back: then the controller has to name it. Default: nothing. */
  readonly differs?: RegExp;
  /** Seconds in which the host must be at rest again once the controller has ended. Default 120. */
  readonly within?: number;
  /** The site that has to converge afterwards. Default: the suite's own. */
  readonly again?: SiteOptions;
}

/** Injects a fault into a run, and holds what becomes of the host against the promise. */
export async function survive(host: FaultLab, fault: Fault): Promise<void> {
  await host.reset();
  const never = (): void => {};
  await fault.prepare?.(host, never);
  const [before, old] = [await picture(host.lab), await host.files()];
  const watch = new Watch(host.lab);
  const end = await runWith(host, fault);
  if (end === 'too slow') {
    watch.end();
    await host.settle(120);
    await fault.repair?.(host, never);
    const confirmWithin = 2 * limitOf(fault);
    return survive(host, { ...fault, site: { ...fault.site, confirmWithin } });
  }
  await fault.afterwards?.(host, never);
  await host.settle(fault.within ?? 120);
  await host.untilAnswers(120);
  const away = watch.end();
  if (fault.holds !== undefined) await keepsAnswering(host, fault.holds);
  const files = await host.files();
  const isOld = files === old;
  const gone = isOld ? await goneSince(host, before, end, fault.differs) : '';
  const remains = isOld ? await host.remains() : '';
  const ending = await endingOf(host, end, isOld);
  await fault.repair?.(host, never);

  // A run that has to converge may take its time.
  const patient = { ...fault.again, confirmWithin: longestLimit };
  const again = await runController(host.lab, { site: patient });
  const isNew = !isOld && files === (await host.files());
  const third = await runController(host.lab, { site: patient, expectNoChange: true });
  const isForeseen = fault.ends.some((each) => each === ending);
  const seen = {
    ending: isForeseen ? ending : `${ending}: ${end.message}`,
    files: isOld ? 'old' : isNew ? 'new' : 'mixed',
    gone,
    remains,
    left: await host.leftovers(),
  };
  note({
    ...(fault.stack !== undefined && { stack: fault.stack }),
    what: fault.what,
    where: fault.where,
    ending,
    exitCode: end.exitCode === undefined ? 'killed' : String(end.exitCode),
    away,
    files: seen.files,
    again: again.exitCode === 0 && third.exitCode === 0 ? 'yes' : 'no',
  });
  expect({ ...seen, message: end.message }).toEqual({
    ending: isForeseen ? ending : fault.ends.join(' or '),
    // A host that is lost once the change was confirmed has the new files.
    files: ending === 'confirmed' || (ending === 'unreachable' && fault.at?.confirmed) ? 'new' : 'old',
    gone: '',
    remains: '',
    left: '',
    message: expect.stringMatching(fault.says ?? wordsOf(end)),
  });
  expect([again.exitCode, again.message, third.exitCode, third.message]).toEqual([0, '', 0, '']);
}

/**
 * Holds "as before" against a complete comparison that kvm-play has no part in.
 * @returns what differs and may not, and what was said and is not so
 */
async function goneSince(
  host: FaultLab,
  before: readonly string[],
  { exitCode, message }: ControllerEnd,
  differs: RegExp | undefined,
): Promise<string> {
  let found: readonly string[] = [];
  const isAllowed = (line: string): boolean => differs?.test(line) ?? false;
  await host
    .until(60, '', async () => {
      found = pictureDiff(before, await picture(host.lab));
      return found.every(isAllowed);
    })
    .catch(() => {});
  const complaints = found.filter((line) => !isAllowed(line));
  const isCalledSame = exitCode === 5 && message.includes('the host is as it was before');
  if (isCalledSame && found.length > 0) complaints.push(`said to be as before: ${found.join('; ')}`);
  if (exitCode === 5 && !isCalledSame && found.length === 0) complaints.push(`nothing differs, yet: ${message}`);
  return complaints.join('\n');
}

/** What a person must read at the end. */
function wordsOf({ exitCode }: ControllerEnd): RegExp {
  if (exitCode === 5) return /the network change was rolled back: (the host is (not )?as it was before|no difference)/;
  if (exitCode === 6) return /its rollback could not be verified/;
  return exitCode === 0 || exitCode === undefined ? /^$/ : /./;
}

/** Seconds after which a busy machine is not waited for any longer. */
const longestLimit = 300;

function limitOf({ site }: Fault): number {
  return site?.confirmWithin ?? defaultLimit;
}

/**
 * Runs the site, and injects the fault.
 * @returns `too slow` when the change was rolled back before it had come to the step that the fault waits for: this machine was too
 * busy for the change's limit, and nothing was injected yet
 */
async function runWith(host: FaultLab, fault: Fault): Promise<ControllerEnd | 'too slow'> {
  const open = new Map(Object.entries(fault.at ?? {}));
  const end = await runController(host.lab, {
    ...fault.run,
    site: fault.site,
    onPhase: async (phase, kill) => {
      const inject = open.get(phase);
      open.delete(phase);
      await inject?.(host, kill);
    },
  });
  const missed = [...open.keys()];
  const isUntouched = missed.length > 0 && missed.length === Object.keys(fault.at ?? {}).length;
  if (isUntouched && end.phases.includes('rolled-back') && 2 * limitOf(fault) <= longestLimit) return 'too slow';
  if (missed.length > 0) throw new Error(`${missed} never came: ${end.phases.join(', ')}; ${end.message}`);
  return end;
}

async function keepsAnswering(host: FaultLab, seconds: number): Promise<void> {
  const watch = new Watch(host.lab);
  await sleep(seconds * 1000);
  expect(watch.end()).toBeLessThan(5);
}

/** A controller that was killed could say nothing: then the host's own record does. */
async function endingOf(host: FaultLab, { exitCode }: ControllerEnd, isOld: boolean): Promise<string> {
  const endings = new Map<number | undefined, Ending>([
    [0, 'confirmed'],
    [2, 'refused'],
    [4, 'unreachable'],
    [5, 'rolled back'],
    [6, 'unverified'],
  ]);
  const known = endings.get(exitCode);
  if (known !== undefined) return known;
  if (exitCode !== undefined) return `exit code ${exitCode}`;
  const outcome = await host.inside('cd /var/lib/kvm-play/change/last && ls -d confirmed rolled-back || true');
  if (outcome === '') return isOld ? 'not begun' : 'begun';
  return outcome === 'rolled-back' ? 'rolled back' : outcome;
}

/** The table is made of what all test files leave here. */
export function note(result: FaultResult): void {
  const file = process.env.KVM_PLAY_FAULTS;
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(result)}\n`);
}
