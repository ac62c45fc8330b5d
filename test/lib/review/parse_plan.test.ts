import { expect, test } from '@jest/globals';
import { PlanError } from '../../../lib/errors.ts';
import { parsePlan } from '../../../lib/review/parse_plan.ts';

const plan = { type: 'kvm-play-plan', version: 2, made: '2026-01-01T00:00:00.000Z', salt: '00', plays: [] };
const withTask = (task: object): object => ({
  ...plan,
  plays: [{ play: 'Play', hosts: [{ host: 'a', networkChanges: [], tasks: [task] }] }],
});
const task = { index: 0, title: 'T', module: 'm', status: 'ok', differences: [], warnings: [], steps: [] };

test('reads what it is given', () => {
  expect(parsePlan(JSON.stringify(plan))).toEqual(plan);
  expect(parsePlan(JSON.stringify(withTask(task)))).toEqual(withTask(task));
});

test.each([
  ['no JSON', 'export default 1;', /^it is no plan; npx kvm-play --check --plan-out FILE makes one$/],
  ['other JSON', '{"version":1}', /^it is no plan;/],
  ['another version', { ...plan, version: 3 }, /^it is a plan of version 3, and this kvm-play knows version 2; make a/],
  ['half a plan', { type: 'kvm-play-plan', version: 2, plays: [] }, /^it is no whole plan: made: .*; make a new one$/],
  [
    'a step that nobody knows',
    withTask({ ...task, steps: [{ kind: 'format' }] }),
    /plays\.0\.hosts\.0\.tasks\.0\.steps\.0/,
  ],
  ['more than it should hold', withTask({ ...task, force: true }), /^it is no whole plan: .*force/],
])('refuses %s', (_what, given, message) => {
  const parse = (): unknown => parsePlan(typeof given === 'string' ? given : JSON.stringify(given));
  expect(parse).toThrow(PlanError);
  expect(parse).toThrow(message);
});
