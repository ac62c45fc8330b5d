/** The comments that a bridge leaves in a file, by which its old text is found again. */

/** A comment of a bridge. */
export interface Mark {
  /** The begin and the end of what is new, what is left of the line above, or a line as it was before. */
  readonly kind: 'begin' | 'end' | 'rest' | 'kept';
  readonly bridge: string;
  /** The old line, of `kept`. */
  readonly text: string;
}

export const beginMark = (bridge: string): string => `# ${bridge}: from here on made by kvm-play`;
export const endMark = (bridge: string): string => `# ${bridge}: up to here made by kvm-play`;
export const restMark = (bridge: string): string => `# ${bridge}: the next line is what is left of the one above`;
export const keptMark = (bridge: string, line: string): string =>
  line === '' ? `# before ${bridge}:` : `# before ${bridge}: ${line}`;

/** Reads a comment; undefined for any other line. */
export function markIn(raw: string): Mark | undefined {
  const [, kept, text = ''] = /^# before ([^\s:]+):(?: (.*))?$/.exec(raw) ?? [];
  if (kept !== undefined) return { kind: 'kept', bridge: kept, text };
  const [, bridge] = /^# ([^\s:]+): /.exec(raw) ?? [];
  if (bridge === undefined) return undefined;
  if (raw === beginMark(bridge)) return { kind: 'begin', bridge, text };
  if (raw === endMark(bridge)) return { kind: 'end', bridge, text };
  return raw === restMark(bridge) ? { kind: 'rest', bridge, text } : undefined;
}
