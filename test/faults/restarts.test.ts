import { describeFaults } from './describe_faults.ts';
import { restarts } from './host_faults.ts';

describeFaults('restarts', restarts);
