import type { ReadonlyHost, TextFile } from '../../../lib/task/readonly_host.ts';
import { removeFile, type Step, writeFile } from '../../../lib/task/step.ts';

/** The files in which dhclient keeps the leases of a link: ifupdown gives it one for each link and family. */
export function leasePaths(link: string): readonly string[] {
  return [`/var/lib/dhcp/dhclient.${link}.leases`, `/var/lib/dhcp/dhclient6.${link}.leases`];
}

/** The lease files of a bridge and its first port, those that exist. */
export type Leases = Readonly<Record<string, TextFile>>;

/** Reads them. */
export async function readLeases(host: ReadonlyHost, links: readonly string[]): Promise<Leases> {
  const paths = links.flatMap(leasePaths);
  const texts = await Promise.all(paths.map((path) => host.readFile(path)));
  return Object.fromEntries(paths.flatMap((path, index) => (texts[index] === undefined ? [] : [[path, texts[index]]])));
}

/**
 * Writes into a link's lease files the DUID that another link's client has sent until now. dhclient makes a new one for each file, and a
 * server that goes by the client id would give another address.
 */
export function moveIdentity(leases: Leases, from: string, to: string): readonly Step[] {
  return leasePaths(from).flatMap((path, index): readonly Step[] => {
    const line = identityIn(leases[path]?.text);
    const target = leasePaths(to)[index] ?? '';
    const before = leases[target];
    if (line === undefined || identityIn(before?.text) === line) return [];
    const others = (before?.text ?? '').split('\n').filter((each) => !identityPattern.test(each));
    const text = `${line}\n${others.join('\n')}`;
    return [writeFile(target, text, before === undefined ? {} : { before })];
  });
}

/** Removes a link's lease files. */
export function removeLeases(leases: Leases, link: string): readonly Step[] {
  return leasePaths(link).flatMap((path) => {
    const before = leases[path];
    return before === undefined ? [] : [removeFile(path, { before })];
  });
}

const identityPattern = /^default-duid .*;$/;

function identityIn(text: string | undefined): string | undefined {
  return text?.split('\n').findLast((line) => identityPattern.test(line));
}
