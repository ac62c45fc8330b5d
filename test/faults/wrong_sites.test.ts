import { describeFaults } from './describe_faults.ts';
import { wrongSites } from './host_faults.ts';

describeFaults('wrong sites', wrongSites);
