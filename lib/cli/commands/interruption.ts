import { exitCodes } from '../options/exit_codes.ts';

/**
 * Does work that Ctrl-C (or SIGTERM) interrupts: the first one aborts the signal, so that the step under way is finished and no
 * further one is begun; the second one ends the process at once.
 */
export async function interruptible<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    process.stderr.write('interrupted: finishing the current step, then stopping; interrupt again to stop at once\n');
    controller.abort();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}
