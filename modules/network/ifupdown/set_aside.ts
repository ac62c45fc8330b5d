import { type InterfacesLine, interfacesLine } from '../../../lib/formats/interfaces.ts';
import { isBridgeLine, isHook, isInet6, isLinkLine, optionName, type Stanza } from './lines.ts';

/**
 * What a task does not name and cannot stay beside what it names is set aside in comments of the bridge's stanza, and comes back with
 * what it belongs to: `# with DHCP: hostname kvm`, `# with IPv6: inet6 dhcp`.
 */

/** What lines are set aside for. */
export type Occasion = 'DHCP' | 'a static address' | 'IPv6';

const optionsOfMethod: Readonly<Record<Exclude<Occasion, 'IPv6'>, readonly string[]>> = {
  DHCP: ['hostname', 'leasehours', 'leasetime', 'vendor', 'client'],
  'a static address': ['pointopoint', 'scope'],
};

const head = (occasion: Occasion): string => `# with ${occasion}: `;

/** Says which of some lines of IPv4 stanzas have a meaning on an occasion only that is not the one at hand. */
export function linesForOthers(
  lines: readonly InterfacesLine[],
  occasion: Occasion | undefined,
): ReadonlyMap<Occasion, readonly InterfacesLine[]> {
  const found = new Map<Occasion, readonly InterfacesLine[]>();
  for (const other of ['DHCP', 'a static address'] as const) {
    const names = optionsOfMethod[other];
    if (other !== occasion)
      found.set(
        other,
        lines.filter((line) => names.includes(optionName(line) ?? '')),
      );
  }
  return found;
}

/** Sets lines aside: in front of the options of the bridge, so that they stand inside of a stanza. */
export function setAside<Kind extends Stanza>(
  stanzas: readonly Kind[],
  occasion: Occasion,
  lines: readonly InterfacesLine[],
): readonly Kind[] {
  const rows = lines.flatMap(({ raw }) => raw.split('\n')).map((row) => ({ raw: `    ${head(occasion)}${row}` }));
  const found = stanzas.findIndex((stanza) => stanza.lines.some(isBridgeLine));
  const target = Math.max(found, 0);
  return stanzas.map((stanza, index) => (index === target ? { ...stanza, lines: [...rows, ...stanza.lines] } : stanza));
}

/** Takes what was set aside for an occasion out of stanzas. */
export function takeBack<Kind extends Stanza>(
  stanzas: readonly Kind[],
  occasion: Occasion,
): { readonly stanzas: readonly Kind[]; readonly lines: readonly InterfacesLine[] } {
  const rows = stanzas
    .flatMap(({ lines }) => lines)
    .flatMap(({ raw }) => (isFor(occasion, raw) ? [raw.trimStart().slice(head(occasion).length)] : []));
  const lines: InterfacesLine[] = [];
  for (const row of rows) {
    const last = lines.at(-1)?.raw;
    if (last?.endsWith('\\')) lines[lines.length - 1] = interfacesLine(`${last}\n${row}`);
    else lines.push(interfacesLine(row));
  }
  const left = stanzas.map((stanza) => ({
    ...stanza,
    lines: stanza.lines.filter(({ raw }) => !isFor(occasion, raw)),
  }));
  return { stanzas: rows.length === 0 ? stanzas : left, lines };
}

function isFor(occasion: Occasion, raw: string): boolean {
  return raw.trimStart().startsWith(head(occasion));
}

/** Takes IPv6 stanzas away and sets them aside. Their lines about the bridge, the link and name servers stay. */
export function setStanzasAside<Kind extends Stanza>(
  stanzas: readonly Kind[],
  isUnwanted: (stanza: Stanza) => boolean,
): readonly Kind[] {
  const gone = stanzas.filter(isUnwanted);
  const left = stanzas.filter((stanza) => !isUnwanted(stanza));
  const staying = gone.flatMap(({ lines }) => lines.filter(isCommon));
  const aside = gone.flatMap(({ family, method, lines }) => [
    interfacesLine(`${family} ${method}`),
    ...lines.filter((line) => !isCommon(line) && line.raw.trim() !== ''),
  ]);
  const [first, ...others] = left;
  if (first === undefined || gone.length === 0) return stanzas;
  return setAside([{ ...first, lines: [...first.lines, ...staying] }, ...others], 'IPv6', aside);
}

/** Gives stanzas back that were set aside. Static ones do not come back where the bridge has others by now. */
export function takeStanzasBack<Kind extends Stanza>(
  stanzas: readonly Kind[],
): readonly (Kind | { readonly family: string; readonly method: string; readonly lines: readonly InterfacesLine[] })[] {
  const { stanzas: left, lines } = takeBack(stanzas, 'IPv6');
  const found: { family: string; method: string; lines: InterfacesLine[] }[] = [];
  for (const line of lines) {
    if (line.key === 'inet6') found.push({ family: 'inet6', method: line.value ?? '', lines: [] });
    else found.at(-1)?.lines.push(line);
  }
  const hasStatic = left.some((stanza) => isInet6(stanza) && stanza.method === 'static');
  return [...left, ...found.filter(({ method }) => !hasStatic || method !== 'static')];
}

function isCommon(line: InterfacesLine): boolean {
  const name = optionName(line) ?? '';
  if (isBridgeLine(line) || isLinkLine(line)) return true;
  return !isHook(line) && (name === 'mtu' || name.startsWith('dns-'));
}
