import {
  formatInterfaces,
  type InterfacesFile,
  type InterfacesLine,
  ifaceStanzas,
  interfacesLine,
  namesBehind,
  parseInterfaces,
} from '../../../lib/formats/interfaces.ts';
import { type Step, writeFile } from '../../../lib/task/step.ts';
import type { BridgeSettings, BridgeState } from '../bridge_state.ts';
import type { LiveBridge } from '../live.ts';
import {
  addBehind,
  applyEdits,
  commentStanza,
  commentUpLines,
  type Edits,
  newBlock,
  removeUpLines,
  replaceStanzas,
  restoreOriginal,
  stanzaLines,
} from './edit.ts';
import {
  autoWords,
  type IfupdownFile,
  type IfupdownFiles,
  isNamedBehind,
  mainFile,
  stanzasOf,
  upWords,
} from './files.ts';
import { type Leases, moveIdentity, removeLeases } from './leases.ts';
import { isLinkLine } from './lines.ts';
import { addressingOf, portsIn } from './settings.ts';
import { isSameAddressing, type NewStanza, stanzasForPort, stanzasOfPort, wantedStanzas } from './stanzas.ts';

/**
 * Tells whether a port is brought up by itself, before the bridge: its stanza makes the link (a bond, a VLAN), or sets something of it
 * that nobody else would set.
 */
export function isBroughtUp(files: IfupdownFiles, port: string, { details }: LiveBridge): boolean {
  const kind = details.find(({ name }) => name === port)?.kind ?? '';
  return isMade(kind) || stanzasOf(files, port).some(({ lines }) => lines.some(isLinkLine));
}

/** Tells whether ifupdown makes links of a kind. */
export function isMade(kind: string): boolean {
  return kind === 'bond' || kind === 'vlan';
}

/** What of a port's stanzas and of the lines that bring it up addresses the host. */
export function portAddressing(files: IfupdownFiles, port: string, live: LiveBridge): readonly string[] {
  const stanzas = stanzasOf(files, port);
  const comesUp = isNamedBehind(files, upWords, port) && !isBroughtUp(files, port, live);
  return [...new Set([...(comesUp ? ['auto'] : []), ...addressingOf(stanzas)])];
}

/** Makes the stanzas of a bridge as they are once they are written. */
export function bridgeStanzas(
  { name, portNames }: BridgeState,
  wanted: BridgeSettings,
  files: IfupdownFiles,
  { macs }: LiveBridge,
): readonly NewStanza[] {
  const [first = ''] = portNames.value;
  const before = stanzasOf(files, name);
  const start =
    before.length > 0
      ? before.map((origin) => ({ family: origin.family, method: origin.method, lines: origin.lines, origin }))
      : stanzasOfPort(stanzasOf(files, first));
  return wantedStanzas(start, wanted, before.length === 0, portNames.value, { port: first, mac: macs[first] });
}

/** Makes the steps that write a bridge. */
export function create(
  desired: BridgeState,
  wanted: BridgeSettings,
  actual: BridgeSettings | undefined,
  files: IfupdownFiles,
  live: LiveBridge,
  leases: Leases,
): readonly Step[] {
  const { name, portNames } = desired;
  const ports = portNames.value;
  const [first = ''] = ports;
  const stanzas = bridgeStanzas(desired, wanted, files, live);
  const isNew = actual === undefined;
  const edits = new Map<IfupdownFile, Edits>(files.files.map((file) => [file, new Map()]));
  const taken = ports.filter((port) => portAddressing(files, port, live).length > 0);
  // A link that no stanza names cannot be brought up by hand afterwards.
  const named = ports.filter((port) => taken.includes(port) || (isNew && stanzasOf(files, port).length === 0));
  for (const port of taken) takeFromPort(files, edits, name, port, isBroughtUp(files, port, live));
  const manual = named.flatMap((port) => [...portLines(files, port), interfacesLine('')]);
  const isAuto = wanted.onboot !== false;
  const made = [...(isAuto ? [interfacesLine(`auto ${name}`)] : []), ...stanzaLines(name, stanzas)];
  const block = [...manual, ...(isNew ? made : [])];
  if (!isNew) rewriteBridge(files, edits, name, stanzas, isAuto);
  const anchor = anchorOf(files, [...named, first, name]);
  if (anchor !== undefined && block.length > 0) {
    const lines = isNew ? block : block.slice(0, -1);
    addBehind(anchor.file.content, edits.get(anchor.file) ?? new Map(), anchor.index, newBlock(name, lines));
  }
  const written = files.files.flatMap((file) => {
    const text = applyEdits(file.content, edits.get(file) ?? new Map());
    return writeIfNew(file, isAuto ? text : formatInterfaces(removeUpLines(parseInterfaces(text), name)));
  });
  // A server that goes by the client id gives the bridge the port's address by this alone.
  return [...(isNew ? moveIdentity(leases, first, name) : []), ...written];
}

/** Makes the steps that give the ports back what they had. */
export function remove(desired: BridgeState, files: IfupdownFiles, leases: Leases): readonly Step[] {
  const { name, portNames } = desired;
  const [first = ''] = portNames.value;
  const isDescribed = stanzasOf(files, name).length > 0;
  const returned = returnedFiles(desired, files);
  const written = files.files.flatMap((file) => writeIfNew(file, returned.get(file.path) ?? file.text.text));
  return [...(isDescribed ? moveIdentity(leases, name, first) : []), ...written, ...removeLeases(leases, name)];
}

