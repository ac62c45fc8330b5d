import { describeFaults } from './describe_faults.ts';
import { liveNetwork } from './live_network.ts';

describeFaults('live network', liveNetwork);
