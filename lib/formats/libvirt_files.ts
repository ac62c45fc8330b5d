import { child, type DiskSource, type Element, isElement, readDocument, readSource, text } from './libvirt_xml.ts';

/** One file that a guest, or a snapshot of it, names. */
export interface NamedFile {
  readonly source: DiskSource;
  /** The disk's name in the guest, e.g. `vda`; undefined for what is no disk. */
  readonly target: string | undefined;
  /** True for what the disk only stands on (`<backingStore>`): the guest does not write to it. */
  readonly isBelow: boolean;
  readonly isReadonly: boolean;
  /** True where the guest takes the file's bytes as they are, whatever they say of themselves. */
  readonly isRaw: boolean;
}

/** What is read of any of libvirt's texts about a guest: which files it names, for whatever purpose. */
export interface NamedFiles {
  readonly guest: string;
  /** The name of the snapshot or checkpoint; that of the guest where it is about the guest itself. */
  readonly name: string;
  readonly files: readonly NamedFile[];
}

/** Elements whose text is a path. */
const paths: ReadonlySet<string> = new Set(['kernel', 'initrd', 'dtb', 'nvram', 'loader']);

/**
 * Reads which files a guest names: disks with everything below them, mirrors of block jobs, media, firmware, kernels.
 * @param xml a guest's definition or live XML, a state file of a running one, a snapshot or a checkpoint
 * @throws Error when it is none
 */
export function parseNamedFiles(xml: string): NamedFiles {
  const document = readDocument(xml);
  const top = ['domainsnapshot', 'domaincheckpoint', 'domstatus', 'domain']
    .map((name) => document[name])
    .find(isElement);
  if (top === undefined) throw new Error("libvirt's XML holds no <domain> and no snapshot");
  const domain =
    [child(top, 'domain'), child(top, 'inactiveDomain'), top].find((each) => each.uuid !== undefined) ?? top;
  const guest = text(domain, 'name') ?? '';
  return { guest, name: text(top, 'name') ?? guest, files: [...walk(top, { isBelow: false })] };
}

interface Place {
  readonly isBelow: boolean;
  readonly disk?: Element;
}

function* walk(element: Element, place: Place): Generator<NamedFile> {
  for (const [name, value] of Object.entries(element)) {
    if (paths.has(name)) yield* named(text(element, name), place);
    if (name === '@file') yield* named(text(element, name), place);
    const inside: readonly unknown[] = Array.isArray(value) ? value : [value];
    for (const item of inside) {
      if (!isElement(item)) continue;
      if (name === 'source') yield* source(item, place);
      yield* walk(name === 'source' ? withoutFile(item) : item, placeOf(name, item, place));
    }
  }
}

function placeOf(name: string, item: Element, place: Place): Place {
  if (name === 'disk') return { isBelow: false, disk: item };
  return name === 'backingStore' ? { ...place, isBelow: true } : place;
}

function* source(item: Element, place: Place): Generator<NamedFile> {
  const found = readSource(item);
  if (found?.kind === 'volume') yield { source: found, ...aspects(place) };
  else yield* named(found?.path ?? text(item, '@path'), place);
}

function* named(path: string | undefined, place: Place): Generator<NamedFile> {
  // The source of an interface is a device's name, and no path.
  if (path?.startsWith('/')) yield { source: { kind: 'path', path }, ...aspects(place) };
}

function aspects({ disk, isBelow }: Place): Omit<NamedFile, 'source'> {
  const device = disk && (text(disk, '@device') ?? 'disk');
  return {
    target: disk && (text(child(disk, 'target'), '@dev') ?? text(disk, '@name')),
    isBelow,
    isReadonly: disk?.readonly !== undefined || device === 'cdrom',
    isRaw: !isBelow && disk !== undefined && text(child(disk, 'driver'), '@type') === 'raw',
  };
}

function withoutFile(item: Element): Element {
  return Object.fromEntries(Object.entries(item).filter(([name]) => name !== '@file'));
}
