import { describeFaults } from './describe_faults.ts';
import { clocks } from './host_faults.ts';

describeFaults('clocks', clocks);
