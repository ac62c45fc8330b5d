import type { LinkUnit } from '../stack.ts';
import { takeDownNetwork } from './network_scripts.ts';

/** The unit of the network scripts: a SysV script, which systemd does not stop once it has failed. */
export const networkScriptsUnit: LinkUnit = { name: 'network', takeDown: takeDownNetwork };
