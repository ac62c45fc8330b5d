import { afterAll, beforeAll, test } from '@jest/globals';
import { describeLab } from '../lab/support.ts';
import { type Fault, survive } from './fault.ts';
import { FaultLab } from './fault_lab.ts';
import type { Ground } from './ground.ts';

/** Injects faults into one throwaway host, one after the other. @param more further tests on the same host @param ground what the host is like (default: the post's) */
export function describeFaults(
  name: string,
  faults: readonly Fault[],
  more: (host: () => FaultLab) => void = () => {},
  ground?: Ground,
): void {
  describeLab(name, () => {
    let host: FaultLab;
    beforeAll(async () => {
      host = await FaultLab.build(ground);
    });
    afterAll(() => host?.destroy());

    if (faults.length > 0) test.each(faults)('$what: $where', (fault) => survive(host, fault));
    more(() => host);
  });
}
