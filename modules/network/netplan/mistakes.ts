import type { ReadonlyHost } from '../../../lib/task/readonly_host.ts';

/**
 * Has netplan read its files, and returns what it says of the first mistake in them, with the file, the line and the column; undefined
 * where it understands them. `netplan get` reads and checks all files, writes none, and asks no daemon. Versions that have no such
 * command, or do not check the files by it, say nothing here; they do so before the bridge's files are written (check_files.sh).
 */
export async function findMistake(host: ReadonlyHost): Promise<string | undefined> {
  // Python would keep what it has translated.
  const { exitCode, stderr } = await host.query(['env', 'PYTHONDONTWRITEBYTECODE=1', 'netplan', 'get']);
  return exitCode === 0 ? undefined : mistakeIn(stderr);
}

/** Reads the words behind Python's traceback: `…Exception: /etc/netplan/01.yaml:5:7: Error in network definition: unknown key 'adresses'`. */
export function mistakeIn(printed: string): string | undefined {
  const lines = printed.split('\n');
  const first = lines.findLastIndex((line) => /Error in network definition|Invalid YAML/.test(line));
  if (first < 0) return undefined;
  const [head = '', ...quoted] = lines.slice(first, first + 3);
  const words = head.replace(/^[\w.]+(?:Error|Exception): /, '');
  // The line of the file, and what points at the column in it.
  return [words, ...quoted.filter((line) => line.trim() !== '')].join('\n');
}