/** Writes all files as they are without the bridge, by their paths. */
function returnedFiles({ name, portNames }: BridgeState, files: IfupdownFiles): ReadonlyMap<string, string> {
  const ports = portNames.value;
  const [first = ''] = ports;
  const bridge = stanzasOf(files, name);
  const restored = files.files.map(({ path, content }) => ({
    path,
    content: restoreOriginal(content, name, [name, ...ports]),
  }));
  const own = restored.flatMap(({ content }) => ifaceStanzas(content, first));
  // The host is reached where the bridge is now: what has changed since moves back to the port.
  const isMoved = bridge.length > 0 && !isSameAddressing(bridge, own) && portsIn(bridge).includes(first);
  const home =
    restored.find(({ content }) => ifaceStanzas(content, first).length > 0)?.path ?? bridge[0]?.file.path ?? mainFile;
  const isUp = restored.some(({ content }) => isNamedIn(content, first));
  const results = restored.map(({ path, content }) => {
    let result = content;
    if (ifaceStanzas(result, name).length > 0) result = removeUpLines(replaceStanzas(result, name, []), name);
    else if (isNamedIn(result, name)) result = removeUpLines(result, name);
    if (isMoved) {
      result = replaceStanzas(result, first, path === home ? stanzasForPort(bridge, own) : []);
      if (path === home && !isUp) result = withAuto(result, first);
    }
    return [path, formatInterfaces(result)] as const;
  });
  return new Map(results);
}

function isNamedIn(content: InterfacesFile, link: string): boolean {
  return namesBehind(content, upWords).includes(link);
}

function withAuto(file: InterfacesFile, link: string): InterfacesFile {
  const at = ifaceStanzas(file, link)[0]?.start ?? file.lines.length;
  return { ...file, lines: [...file.lines.slice(0, at), interfacesLine(`auto ${link}`), ...file.lines.slice(at)] };
}

function takeFromPort(
  files: IfupdownFiles,
  edits: ReadonlyMap<IfupdownFile, Edits>,
  bridge: string,
  port: string,
  isKeptUp: boolean,
): void {
  for (const stanza of stanzasOf(files, port)) {
    commentStanza(stanza.file.content, edits.get(stanza.file) ?? new Map(), bridge, stanza);
  }
  if (isKeptUp) return;
  for (const file of files.files) commentUpLines(file.content, edits.get(file) ?? new Map(), bridge, port);
}

/** The stanza of a port: nothing but what belongs to the link itself. */
function portLines(files: IfupdownFiles, port: string): readonly InterfacesLine[] {
  const lines = stanzasOf(files, port).flatMap((stanza) => stanza.lines.filter(isLinkLine));
  return [interfacesLine(`iface ${port} inet manual`), ...lines];
}

/** Behind the last stanza of the first link that has one; else at the end of the main file. */
function anchorOf(
  files: IfupdownFiles,
  links: readonly string[],
): { readonly file: IfupdownFile; readonly index: number } | undefined {
  const found = links.flatMap((link) => stanzasOf(files, link).slice(-1))[0];
  if (found !== undefined) return { file: found.file, index: found.end - 1 };
  const [main] = files.files;
  return main && { file: main, index: main.content.lines.length };
}

function rewriteBridge(
  files: IfupdownFiles,
  edits: ReadonlyMap<IfupdownFile, Edits>,
  name: string,
  stanzas: readonly NewStanza[],
  isAuto: boolean,
): void {
  const before = stanzasOf(files, name);
  for (const origin of before) {
    const of = edits.get(origin.file) ?? new Map();
    const now = stanzas.find((stanza) => stanza.origin?.file === origin.file && stanza.origin.start === origin.start);
    if (now !== undefined && now.method === origin.method && isSameLines(now.lines, origin.lines)) continue;
    for (let index = origin.start; index < origin.end; index += 1) of.set(index, []);
    of.set(origin.start, now === undefined ? [] : stanzaLines(name, [now]));
  }
  const last = before.at(-1);
  const [first] = before;
  if (last === undefined || first === undefined) return;
  const added = stanzas.filter(({ origin }) => origin === undefined);
  addBehind(last.file.content, edits.get(last.file) ?? new Map(), last.end - 1, stanzaLines(name, added));
  if (!isAuto || isNamedBehind(files, autoWords, name)) return;
  const of = edits.get(first.file) ?? new Map();
  const head = of.get(first.start) ?? first.file.content.lines.slice(first.start, first.start + 1);
  of.set(first.start, [interfacesLine(`auto ${name}`), ...head]);
}

function isSameLines(one: readonly InterfacesLine[], other: readonly InterfacesLine[]): boolean {
  return one.length === other.length && one.every(({ raw }, index) => raw === other[index]?.raw);
}

function writeIfNew({ path, text: before }: IfupdownFile, text: string): readonly Step[] {
  if (text === before.text) return [];
  return [writeFile(path, text, { before })];
}

/** The stanzas of a port before it became one. */
export function oldStanzas({ name, portNames }: BridgeState, files: IfupdownFiles, port: string): readonly NewStanza[] {
  return files.files.flatMap(({ content }) =>
    ifaceStanzas(restoreOriginal(content, name, [name, ...portNames.value]), port),
  );
}
