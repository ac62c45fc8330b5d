import { describeFaults } from './describe_faults.ts';
import { linkDownFor5 } from './lists.ts';

describeFaults('link down for 5 s', linkDownFor5);
