import { describe, expect, test } from '@jest/globals';
import { ConnectionError } from '../../../lib/errors.ts';
import { pauseAfter, Reach } from '../../../lib/hosts/reach.ts';
import type { AnotherConnection, OpenAnother, RawOutput, Transport } from '../../../lib/hosts/shell/transport.ts';

/** A machine that answers under some of its addresses. */
class FarTransport implements Transport {
  readonly name = 'far';
  readonly isLocal = false;
  reachedAt: string | undefined;
  /** Attempts, in order, with the patience of each. */
  readonly attempts: { readonly at: string | undefined; readonly patience: number }[] = [];
  readonly ended: (string | undefined)[] = [];
  readonly #answers: (options: OpenAnother) => Promise<void>;

  constructor(answers: (options: OpenAnother) => Promise<void>) {
    this.#answers = answers;
  }

  async openAnother(options: OpenAnother): Promise<AnotherConnection> {
    this.attempts.push({ at: options.at, patience: options.patience });
    await this.#answers(options);
    return {
      adopt: async () => {
        this.reachedAt = options.at;
      },
      end: () => this.ended.push(options.at),
    };
  }

  async run(): Promise<RawOutput> {
    throw new ConnectionError('not asked for');
  }

  async runOverOpen(): Promise<RawOutput> {
    throw new ConnectionError('not asked for');
  }

  async close(): Promise<void> {}
}

const gone = async (): Promise<void> => {
  throw new ConnectionError('gone');
};

describe('pauses between attempts', () => {
  const pauses = Array.from({ length: 40 }, (_, failed) => pauseAfter(failed));

  test('let a firewall forget that drops the sixth connection in 30 s, or the fourth in 60', () => {
    let now = 0;
    const begins = pauses.map((pause) => {
      now += pause;
      return now;
    });
    for (const begin of begins) {
      expect(begins.filter((other) => other >= begin && other < begin + 30).length).toBeLessThan(6);
    }
    expect(pauses[4]).toBeGreaterThan(30);
    expect(Math.max(...pauses)).toBeGreaterThan(60);
  });

  test('are short at first, and never end', () => {
    expect(pauses.slice(0, 4)).toEqual([0, 0.5, 1, 2]);
    expect(Math.min(...pauses.slice(1))).toBeGreaterThan(0);
  });
});

// Most of them wait, each for a machine of its own: at once.
describe('reaching a machine again', () => {
  test.concurrent('goes on where it answers, after few attempts with more and more patience', async () => {
    let failures = 3;
    const far = new FarTransport(async () => {
      failures -= 1;
      if (failures >= 0) await gone();
    });
    await new Reach(far).again({ within: 60 });
    expect(far.attempts).toEqual([1, 1, 2, 2].map((patience) => ({ at: undefined, patience })));
  });

  test.concurrent('makes no attempt after the time is over, and none while a firewall may count: also in a later call', async () => {
    const far = new FarTransport(gone);
    const reach = new Reach(far);
    await expect(reach.again({ within: 6 })).rejects.toThrow('the host has not answered for 6 s');
    expect(far.attempts).toHaveLength(4);
    await expect(reach.again({ within: 0.2 })).rejects.toThrow(ConnectionError);
    expect(far.attempts).toHaveLength(4);
    await expect(reach.again({ within: -8 })).rejects.toThrow('no time was left to reach the host again');
    reach.heardAgain();
    await expect(reach.again({ within: 0.2 })).rejects.toThrow(ConnectionError);
    expect(far.attempts).toHaveLength(5);
  });

  test.concurrent('tries its own name first, and another address only where that does not answer', async () => {
    const far = new FarTransport(async () => {});
    await new Reach(far).again({ at: ['192.0.2.9'] });
    expect([far.reachedAt, far.attempts.map(({ at }) => at)]).toEqual([undefined, [undefined]]);

    const moved = new FarTransport(async ({ at }) => {
      if (at === undefined) await gone();
    });
    const reach = new Reach(moved);
    await reach.again({ at: ['192.0.2.9'] });
    expect(moved.reachedAt).toBe('192.0.2.9');
    await reach.again({ at: ['192.0.2.9'] });
    expect(moved.attempts.map(({ at }) => at)).toEqual([undefined, '192.0.2.9', '192.0.2.9']);
  });

  test.concurrent('ends what answers second', async () => {
    const far = new FarTransport(async ({ at, signal }) => {
      // The own name answers once the other one has won.
      if (at === undefined) await new Promise((resolve) => signal.addEventListener('abort', resolve));
    });
    await new Reach(far).again({ at: ['192.0.2.9'] });
    expect(far.reachedAt).toBe('192.0.2.9');
    expect(far.ended).toEqual([undefined]);
  });

  test.concurrent('is called off by a signal, which counts as no failure', async () => {
    const controller = new AbortController();
    const far = new FarTransport(async ({ signal }) => {
      controller.abort();
      if (signal.aborted) await gone();
    });
    const reach = new Reach(far);
    const deadline = performance.now() + 10_000;
    expect(await reach.attempt({ at: [], deadline, signal: controller.signal })).toMatchObject({ isOpen: false });
    expect(await reach.attempt({ at: [], deadline, signal: controller.signal })).toEqual({ isOpen: false });
    expect(far.attempts).toEqual([{ at: undefined, patience: 1 }]);
  });
});
