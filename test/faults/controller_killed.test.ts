import { describeFaults } from './describe_faults.ts';
import { controllerKilled } from './lists.ts';

describeFaults('controller killed', controllerKilled);
