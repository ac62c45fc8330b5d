import * as v from 'valibot';
import { PlanError } from '../errors.ts';
import { type Plan, planVersion } from './plan.ts';

const texts = v.array(v.string());
const argvs = v.array(texts);
const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const sealed = { seal: v.exactOptional(hash) };
const mode = { mode: v.exactOptional(count), owner: v.exactOptional(v.string()) };
const secret = { secret: v.exactOptional(v.literal(true)) };

const disruption = v.picklist(['link', 'guest', 'data', 'snapshots', 'saved-state']);

const step = v.variant('kind', [
  v.strictObject({
    kind: v.literal('command'),
    argv: texts,
    title: v.exactOptional(v.string()),
    stdin: v.exactOptional(v.literal('***')),
    timeLimit: v.exactOptional(v.number()),
    disrupts: v.exactOptional(v.union([disruption, v.array(disruption)])),
    judgedBy: v.exactOptional(v.picklist(['exit-code', 'state'])),
    units: v.exactOptional(texts),
    operand: v.exactOptional(v.picklist(['entry', 'object'])),
    undo: v.exactOptional(
      v.strictObject({
        withNewFiles: v.exactOptional(argvs),
        withOldFiles: v.exactOptional(argvs),
        atBoot: v.exactOptional(argvs),
        before: v.exactOptional(texts),
      }),
    ),
    ...sealed,
  }),
  v.strictObject({
    kind: v.literal('write'),
    path: v.string(),
    text: v.exactOptional(v.string()),
    replaces: v.exactOptional(v.string()),
    chmod: v.exactOptional(count),
    ...mode,
    ...secret,
    ...sealed,
  }),
  v.strictObject({ kind: v.literal('directory'), path: v.string(), ...mode, ...sealed }),
  v.strictObject({
    kind: v.literal('remove'),
    path: v.string(),
    replaces: v.exactOptional(v.string()),
    ...secret,
    ...sealed,
  }),
]);

const task = v.strictObject({
  index: count,
  title: v.string(),
  module: v.string(),
  fingerprint: v.exactOptional(hash),
  status: v.picklist(['ok', 'changed', 'failed', 'skipped']),
  reason: v.exactOptional(v.string()),
  error: v.exactOptional(v.string()),
  after: v.exactOptional(texts),
  differences: v.array(
    v.strictObject({ path: v.string(), wanted: v.exactOptional(v.unknown()), actual: v.exactOptional(v.unknown()) }),
  ),
  warnings: texts,
  steps: v.array(step),
});

const change = v.strictObject({ title: v.string(), confirmWithin: v.number(), files: texts, proves: texts });

const host = v.strictObject({ host: v.string(), tasks: v.array(task), networkChanges: v.array(change) });

const plan: v.GenericSchema<unknown, Plan> = v.strictObject({
  type: v.literal('kvm-play-plan'),
  version: v.literal(planVersion),
  made: v.string(),
  salt: v.string(),
  selection: v.exactOptional(
    v.strictObject({
      tags: v.exactOptional(texts),
      skipTags: v.exactOptional(texts),
      startAtTask: v.exactOptional(v.string()),
      limit: v.exactOptional(v.string()),
    }),
  ),
  plays: v.array(v.strictObject({ play: v.string(), hosts: v.array(host) })),
});

/** What every version begins with. */
const anyVersion = v.object({ type: v.literal('kvm-play-plan'), version: v.unknown() });

/** Parses a plan from JSON. @throws PlanError for a text that is no plan, and for another version */
export function parsePlan(text: string): Plan {
  const data = parsed(text);
  const beginning = v.safeParse(anyVersion, data);
  if (!beginning.success) throw new PlanError('it is no plan; npx kvm-play --check --plan-out FILE makes one');
  const { version } = beginning.output;
  if (version !== planVersion) {
    throw new PlanError(
      `it is a plan of version ${JSON.stringify(version)}, and this kvm-play knows version ${planVersion}; make a new one`,
    );
  }
  const result = v.safeParse(plan, data);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new PlanError(`it is no whole plan: ${v.getDotPath(issue) ?? 'it'}: ${issue.message}; make a new one`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
