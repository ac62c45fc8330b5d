import { describeFaults } from '../faults/describe_faults.ts';
import { dhcpGone, restartHangs, wrongAddress } from '../faults/host_faults.ts';
import { killed, powerCut } from '../faults/injections.ts';
import { lostByReboot } from '../faults/lists.ts';

/** Five faults of the suite, with a shorter limit; all of them: npm run test:faults. */
describeFaults(
  'a network change in which something goes wrong',
  [
    {
      what: 'controller killed right after the restart: the host goes back, untouched by anyone',
      where: 'before `reached`',
      at: { reached: killed },
      ends: ['rolled back'] as const,
    },
    {
      what: 'power cut while the change is not confirmed',
      where: 'before `proving`',
      at: { proving: powerCut },
      differs: lostByReboot,
      ends: ['rolled back'] as const,
    },
    dhcpGone,
    restartHangs,
    wrongAddress,
  ].map((fault) => ({ ...fault, site: { ...('site' in fault && fault.site), confirmWithin: 12 } })),
);
