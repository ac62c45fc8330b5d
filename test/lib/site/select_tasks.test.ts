import { describe, expect, test } from '@jest/globals';
import { networkChange } from '../../../lib/network_change/network_change.ts';
import { tasksOf } from '../../../lib/site/play_items.ts';
import { checkSelection, selectionByPlay, selectTasks, type TaskSelection } from '../../../lib/site/select_tasks.ts';
import { entry } from '../../support/tiny_modules.ts';

const task = (title: string, ...tags: readonly string[]) => entry(title, { path: `/${title}`, text: '', tags });
const items = [
  task('plain'),
  networkChange({}, [task('bridge', 'network'), task('restart', 'network', 'slow')]),
  task('always', 'always'),
  task('never', 'never', 'debug'),
];

const chosen = (selection: TaskSelection): string =>
  tasksOf(selectTasks(items, selection))
    .map(({ title }) => title)
    .join(' ');

describe('tags', () => {
  test.each<[TaskSelection, string]>([
    [{}, 'plain bridge restart always'],
    [{ tags: ['network'] }, 'bridge restart always'],
    [{ tags: ['slow'] }, 'restart always'],
    [{ tags: ['debug'] }, 'always never'],
    [{ tags: ['never'] }, 'always never'],
    [{ tags: ['all'] }, 'plain bridge restart always'],
    [{ tags: ['tagged'] }, 'bridge restart always'],
    [{ tags: ['untagged'] }, 'plain always'],
    [{ skipTags: ['slow'] }, 'plain bridge always'],
    [{ tags: ['network'], skipTags: ['slow'] }, 'bridge always'],
    [{ skipTags: ['always'] }, 'plain bridge restart'],
    [{ skipTags: ['all'] }, 'always'],
    [{ startAtTask: 'restart' }, 'restart always'],
    [{ startAtTask: 'restart', tags: ['network'] }, 'restart always'],
  ])('%j leaves %s', (selection, titles) => {
    expect(chosen(selection)).toBe(titles);
  });

  test('a network change keeps what is left of it, and goes with its last task', () => {
    const [change] = selectTasks(items, { tags: ['slow'], skipTags: ['always'] });
    expect(change).toMatchObject({ kind: 'network-change', tasks: [{ title: 'restart' }] });
    expect(selectTasks(items, { tags: ['untagged'], skipTags: ['always'] })).toEqual([items[0]]);
  });

  test.each<[TaskSelection, string]>([
    [{ tags: ['netwrok'] }, "no task has the tag 'netwrok'; did you mean 'network'?"],
    [{ skipTags: ['zzz'] }, "no task has the tag 'zzz'; there are network, slow, always, never, debug"],
    [{ startAtTask: 'brigde' }, "no task has the title 'brigde'; did you mean 'bridge'?"],
  ])('%j is refused', (selection, words) => {
    expect(() => checkSelection(items, selection)).toThrow(words);
  });
});

test('the plays behind the one in which startAtTask stands are whole, and those before it are left out', () => {
  const plays = [
    [task('a'), task('b')],
    [task('c'), task('d')],
    [task('c'), task('e', 'slow')],
  ];
  const left = (selection: TaskSelection): readonly string[] => {
    const selections = selectionByPlay(plays, selection);
    return plays.map((play, index) =>
      tasksOf(selectTasks(play, selections[index] ?? {}))
        .map(({ title }) => title)
        .join(' '),
    );
  };
  expect(left({ startAtTask: 'd' })).toEqual(['', 'd', 'c e']);
  expect(left({ startAtTask: 'c', skipTags: ['slow'] })).toEqual(['', 'c d', 'c']);
  expect(left({ startAtTask: 'a' })).toEqual(['a b', 'c d', 'c e']);
  expect(left({ tags: ['slow'] })).toEqual(['', '', 'e']);
});
