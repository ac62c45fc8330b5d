import { afterAll, beforeAll, test } from '@jest/globals';
import { describeLab } from '../lab/support.ts';
import { type Fault, survive } from './fault.ts';
import { FaultLab } from './fault_lab.ts';

/** Injects faults into one throwaway host, one after the other. @param more further tests on the same host */
export function describeFaults(
  name: string,
  faults: readonly Fault[],
  more: (host: () => FaultLab) => void = () => {},
): void {
  describeLab(name, () => {
    let host: FaultLab;
    beforeAll(async () => {
      host = await FaultLab.build();
    });
    afterAll(() => host?.destroy());

    if (faults.length > 0) test.each(faults)('$what: $where', (fault) => survive(host, fault));
    more(() => host);
  });
}
