import { formatPatch, structuredPatch } from 'diff';

/**
 * Lines that may differ before the shortest diff is no longer looked for: its cost grows with their square, and everything else
 * waits meanwhile.
 */
const editLimit = 2000;

/** How a diff is made. */
export interface TextDiffOptions {
  /** Lines that are shown around each change. */
  readonly context: number;
}

/**
 * Shows the change of a text as a unified diff, without an end of line behind the last one. Where very much differs it is one
 * change from the first line that differs to the last: longer than it could be, and true.
 * @param from name of the old text
 * @param to name of the new one
 */
export function textDiff(from: string, to: string, before: string, after: string, options: TextDiffOptions): string {
  const { context } = options;
  const limits = { context, maxEditLength: editLimit };
  const patch = structuredPatch(from, to, before, after, undefined, undefined, limits) ?? {
    ...{ oldFileName: from, newFileName: to, oldHeader: undefined, newHeader: undefined },
    hunks: [oneHunk(linesOf(before), linesOf(after), context)],
  };
  const text = formatPatch(patch);
  return text.slice(text.indexOf('---')).trimEnd();
}

function oneHunk(before: readonly string[], after: readonly string[], context: number) {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  const start = Math.max(0, head - context);
  const end = Math.max(0, tail - context);
  const [oldLines, newLines] = [before.length - start - end, after.length - start - end];
  const marked = (mark: string, lines: readonly string[]): readonly string[] =>
    lines.flatMap((line) => hunkLine(mark, line));
  return {
    ...{ oldStart: start + 1, oldLines, newStart: start + 1, newLines },
    lines: [
      ...marked(' ', before.slice(start, head)),
      ...marked('-', before.slice(head, before.length - tail)),
      ...marked('+', after.slice(head, after.length - tail)),
      ...marked(' ', before.slice(before.length - tail, before.length - end)),
    ],
  };
}

/** The lines of a text, each with its end. */
function linesOf(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function hunkLine(mark: string, line: string): readonly string[] {
  return line.endsWith('\n') ? [`${mark}${line.slice(0, -1)}`] : [`${mark}${line}`, '\\ No newline at end of file'];
}
