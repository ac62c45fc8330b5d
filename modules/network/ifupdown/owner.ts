import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';
import type { OwnedLinks } from '../stack.ts';

/** Where ifupdown notes the links that it has brought up. ifupdown2 has no such file. */
const stateFile = '/run/network/ifstate';

/** Returns the links that ifupdown has brought up, with the stanzas by which it did; undefined where it keeps no list. */
export async function readIfstate(host: ReadonlyHost): Promise<ReadonlyMap<string, string> | undefined> {
  const file = await host.readFile(stateFile);
  return file && parseIfstate(file.text);
}

/** Reads lines `ens33=ens33`; behind the sign stands the name of the stanza. */
export function parseIfstate(text: string): ReadonlyMap<string, string> {
  const lines = text.split('\n').filter((line) => line.includes('='));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1).trim()]));
}

export async function findOwnedByIfupdown(host: ReadonlyHost, links: readonly string[]): Promise<OwnedLinks> {
  const state = await readIfstate(host);
  if (state === undefined) return { links: [], seen: 'ifupdown does not run' };
  const owned = links.filter((link) => state.has(link));
  const words = owned.map((link) => `ifupdown has brought ${link} up`);
  return {
    links: owned.map((link) => ({ link, id: state.get(link) ?? link })),
    seen: words.join(', ') || `ifupdown has brought up none of ${links.join(', ')}`,
  };
}
