import { shellProgram } from '../../../lib/process/package_files.ts';
import type { LoadedBridge } from '../stack.ts';

/** The command that has systemd-networkd read its files again, and configure the links of some bridges by them. */
export function reloadArgv(bridges: readonly LoadedBridge[]): readonly string[] {
  const links = bridges.flatMap(({ desired: { name, portNames } }) => [...portNames.value, name]);
  return ['sh', '-c', shellProgram('modules/network/networkd/reload.sh'), 'sh', ...links];
}
