import { createHash } from 'node:crypto';
import { type Location, PlaybookError } from '../errors.ts';
import { contradictions, differences, expected } from '../task/diff.ts';
import type { ReadonlyHost } from '../task/readonly_host.ts';
import { refuseMasks, secretsIn } from '../task/secret.ts';
import type { Task, TaskOptions, TaskReading } from '../task/task.ts';
import { checkTaskOptions, optionOf } from '../task/task_options.ts';
import { fromUser } from '../task/user_code.ts';
import { refuseUnwritable } from '../validation/texts.ts';
import { noteReflected } from './marker.ts';
import type { ModuleBody, ModuleReading } from './module_spec.ts';
import { explainDenied, lackOfRoot } from './need_root.ts';

/** A call of a module. */
interface ModuleCall<State extends object> {
  readonly title: string | undefined;
  /** The module's own arguments and the options of the task. */
  readonly args: TaskOptions<State>;
  readonly location: Location | undefined;
  /** Validates the arguments, and makes the desired state of them. @throws ArgumentError */
  readonly desired: () => State;
}

/** Makes the task of one call of a module. @throws ArgumentError, PlaybookError */
export function newTask<State extends object, Found>(
  module: ModuleBody<State, Found>,
  { title, args, location, desired: makeDesired }: ModuleCall<State>,
): Task<State> {
  refuseArguments(module.name, title, args);
  const desired = makeDesired();
  refuseMasks(module.name, desired);
  const secrets = secretsIn(desired);
  const subject = module.subject(desired);
  const isUnknowable = module.unknowable?.(desired) ?? false;
  refuseUnfit(module, args, isUnknowable);
  const reflects = optionOf(args, 'reflects');
  noteReflected(reflects);
  const ownTitle = title ?? `${module.name} ${subject}`;
  const { until } = args;
  const isReached = (state: Partial<State>): boolean =>
    until === undefined || fromUser({ title: ownTitle, location }, () => until(state));
  const { inForce } = module;
  return Object.freeze<Task<State>>({
    title: ownTitle,
    module: module.name,
    subject,
    location,
    desired,
    reflects,
    disrupts: optionOf(args, 'disrupts'),
    loadedLater: optionOf(args, 'loadedLater'),
    tags: optionOf(args, 'tags'),
    when: optionOf(args, 'when'),
    mayFail: optionOf(args, 'mayFail'),
    retry: args.retry === undefined && until === undefined ? undefined : { attempts: 3, interval: 5, ...args.retry },
    timeLimit: optionOf(args, 'timeLimit'),
    become: optionOf(args, 'become'),
    provides: [...(module.provides?.(desired) ?? []), ...optionOf(args, 'provides')],
    isUnknowable,
    isIrreversible: module.irreversible ?? false,
    secrets,
    fingerprint: createHash('sha256')
      .update(JSON.stringify([module.name, desired]))
      .digest('hex'),
    async read(host) {
      for (const each of secrets) await each.reveal();
      const [user, reading] = await Promise.all([host.user(), module.read(host, desired)]).catch(
        async (error: unknown) => {
          await explainDenied(host, error);
          throw error;
        },
      );
      return compare(module, desired, { user, reading, isReached });
    },
    contradicts: (earlier) =>
      earlier.module === module.name && earlier.subject === subject ? contradictions(desired, earlier.desired) : [],
    ...(inForce && { inForce: (host: ReadonlyHost) => inForce(host, desired) }),
  });
}

/** Refuses wrong options, and texts that no host can be given, before the module sees them. @throws ArgumentError, PlaybookError */
function refuseArguments(name: string, title: string | undefined, args: TaskOptions): void {
  checkTaskOptions(name, args);
  const { reflects: _tasks, ...texts } = args;
  refuseUnwritable(name, { ...texts, ...(title !== undefined && { title }) });
}

/** Refuses options that the module's tasks do not take. @throws PlaybookError */
function refuseUnfit<State extends object, Found>(
  { name, loads }: ModuleBody<State, Found>,
  args: TaskOptions<State>,
  isUnknowable: boolean,
): void {
  if (optionOf(args, 'reflects').length > 0 && loads !== true) {
    throw new PlaybookError(`${name} cannot load what another task has written, so it takes no 'reflects'`);
  }
  if (isUnknowable && args.until !== undefined) {
    throw new PlaybookError(
      `${name}: its state cannot be known, so 'until' has nothing to wait for; let the task say how to tell that it is done ('creates', 'removes', 'unless' or 'onlyIf')`,
    );
  }
}

/** Compares what was read with the desired state. */
function compare<State extends object, Found>(
  module: ModuleBody<State, Found>,
  desired: State,
  seen: {
    readonly user: string;
    readonly reading: ModuleReading<State, Found>;
    readonly isReached: (state: Partial<State>) => boolean;
  },
): TaskReading<State> {
  const { user, reading, isReached } = seen;
  const { state, missingToChange = [], answer, network } = reading;
  const needsRoot = reading.needsRoot ?? module.needsRoot ?? false;
  const after = expected(desired, state);
  return {
    state,
    expected: after,
    isAwaited: !isReached(state),
    isAwaitedAfter: !isReached(after),
    differences: differences(desired, state),
    missing: reading.missing ?? [],
    missingToChange: [...(needsRoot && user !== 'root' ? [lackOfRoot(user)] : []), ...missingToChange],
    warnings: reading.warnings ?? [],
    ...(answer && { answer }),
    settling: reading.settling ?? false,
    network: {
      links: network?.links ?? reading.links ?? [],
      lockout: network?.lockout ?? reading.strands ?? [],
    },
    plan: (due) => module.plan(reading, desired, due),
  };
}
