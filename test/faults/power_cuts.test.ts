import { describeFaults } from './describe_faults.ts';
import { powerCuts } from './lists.ts';

describeFaults('power cuts', powerCuts);
