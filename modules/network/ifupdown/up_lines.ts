import { type InterfacesLine, interfacesLine } from '../../../lib/formats/interfaces.ts';
import { upWords } from './files.ts';
import { keptMark, markIn, restMark } from './marks.ts';

/**
 * A line such as `auto lo ens33 ens34` from which bridges have taken their ports: each of them keeps the line that it found, and below
 * stands what is left. A bridge that goes gives its ports back to all lines below its own.
 */
interface UpLines {
  readonly kept: readonly KeptLine[];
  /** Comments that somebody has written between the marks. */
  readonly between: readonly InterfacesLine[];
  /** The line in force; undefined where nothing is left. */
  readonly rest: InterfacesLine | undefined;
  /** Index of the line behind all these. */
  readonly end: number;
}

interface KeptLine {
  readonly bridge: string;
  readonly line: InterfacesLine;
}

/** Takes a bridge out of the lines that bring links up, and gives its ports back to them. */
export function restoreUpLines(lines: readonly InterfacesLine[], bridge: string): readonly InterfacesLine[] {
  const result: InterfacesLine[] = [];
  let index = 0;
  while (index < lines.length) {
    const found = upLinesAt(lines, index);
    if (found === undefined) result.push(...lines.slice(index, index + 1));
    else
      result.push(
        ...(found.kept.some((each) => each.bridge === bridge) ? without(found, bridge) : lines.slice(index, found.end)),
      );
    index = found?.end ?? index + 1;
  }
  return result;
}

function without({ kept, between, rest }: UpLines, bridge: string): readonly InterfacesLine[] {
  const [top] = kept;
  const all = [...kept.map(({ line }) => line), rest];
  const order = top === undefined ? [] : namesIn(top.line);
  let back: readonly string[] = [];
  const restored: InterfacesLine[] = [];
  for (const [index, { bridge: owner, line }] of kept.entries()) {
    if (owner === bridge) back = [...back, ...namesIn(line).filter((name) => !namesIn(all[index + 1]).includes(name))];
    else restored.push(...keptRows(owner, withNames(line, back, order, top?.line)));
    const isLast = index === kept.length - 1;
    if (owner !== bridge && (!isLast || rest !== undefined || back.length > 0)) restored.push({ raw: restMark(owner) });
  }
  const live = rest ?? interfacesLine(top?.line.key ?? '');
  const names = [...namesIn(rest), ...back];
  return [...restored, ...between, ...(names.length === 0 ? [] : [withNames(live, back, order, top?.line)])];
}

/** Adds names to a line, in the order of the first one; where it then says the same as that one, it is that one byte for byte. */
function withNames(
  line: InterfacesLine,
  added: readonly string[],
  order: readonly string[],
  top: InterfacesLine | undefined,
): InterfacesLine {
  if (added.length === 0) return line;
  const all = [...namesIn(line), ...added];
  const names = [...order.filter((name) => all.includes(name)), ...all.filter((name) => !order.includes(name))];
  const isTop = top !== undefined && names.join(' ') === order.join(' ');
  return isTop ? top : interfacesLine(`${line.key} ${names.join(' ')}`);
}

function upLinesAt(lines: readonly InterfacesLine[], start: number): UpLines | undefined {
  const kept: KeptLine[] = [];
  let index = start;
  for (;;) {
    const found = keptAt(lines, index);
    if (found === undefined) break;
    kept.push(found);
    index = found.end;
    const mark = markIn(lines[index]?.raw ?? '');
    if (mark?.kind !== 'rest' || mark.bridge !== found.bridge)
      return { kept, between: [], rest: undefined, end: index };
    index += 1;
  }
  if (kept.length === 0) return undefined;
  const at = lines.findIndex(({ key }, each) => each >= index && key !== undefined);
  const rest = at === -1 ? undefined : lines[at];
  const isRest =
    rest !== undefined && isUpLine(rest) && !lines.slice(index, at).some(({ raw }) => markIn(raw) !== undefined);
  return isRest
    ? { kept, between: lines.slice(index, at), rest, end: at + 1 }
    : { kept, between: [], rest: undefined, end: index };
}

/** Reads a kept line, which may go on in further comments behind backslashes. */
function keptAt(lines: readonly InterfacesLine[], start: number): (KeptLine & { readonly end: number }) | undefined {
  const rows: string[] = [];
  const first = markIn(lines[start]?.raw ?? '');
  let end = start;
  for (;;) {
    const mark = markIn(lines[end]?.raw ?? '');
    if (mark?.kind !== 'kept' || mark.bridge !== first?.bridge) break;
    rows.push(mark.text);
    end += 1;
    if (!mark.text.endsWith('\\')) break;
  }
  const line = interfacesLine(rows.join('\n'));
  return first === undefined || !isUpLine(line) ? undefined : { bridge: first.bridge, line, end };
}

function keptRows(bridge: string, { raw }: InterfacesLine): readonly InterfacesLine[] {
  return raw.split('\n').map((row) => ({ raw: keptMark(bridge, row) }));
}

function isUpLine({ key = '' }: InterfacesLine): boolean {
  return upWords.includes(key);
}

function namesIn(line: InterfacesLine | undefined): readonly string[] {
  return (line?.value ?? '').split(/\s+/).filter((name) => name !== '');
}
