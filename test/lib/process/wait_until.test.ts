import { expect, test } from '@jest/globals';
import { waitUntil } from '../../../lib/process/wait_until.ts';

/** A look that sees 1, 2, 3, … */
function counter(): { look: () => Promise<number>; seen: () => number } {
  let count = 0;
  return { look: async () => (count += 1), seen: () => count };
}

test('looks until it holds, and gives what was seen last', async () => {
  const { look, seen } = counter();
  expect(await waitUntil(look, (count) => count === 3, { within: 60, interval: 0.001 })).toBe(3);
  expect(seen()).toBe(3);
});

test('looks once where there is no time, and once more when the time is over', async () => {
  const once = counter();
  expect(await waitUntil(once.look, () => false, { within: 0, interval: 60 })).toBe(1);
  const twice = counter();
  expect(await waitUntil(twice.look, () => false, { within: 0.01, interval: 60 })).toBeGreaterThanOrEqual(2);
});

test('the interval may depend on what was seen', async () => {
  const { look } = counter();
  const asked: number[] = [];
  const interval = (count: number): number => {
    asked.push(count);
    return 0;
  };
  await waitUntil(look, (count) => count === 3, { within: 60, interval });
  expect(asked).toEqual([1, 2]);
});

test('an error of a look ends the wait', async () => {
  const look = async (): Promise<never> => {
    throw new RangeError('it broke');
  };
  await expect(waitUntil(look, () => false, { within: 60, interval: 0 })).rejects.toThrow('it broke');
});

test('a signal ends the wait between two looks, with the reason or an error of the caller', async () => {
  const end = new AbortController();
  const { look, seen } = counter();
  const options = { within: 600, interval: 600, signal: end.signal };
  const waits = [
    waitUntil(look, () => false, options),
    waitUntil(look, () => false, { ...options, interrupted: () => new Error('ended by hand') }),
  ];
  const results = Promise.allSettled(waits);
  setTimeout(() => end.abort(new Error('the reason')), 1);
  expect(await results).toMatchObject([
    { status: 'rejected', reason: { message: 'the reason' } },
    { status: 'rejected', reason: { message: 'ended by hand' } },
  ]);
  expect(seen()).toBe(2);
  // What holds at once needs no wait, whatever the signal says.
  expect(await waitUntil(look, () => true, options)).toBe(3);
});
