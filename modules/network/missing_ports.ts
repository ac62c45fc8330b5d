import type { Missing } from '../../lib/task/task.ts';
import type { BridgeState } from './bridge_state.ts';
import type { LiveBridge } from './live.ts';

/** Names the ports of a bridge that the host does not have. */
export function missingPorts({ bridge, portNames }: BridgeState, { names }: LiveBridge): readonly Missing[] {
  if (bridge === 'absent') return [];
  return portNames.value
    .filter((port) => !names.includes(port))
    .map((port) => ({
      key: `link:${port}`,
      what: `there is no interface ${port}`,
      remedy: `the host has ${names.join(', ')}; name one of them as 'port'`,
    }));
}
