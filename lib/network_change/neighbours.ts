import { shellProgram } from '../process/package_files.ts';
import type { ReadonlyHost } from '../task/readonly_host.ts';

/** The gateway of a default route, as a neighbour on its link. */
export interface Neighbour {
  readonly link: string;
  readonly via: string;
  /** Whether the host got its link-layer address; `unasked` on a link without such addresses (point to point, no ARP). */
  readonly answer: 'answers' | 'silent' | 'unasked';
}

/** Script text that asks gateways for their link-layer addresses. */
export function neighboursScript(): string {
  return shellProgram('lib/network_change/on_host/neighbours.sh');
}

/**
 * Has the host send a packet to the gateways of its default routes, and finds out which of them have a link-layer address. It takes
 * up to a second where one has none.
 * @param gateways those that are asked; without any, all of them
 * @returns undefined where the host has no tool that sends a packet
 */
export async function readNeighbours(
  host: ReadonlyHost,
  gateways: readonly string[] = [],
): Promise<readonly Neighbour[] | undefined> {
  const { exitCode, stdout } = await host.query(['sh', '-c', neighboursScript(), 'sh', ...gateways]);
  return exitCode === 0 ? parseNeighbours(stdout) : undefined;
}

/** Reads `br0 192.168.221.1 answers`. */
function parseNeighbours(text: string): readonly Neighbour[] {
  const answers = ['answers', 'silent', 'unasked'] as const;
  return text.split('\n').flatMap((line) => {
    const [link, via, word] = line.split(' ');
    const answer = answers.find((each) => each === word);
    return link === undefined || via === undefined || answer === undefined ? [] : [{ link, via, answer }];
  });
}
