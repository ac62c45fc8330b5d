import { networkChange, play } from '../lib/index.ts';
import { bridge, network } from '../modules/index.ts';
const br0 = bridge({ name: 'br0', port: 'ens33', state: 'present' });
export default play({ name: 'Bridge', tasks: [networkChange({ confirmWithin: 60 }, [br0, network({ reflects: [br0], disrupts: ['link'] })])] });
