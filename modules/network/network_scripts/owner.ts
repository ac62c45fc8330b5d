import { getValue } from '../../../lib/formats/key_value.ts';
import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';
import { grepFiles } from '../live.ts';
import type { OwnedLink, OwnedLinks } from '../stack.ts';
import { readInterfaceFiles } from './files.ts';
import { networkScriptsUnit } from './unit.ts';

/** States of the unit in which it has brought links up; its exit status is unreliable (see the restart of `network`). */
const started: readonly string[] = ['active', 'activating', 'reloading', 'failed'];

/** NetworkManager is asked only while it runs. */
const managerScript = `systemctl is-active --quiet NetworkManager || exit 3
LC_ALL=C exec nmcli -t -f DEVICE,STATE device`;

/**
 * Finds the links that the network scripts own: those that have an ifcfg file and are up, on a host whose service `network` was
 * started, and that NetworkManager does not have. It reads the same files.
 */
export async function findOwnedByNetworkScripts(host: ReadonlyHost, links: readonly string[]): Promise<OwnedLinks> {
  const [{ names, files }, unit, manager, flags] = await Promise.all([
    readInterfaceFiles(host, links),
    host.query(['systemctl', 'is-active', networkScriptsUnit.name]),
    host.query(['sh', '-c', managerScript]),
    grepFiles(
      host,
      '/sys/class/net',
      links.map((link) => `${link}/flags`),
    ),
  ]);
  if (!names.some((name) => name.startsWith('ifcfg-'))) return { links: [], seen: 'there are no ifcfg files' };
  const state = unit.stdout.trim().split('\n').at(-1) ?? '';
  if (!started.includes(state)) {
    return {
      links: [],
      seen: `there are ifcfg files, and the service ${networkScriptsUnit.name} is ${state || 'unknown'}`,
    };
  }
  const states = new Map(
    (manager.exitCode === 0 ? manager.stdout.split('\n') : []).map((line) => {
      const [, link = '', word = ''] = /^(.*):([^:]*)$/.exec(line) ?? [];
      return [link.replaceAll('\\', ''), word] as const;
    }),
  );
  const found = links.map((link): { readonly owned?: OwnedLink; readonly seen: string } => {
    const file = files[link];
    if (file === undefined) return { seen: `${link} has no ifcfg file` };
    const word = states.get(link) ?? '';
    if (/^connect(?:ed|ing\b.*)$/.test(word))
      return { seen: `${link} has ${file.path}, and NetworkManager has it ${word}` };
    if ((Number(flags[`${link}/flags`] ?? 0) & 1) === 0) return { seen: `${link} has ${file.path}, and is down` };
    const id = getValue(file.content, 'UUID');
    return {
      owned: { link, file: file.path, ...(id !== undefined && { id }) },
      seen: `the service ${networkScriptsUnit.name} has ${link} by ${file.path}`,
    };
  });
  return { links: found.flatMap(({ owned }) => owned ?? []), seen: found.map(({ seen }) => seen).join(', ') };
}
