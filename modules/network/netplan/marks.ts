import type { TextEdit } from '../../../lib/formats/yaml_edit.ts';

/**
 * What moves from a port to its bridge stays in the port's file as comments, in its place: `# before br0:      addresses: […]`. So
 * every other line stays as it is, and what an administrator changes meanwhile is kept when the comments become lines again.
 */

/** Makes edits, and keeps the lines that they change as comments. */
export function editWithMarks(bridge: string, text: string, edits: readonly TextEdit[]): string {
  const groups = groupByLines(text, edits);
  let result = '';
  let position = 0;
  for (const { start, end, edits: own } of groups) {
    const lines = text.slice(start, end);
    const changed = apply(lines, start, own).replace(/^\r?\n/, '');
    result += text.slice(position, start);
    if (lines !== '') result += eachLine(lines, (line) => `${commentOf(bridge)} ${line}`);
    if (changed.trim() !== '') {
      if (!result.endsWith('\n')) result += '\n';
      result += eachLine(changed, (line) => line.replace(/\r?$/, `${newLine(bridge)}$&`));
    }
    position = end;
  }
  return result + text.slice(position);
}

/** Gives a file the lines back that {@link editWithMarks} made comments of. */
export function removeMarks(bridge: string, text: string): string {
  const [comment, own] = [`${commentOf(bridge)} `, newLine(bridge)];
  const kept = text.split('\n').filter((line) => !line.replace(/\r$/, '').endsWith(own));
  const whole = kept.map((line) => (line.startsWith(comment) ? line.slice(comment.length) : line));
  return whole.join('\n');
}

/** Tells whether a file has such comments. */
export function hasMarks(bridge: string, text: string): boolean {
  return text.split(/\r?\n/).some((line) => line.startsWith(`${commentOf(bridge)} `) || line.endsWith(newLine(bridge)));
}

function commentOf(bridge: string): string {
  return `# before ${bridge}:`;
}

function newLine(bridge: string): string {
  return ` # since ${bridge}, by kvm-play`;
}

interface LineGroup {
  readonly start: number;
  readonly end: number;
  readonly edits: readonly TextEdit[];
}

/** Whole lines that are changed, from the first to the last one; those that touch each other together. */
function groupByLines(text: string, edits: readonly TextEdit[]): readonly LineGroup[] {
  const groups: LineGroup[] = [];
  for (const edit of edits.toSorted((one, other) => one.start - other.start)) {
    const start = text.lastIndexOf('\n', edit.start - 1) + 1;
    const isLines = edit.end > edit.start || edit.text.endsWith('\n');
    const isWhole = edit.end > 0 && text[edit.end - 1] === '\n' && isLines;
    const next = text.indexOf('\n', edit.end);
    const end = isWhole ? edit.end : next === -1 ? text.length : next + 1;
    const last = groups.at(-1);
    if (last === undefined || last.end <= start) groups.push({ start, end, edits: [edit] });
    else groups[groups.length - 1] = { start: last.start, end: Math.max(last.end, end), edits: [...last.edits, edit] };
  }
  return groups;
}

function apply(lines: string, offset: number, edits: readonly TextEdit[]): string {
  return edits.reduceRight(
    (text, edit) => text.slice(0, edit.start - offset) + edit.text + text.slice(edit.end - offset),
    lines,
  );
}

function eachLine(text: string, change: (line: string) => string): string {
  const isWhole = text.endsWith('\n');
  const lines = (isWhole ? text.slice(0, -1) : text).split('\n').map(change).join('\n');
  return isWhole ? `${lines}\n` : lines;
}
