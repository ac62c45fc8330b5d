import { shellProgram } from '../../../lib/process/package_files.ts';
import type { LoadedBridge } from '../stack.ts';

/** The command that has systemd-networkd read its files again, and configure the links of some bridges by them. */
export function reloadArgv(bridges: readonly LoadedBridge[]): readonly string[] {
  return ['sh', '-c', shellProgram('modules/network/networkd/reload.sh'), 'sh', ...linksOf(bridges)];
}

/** The line that stands for that command. */
export function reloadTitle(bridges: readonly LoadedBridge[]): string {
  return `networkctl reload (for ${linksOf(bridges).join(', ')})`;
}

function linksOf(bridges: readonly LoadedBridge[]): readonly string[] {
  return bridges.flatMap(({ desired: { name, portNames } }) => [...portNames.value, name]);
}
