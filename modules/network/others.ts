import { shellProgram } from '../../lib/process/package_files.ts';
import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';
import { readIfupdownFiles, stanzasOf } from './ifupdown/files.ts';
import type { OwnedLinks } from './stack.ts';

/** A network stack that is recognised, and whose files are not written. */
export interface OtherStack {
  /** Its name for people. */
  readonly title: string;
  /** Why no bridge is made with it, and what to do. */
  readonly reason: string;
  /** Says which of some links it owns now. What it has seen is said only where it owns one. */
  findOwned(host: ReadonlyHost, links: readonly string[]): Promise<OwnedLinks>;
}

/** Network stacks with which no bridge can be made: a host of theirs is refused by name. */
export const otherStacks: readonly OtherStack[] = [
  {
    title: 'ifupdown2',
    reason:
      'its reload (ifreload) throws the guests of a bridge out of it, so no bridge is made with it; install ifupdown instead, which reads the same files, or hand the link over to another network stack',
    findOwned: findOwnedByIfupdown2,
  },
  {
    title: 'wicked',
    reason: 'no bridge is made with it; hand the link over to NetworkManager first (on SUSE: yast lan)',
    findOwned: (host, links) => ask(host, 'wicked', 'wicked', links),
  },
  {
    title: 'ConnMan',
    reason: 'no bridge is made with it; hand the link over to NetworkManager or systemd-networkd first',
    findOwned: (host, links) => ask(host, 'ConnMan', 'connman', links),
  },
  {
    title: 'dhcpcd',
    reason:
      'it runs as a service of its own and gives addresses to whatever link it finds, so no bridge is made with it; hand the link over to another network stack, and disable dhcpcd.service',
    findOwned: (host, links) => ask(host, 'dhcpcd', 'dhcpcd', links),
  },
];

/** Asks a stack's daemon with the program of that name in the folder `others`. */
async function ask(host: ReadonlyHost, title: string, name: string, links: readonly string[]): Promise<OwnedLinks> {
  const script = shellProgram(`modules/network/others/${name}.sh`);
  const { exitCode, stdout } = await host.query(['sh', '-c', script, 'sh', ...links]);
  const owned = exitCode === 0 ? stdout.split('\n').filter((line) => links.includes(line)) : [];
  return ownedBy(title, owned);
}

/** It keeps no list of links that others could read: it runs, and its files name the link. */
async function findOwnedByIfupdown2(host: ReadonlyHost, links: readonly string[]): Promise<OwnedLinks> {
  const [runs, isOther, isInstalled, files] = await Promise.all([
    host.exists('/run/network/ifstatelock'),
    host.exists('/run/network/ifstate'),
    host.exists('/usr/share/ifupdown2'),
    readIfupdownFiles(host),
  ]);
  if (!runs || isOther || !isInstalled) return ownedBy('ifupdown2', []);
  return ownedBy(
    'ifupdown2',
    links.filter((link) => stanzasOf(files, link).length > 0),
  );
}

function ownedBy(title: string, links: readonly string[]): OwnedLinks {
  const seen = links.length === 0 ? '' : `${title} has configured ${links.join(', ')}`;
  return { links: links.map((link) => ({ link })), seen };
}
