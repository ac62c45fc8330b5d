import { describeFaults } from './describe_faults.ts';
import { disks } from './host_faults.ts';

describeFaults('disks', disks);
