import type { PlayEvent, Summary } from '../events/events.ts';
import type { Play } from '../site/play.ts';
import { type RunOptions, run } from './run.ts';

/**
 * Runs plays, and yields the events of the run one by one. The run begins when the first event is requested, and does not wait for
 * the reader. Leaving the loop ends the run as `signal` does: the current step is finished, no other begins, and then the loop is
 * left.
 * @returns the summary, as the generator's return value; the last event holds it as well
 * @throws PlaybookError, ArgumentError before anything was attempted
 *
 * @example
 * ```ts
 * for await (const event of events(site, { hosts: ['root@kvm1'] })) {
 *   if (event.type === 'task-end' && event.status === 'failed') break;
 * }
 * ```
 */
export async function* events(
  plays: Play | readonly Play[],
  options: RunOptions = {},
): AsyncGenerator<PlayEvent, Summary, undefined> {
  const left = new AbortController();
  const signal = options.signal === undefined ? left.signal : AbortSignal.any([options.signal, left.signal]);
  const unread: PlayEvent[] = [];
  let hasEnded = false;
  let wake = (): void => {};
  const onEvent = (event: PlayEvent): void => {
    options.onEvent?.(event);
    unread.push(event);
    wake();
  };
  const running = run(plays, { ...options, signal, onEvent });
  const ended = running
    .catch(() => {})
    .then(() => {
      hasEnded = true;
      wake();
    });
  try {
    for (;;) {
      yield* unread.splice(0);
      if (unread.length > 0) continue;
      if (hasEnded) return await running;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    left.abort();
    await ended;
  }
}
