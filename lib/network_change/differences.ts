/** The differences between a host that was rolled back and the same host before the change, in the host's own words. */
export interface Differences {
  /** What matters to reaching the host: addresses, routes, rules, the state of its links, files that bring them up. */
  readonly reach: readonly string[];
  /** Everything else. */
  readonly other: readonly string[];
  /** What the host could not compare. */
  readonly unread: readonly string[];
}

/** Parses the host's lines about differences. @returns undefined when the host has not compared itself yet */
export function parseDifferences(text: string): Differences | undefined {
  const lines = text.split('\n');
  if (!lines.includes('compared yes')) return undefined;
  const of = (kind: keyof Differences): readonly string[] =>
    lines.flatMap((line) => (line.startsWith(`differs ${kind} `) ? [line.slice(`differs ${kind} `.length)] : []));
  return { reach: of('reach'), other: of('other'), unread: of('unread') };
}

/**
 * What differs once a host has come to rest. Where something that matters to reaching the host differed, it compares itself once more:
 * a DHCP client may have waited for a link that was down.
 * @param recorded what the host found when it had gone back; undefined when it has not compared itself yet
 * @param compare has the host compare itself
 */
export async function settledDifferences(
  recorded: Differences | undefined,
  compare: () => Promise<Differences | undefined>,
): Promise<Differences | undefined> {
  if (recorded !== undefined && recorded.reach.length === 0) return recorded;
  return (await compare()) ?? recorded;
}

/** Says what a host that was rolled back is like; only a complete comparison without a difference makes it as it was before. */
export function comparisonInWords(differences: Differences | undefined): string {
  if (differences === undefined) return 'the host has not compared itself with what it was before';
  const { reach, other, unread } = differences;
  const found = [...reach, ...other].map((words) => `\n  ${words}`).join('');
  const missing = unread.map((words) => `\n  not compared: ${words}`).join('');
  if (found !== '') return `the host is not as it was before in:${found}${missing}`;
  return missing === ''
    ? 'the host is as it was before'
    : `no difference was found, but not all was compared:${missing}`;
}
