import { expect, test } from '@jest/globals';
import { Connections } from '../../../../lib/hosts/connections.ts';
import { Semaphore } from '../../../../lib/hosts/ssh/semaphore.ts';

test('a semaphore lets so many through at a time, and the others in their order', async () => {
  const semaphore = new Semaphore(2);
  const inside: number[] = [];
  const log: string[] = [];
  await Promise.all(
    [0, 1, 2, 3, 4].map(async (number) => {
      const leave = await semaphore.enter();
      inside.push(number);
      log.push(inside.join(' '));
      await new Promise((resolve) => setImmediate(resolve));
      inside.splice(inside.indexOf(number), 1);
      leave();
      leave();
    }),
  );
  expect(log).toEqual(['0', '0 1', '1 2', '2 3', '3 4']);
});

test('a number of forks that lets nobody through is refused', () => {
  for (const forks of [0, -1, 1.5, Number.NaN]) {
    expect(() => new Connections({ forks })).toThrow('forks is a whole number from 1 on');
  }
});
