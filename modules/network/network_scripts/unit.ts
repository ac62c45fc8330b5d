import type { LinkUnit } from '../stack.ts';
import { initScript } from './network_scripts.ts';

/**
 * Takes down what the network scripts have brought up, by the files as they are now. `systemctl stop` does nothing to a unit
 * that has failed, so the script is called past its own redirection to systemctl; what it leaves of its DHCP clients is ended.
 */
export const takeDownNetwork: readonly (readonly string[])[] = [
  ['env', 'SYSTEMCTL_SKIP_REDIRECT=1', initScript, 'stop'],
  ['pkill', '-f', dhclientPattern()],
];

/**
 * Gives the regular expression by which `pkill -f` finds the DHCP clients that the scripts have started. EL8 and later keep their
 * process numbers in `/run`.
 * @param device of this one only; default: of any
 */
export function dhclientPattern(device?: string): string {
  const pidFile = '-lf [^ ]* -pf (/var)?/run/dhclient6?-';
  return `^[^ ]*dhclient .*${pidFile}${device === undefined ? '' : `${device}\\.pid`}`;
}

/** The unit of the network scripts: a SysV script, which systemd does not stop once it has failed. */
export const networkScriptsUnit: LinkUnit = { name: 'network', takeDown: takeDownNetwork };
