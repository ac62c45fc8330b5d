import { expect, test } from '@jest/globals';
import type { TaskOptions } from '../../../lib/task/task.ts';
import { checkTaskOptions, isTaskOption, optionOf, taskOptionNames } from '../../../lib/task/task_options.ts';

/** A value of each option. A missing or an unknown name does not compile. */
const given: Required<TaskOptions> = {
  reflects: [],
  disrupts: ['link'],
  provides: ['pool:default'],
  loadedLater: true,
  tags: ['slow'],
  when: () => true,
  mayFail: true,
  retry: { attempts: 2 },
  until: () => true,
  timeLimit: 5,
  become: false,
};

test('the table has the options of the interface', () => {
  expect([...taskOptionNames].sort()).toEqual(Object.keys(given).sort());
  expect(isTaskOption('retry')).toBe(true);
  expect(isTaskOption('toString')).toBe(false);
});

test.each(Object.entries(given))('%s: the right value is accepted, one of another type refused', (name, value) => {
  expect(() => checkTaskOptions('m', { [name]: value })).not.toThrow();
  expect(() => checkTaskOptions('m', { [name]: undefined })).not.toThrow();
  const wrong = typeof value === 'object' ? 5 : 'x';
  expect(() => checkTaskOptions('m', { [name]: wrong })).toThrow(
    `m: '${name}' is ${JSON.stringify(wrong)}, and must be `,
  );
});

test.each<[object, string]>([
  [{ retry: { attempt: 5 } }, "retry: there is no 'attempt'; did you mean 'attempts'?"],
  [{ retry: { attempts: 0 } }, "'retry.attempts' is a whole number from 1 on, and is 0"],
  [{ retry: { interval: -1 } }, "'retry.interval' is a number of seconds, and is -1"],
  [{ timeLimit: 0.5 }, "'timeLimit' is a whole number of seconds from 1 on, and is 0.5"],
  [{ provides: ['poll:default'] }, "did you mean 'pool'?"],
  [
    { disrupts: ['link', 'links'] },
    `'disrupts' has no word "links"; there are link, guest, data, snapshots, saved-state; did you mean 'link'?`,
  ],
  [{ disrupts: ['network'] }, `'disrupts' has no word "network"; there are link, guest, data, snapshots, saved-state`],
  [{ disrupts: 'network' }, `'disrupts' has no word "network"; there are link`],
  [
    { reflects: ['br0'] },
    `'reflects' holds "br0", and takes tasks: write the variable of an earlier task, without quotes, e.g. reflects: [br0]`,
  ],
  [{ reflects: ['Create the bridge'] }, 'e.g. reflects: [bridge]'],
  [{ reflects: [undefined] }, "'reflects' holds undefined, and takes tasks"],
])('%j makes no sense', (options, words) => {
  expect(() => checkTaskOptions('m', options)).toThrow(words);
});

test('an option that is left out or undefined has its default', () => {
  expect(optionOf({ tags: ['slow'] }, 'tags')).toEqual(['slow']);
  expect(taskOptionNames.map((name) => [name, optionOf({}, name as keyof TaskOptions)])).toEqual([
    ['reflects', []],
    ['disrupts', []],
    ['provides', []],
    ['loadedLater', false],
    ['tags', []],
    ['when', undefined],
    ['mayFail', false],
    ['retry', undefined],
    ['until', undefined],
    ['timeLimit', undefined],
    ['become', undefined],
  ]);
});
