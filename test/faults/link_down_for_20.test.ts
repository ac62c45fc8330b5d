import { describeFaults } from './describe_faults.ts';
import { linkDownFor20 } from './lists.ts';

describeFaults('link down for 20 s', linkDownFor20);
