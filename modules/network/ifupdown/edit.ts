import {
  formatInterfaces,
  type IfaceStanza,
  type InterfacesFile,
  type InterfacesLine,
  ifaceStanzas,
  interfacesLine,
  parseInterfaces,
  startsStanza,
} from '../../../lib/formats/interfaces.ts';
import { upWords } from './files.ts';
import { beginMark, endMark, keptMark, markIn, restMark } from './marks.ts';
import type { NewStanza } from './stanzas.ts';
import { restoreUpLines } from './up_lines.ts';

/**
 * Edits of one file in which the old text stays behind, in comments: `# before br0: auto ens33`. What is new stands between two
 * comments, so that the way back needs nothing but the file, and gives every byte back.
 */

/** Lines of a file by their indices, and what is to stand in their place. */
export type Edits = Map<number, readonly InterfacesLine[]>;

/** Writes a file in which some lines are replaced. */
export function applyEdits(file: InterfacesFile, edits: Edits): string {
  const lines = file.lines.flatMap((line, index) => edits.get(index) ?? [line]);
  const behind = edits.get(file.lines.length) ?? [];
  return formatInterfaces({ ...file, lines: [...lines, ...behind] });
}

/** Adds lines behind what stands in place of another one. */
export function addBehind(file: InterfacesFile, edits: Edits, index: number, lines: readonly InterfacesLine[]): void {
  const at = file.lines[index];
  edits.set(index, [...(edits.get(index) ?? (at === undefined ? [] : [at])), ...lines]);
}

/** Turns the stanzas of a port into comments. */
export function commentStanza(file: InterfacesFile, edits: Edits, bridge: string, stanza: IfaceStanza): void {
  for (let index = stanza.start; index < stanza.end; index += 1) commentLine(file, edits, bridge, index);
}

/** Takes a link from the lines `auto` and `allow-hotplug`; other links stay there. */
export function commentUpLines(file: InterfacesFile, edits: Edits, bridge: string, link: string): void {
  for (const [index, { key = '', value = '' }] of file.lines.entries()) {
    const names = value.split(/\s+/);
    if (!upWords.includes(key) || !names.includes(link)) continue;
    const before = edits.get(index);
    // Another port of the same bridge stood in this line too.
    const rest = (before === undefined ? names : (before.at(-1)?.value ?? '').split(/\s+/)).filter(
      (name) => name !== link && name !== '',
    );
    commentLine(file, edits, bridge, index);
    if (rest.length === 0) continue;
    addBehind(file, edits, index, [comment(restMark(bridge)), interfacesLine(`${key} ${rest.join(' ')}`)]);
  }
}

/** Makes the lines that are new, between their two comments. */
export function newBlock(bridge: string, lines: readonly InterfacesLine[]): readonly InterfacesLine[] {
  return [comment(beginMark(bridge)), ...lines, comment(endMark(bridge))];
}

/** Writes stanzas of a link, a blank line between what belongs to different links is for the caller. */
export function stanzaLines(link: string, stanzas: readonly NewStanza[]): readonly InterfacesLine[] {
  return stanzas.flatMap(({ family, method, lines }) => [
    interfacesLine(`iface ${link} ${family} ${method}`),
    ...lines,
  ]);
}

/** Tells whether a file keeps text from before a bridge was made. */
export function keepsOriginal(file: InterfacesFile, bridge: string): boolean {
  return file.lines.some(({ raw }) => {
    const mark = markIn(raw);
    return mark?.bridge === bridge && (mark.kind === 'begin' || mark.kind === 'kept');
  });
}

/**
 * Gives a file back as it was before a bridge was made. Stanzas of other links that somebody has written between the comments stay, and
 * so does what other bridges keep.
 * @param links the bridge and its ports
 */
export function restoreOriginal(file: InterfacesFile, bridge: string, links: readonly string[]): InterfacesFile {
  const lines: InterfacesLine[] = [];
  let isInside = false;
  let isOwn = true;
  for (const line of restoreUpLines(file.lines, bridge)) {
    const mark = markIn(line.raw);
    if (mark?.bridge !== bridge) {
      // What another bridge keeps or has made is its own, and the comments around it.
      if (mark !== undefined) isOwn = false;
      if (isInside && line.key !== undefined && startsStanza(line.key)) isOwn = isAbout(line, links);
      if (!isInside || !isOwn) lines.push(line);
    } else if (mark.kind === 'kept') lines.push({ raw: mark.text });
    else if (mark.kind !== 'rest') {
      isInside = mark.kind === 'begin';
      isOwn = true;
    }
  }
  return parseInterfaces(formatInterfaces({ ...file, lines }));
}

/** Replaces the stanzas of a link, in the place of its first one; without any, they and `auto` come at the end. */
export function replaceStanzas(file: InterfacesFile, link: string, stanzas: readonly NewStanza[]): InterfacesFile {
  const edits: Edits = new Map();
  const old = ifaceStanzas(file, link);
  for (const [position, { start, end: behind }] of old.entries()) {
    for (let index = start; index < behind; index += 1) edits.set(index, []);
    if (position === 0) edits.set(start, stanzaLines(link, stanzas));
  }
  if (old.length === 0) {
    edits.set(file.lines.length, stanzas.length === 0 ? [] : [...stanzaLines(link, stanzas)]);
  }
  return parseInterfaces(applyEdits(file, edits));
}

/** Takes a link out of all lines that bring links up, and removes what is empty then. */
export function removeUpLines(file: InterfacesFile, link: string): InterfacesFile {
  const lines = file.lines.flatMap((line) => {
    const names = (line.value ?? '').split(/\s+/);
    if (line.key === undefined || !upWords.includes(line.key) || !names.includes(link)) return [line];
    const rest = names.filter((name) => name !== link);
    return rest.length === 0 ? [] : [interfacesLine(`${line.key} ${rest.join(' ')}`)];
  });
  return { ...file, lines };
}

function isAbout({ key = '', value = '' }: InterfacesLine, links: readonly string[]): boolean {
  const names = value.split(/\s+/);
  if (key === 'iface') return links.includes(names[0] ?? '');
  return upWords.includes(key) && names.every((name) => links.includes(name));
}

function commentLine(file: InterfacesFile, edits: Edits, bridge: string, index: number): void {
  const raw = file.lines[index]?.raw ?? '';
  const rows = raw.split('\n').map((row) => comment(keptMark(bridge, row)));
  edits.set(index, rows);
}

function comment(raw: string): InterfacesLine {
  return { raw };
}
