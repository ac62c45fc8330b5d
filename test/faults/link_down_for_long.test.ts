import { describeFaults } from './describe_faults.ts';
import { linkDownForLong } from './lists.ts';

describeFaults('link down for long', linkDownForLong);
