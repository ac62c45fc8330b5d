import { describeFaults } from './describe_faults.ts';
import { dhcp } from './host_faults.ts';

describeFaults('dhcp', dhcp);
