import type { XMLParser } from 'fast-xml-parser';
import { BugError } from '../errors.ts';
import { scaled } from './capacity.ts';

/** Where a disk's data is. */
export type DiskSource =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'volume'; readonly pool: string; readonly volume: string };

/** A disk of a guest. */
export interface DomainDisk {
  /** `disk`, `cdrom`, `floppy` or `lun`. */
  readonly device: string;
  /** undefined for an empty drive, and for a source that is neither a path nor a volume. */
  readonly source: DiskSource | undefined;
  /** The format of its driver, e.g. `qcow2`. */
  readonly format: string | undefined;
  readonly bus: string | undefined;
  /** The name that the guest's definition gives it, e.g. `vda`. */
  readonly target: string | undefined;
}

/** A network interface of a guest. */
export interface DomainInterface {
  /** `bridge`, `network`, `direct`, `user` and so on. */
  readonly type: string;
  /** The bridge, network or device; undefined where the type has none. */
  readonly source: string | undefined;
  readonly mac: string | undefined;
  readonly model: string | undefined;
}

/** A screen of a guest. */
export interface DomainGraphics {
  /** `vnc`, `spice` and so on. */
  readonly type: string;
  /** The address that it listens on. */
  readonly listen: string | undefined;
  /** The port that was chosen by hand; undefined when libvirt chooses. */
  readonly port: number | undefined;
  /** Whether it has a password, which itself is not read. libvirt says so only when asked with `--security-info`. */
  readonly hasPassword: boolean;
}

/** What is read of a guest's XML. */
export interface Domain {
  /** The hypervisor: `kvm`, `qemu`, `test`. */
  readonly type: string;
  readonly name: string;
  readonly uuid: string;
  /** The path of its QEMU. */
  readonly emulator: string | undefined;
  /** The most memory that it can have, in bytes. */
  readonly memory: number;
  /** The memory that it has, in bytes. */
  readonly currentMemory: number;
  readonly vcpus: { readonly maximum: number; readonly current: number };
  /** How many processors its topology has; undefined where it has none. */
  readonly topology: number | undefined;
  /** How many NUMA cells it is divided into; undefined where it is not. */
  readonly cells: number | undefined;
  /** True where each processor is described by itself (`<vcpus>`). */
  readonly hasProcessorList: true | undefined;
  /** True where part of its memory is in modules (`<memory model='dimm'>`). */
  readonly hasMemoryModules: true | undefined;
  /** The most that it may have with memory modules, in bytes. */
  readonly memoryLimit: number | undefined;
  /** Bytes of the biggest of the huge pages that its memory is made of, where their size is named. */
  readonly hugePage: number | undefined;
  readonly disks: readonly DomainDisk[];
  readonly interfaces: readonly DomainInterface[];
  readonly graphics: readonly DomainGraphics[];
  /** Whether it keeps its firmware's settings in a file of its own (UEFI). */
  readonly hasNvram: boolean;
  /** Whether libvirt keeps the state of an emulated TPM for it, and removes that with the guest. */
  readonly hasTpmState: boolean;
}

/** What is read of a storage pool's XML. */
export interface Pool {
  readonly type: string;
  readonly name: string;
  /** The directory or device that holds it. */
  readonly path: string | undefined;
}

/** What is read of a volume's XML. */
export interface Volume {
  readonly name: string;
  /** Bytes. */
  readonly capacity: number;
  /** Bytes on disk. */
  readonly allocation: number;
  readonly path: string | undefined;
  readonly format: string | undefined;
}

/** What is read of a virtual network's XML. */
export interface Network {
  readonly name: string;
  readonly uuid: string | undefined;
  /** `nat`, `route`, `bridge` and so on; undefined for an isolated one. */
  readonly forward: string | undefined;
  readonly bridge: string | undefined;
  /** The host's address in it with the length of its prefix, e.g. `192.168.122.1/24`. The first IPv4 address counts. */
  readonly address: string | undefined;
  /** First and last address that are handed out. */
  readonly dhcp: { readonly start: string; readonly end: string } | undefined;
}

const lists: ReadonlySet<string> = new Set([
  'disk',
  'interface',
  'graphics',
  'ip',
  'range',
  'listen',
  'tpm',
  'cell',
  'page',
]);

let parser: XMLParser | undefined;

/** Loads the XML parser, which is slow, and which hosts without libvirt's objects do not need. Await it before parsing. */
export async function loadXmlParser(): Promise<void> {
  const { XMLParser } = await import('fast-xml-parser');
  parser ??= new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    parseTagValue: false,
    parseAttributeValue: false,
    htmlEntities: true,
    isArray: (name) => lists.has(name),
  });
}

/** Reads a guest: what `virsh dumpxml` prints, a definition below `/etc/libvirt/qemu` or a live state below `/run/libvirt/qemu`. @throws Error when it is none */
export function parseDomain(xml: string): Domain {
  const domain = root(xml, 'domain', 'domstatus');
  const devices = child(domain, 'devices');
  const memory = quantity(domain, 'memory');
  return {
    type: required(domain, '@type'),
    name: required(domain, 'name'),
    uuid: required(domain, 'uuid'),
    emulator: text(devices, 'emulator'),
    memory,
    currentMemory: domain.currentMemory === undefined ? memory : quantity(domain, 'currentMemory'),
    vcpus: readVcpus(domain),
    ...readLimits(domain),
    disks: children(devices, 'disk').map(readDisk),
    interfaces: children(devices, 'interface').map(readInterface),
    graphics: children(devices, 'graphics').map(readGraphics),
    hasNvram: hasNvram(child(domain, 'os')),
    hasTpmState: children(devices, 'tpm').some(hasTpmState),
  };
}

/** Reads a storage pool: what `virsh pool-dumpxml` prints, a definition below `/etc/libvirt/storage` or a live state. @throws Error when it is none */
export function parsePool(xml: string): Pool {
  const pool = root(xml, 'pool', 'poolstate');
  return { type: required(pool, '@type'), name: required(pool, 'name'), path: text(child(pool, 'target'), 'path') };
}

/** Reads a volume: what `virsh vol-dumpxml` prints. @throws Error when it is none */
export function parseVolume(xml: string): Volume {
  const volume = root(xml, 'volume');
  const target = child(volume, 'target');
  return {
    name: required(volume, 'name'),
    capacity: quantity(volume, 'capacity', 'bytes'),
    allocation: volume.allocation === undefined ? 0 : quantity(volume, 'allocation', 'bytes'),
    path: text(target, 'path'),
    format: text(child(target, 'format'), '@type'),
  };
}

/** Reads a virtual network: what `virsh net-dumpxml` prints, a definition below `/etc/libvirt/qemu/networks` or a live state. @throws Error when it is none */
export function parseNetwork(xml: string): Network {
  const network = root(xml, 'network', 'networkstatus');
  const ip = children(network, 'ip').find((item) => (text(item, '@family') ?? 'ipv4') === 'ipv4');
  const range = ip && children(child(ip, 'dhcp'), 'range')[0];
  return {
    name: required(network, 'name'),
    uuid: text(network, 'uuid'),
    forward: network.forward === undefined ? undefined : (text(child(network, 'forward'), '@mode') ?? 'nat'),
    bridge: text(child(network, 'bridge'), '@name'),
    address: ip && readAddress(ip),
    dhcp: range && { start: required(range, '@start'), end: required(range, '@end') },
  };
}

/** Writes a text as XML, inside an element or an attribute's quotes. */
export function escapeXml(value: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&apos;',
  };
  return value.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** An element of XML: its attributes (`@name`), its children, and its text (`#text`). */
export type Element = Readonly<Record<string, unknown>>;

/** Parses XML. @throws Error when it is none */
export function readDocument(xml: string): Element {
  if (parser === undefined) throw new BugError('XML is to be parsed, and the parser was not loaded');
  const document: unknown = parser.parse(xml, true);
  return isElement(document) ? document : {};
}

function root(xml: string, name: string, wrapper?: string): Element {
  const top = readDocument(xml);
  const found = top[name] ?? (wrapper === undefined ? undefined : child(top, wrapper)[name]);
  if (!isElement(found)) throw new Error(`libvirt's XML holds no <${name}>`);
  return found;
}

/** What fixes the number of processors and the amount of memory from elsewhere in the definition. */
function readLimits(
  domain: Element,
): Pick<Domain, 'topology' | 'cells' | 'hasProcessorList' | 'hasMemoryModules' | 'memoryLimit' | 'hugePage'> {
  const cpu = child(domain, 'cpu');
  const topology = child(cpu, 'topology');
  const levels = ['sockets', 'dies', 'clusters', 'cores', 'threads'];
  const cells = children(child(cpu, 'numa'), 'cell').length;
  const pages = children(child(child(domain, 'memoryBacking'), 'hugepages'), 'page');
  return {
    topology:
      cpu.topology === undefined
        ? undefined
        : levels.reduce((product, level) => product * Number(text(topology, `@${level}`) ?? '1'), 1),
    cells: cells > 0 ? cells : undefined,
    hasProcessorList: domain.vcpus === undefined ? undefined : true,
    hasMemoryModules: child(domain, 'devices').memory === undefined ? undefined : true,
    memoryLimit: domain.maxMemory === undefined ? undefined : quantity(domain, 'maxMemory'),
    hugePage: pages.length === 0 ? undefined : Math.max(...pages.map(pageSize)),
  };
}

function pageSize(page: Element): number {
  return scaled(text(page, '@size') ?? '', text(page, '@unit') ?? 'KiB') ?? 0;
}

/** libvirt before 9.2 keeps the file's name in no definition of a guest whose firmware it has chosen itself. */
function hasNvram(os: Element): boolean {
  return os.nvram !== undefined || text(os, '@firmware') === 'efi' || text(child(os, 'loader'), '@type') === 'pflash';
}

function hasTpmState(tpm: Element): boolean {
  const backend = child(tpm, 'backend');
  return text(backend, '@type') === 'emulator' && text(backend, '@persistent_state') !== 'yes';
}

function readVcpus(domain: Element): Domain['vcpus'] {
  const vcpu = domain.vcpu;
  const maximum = Number(text(domain, 'vcpu') ?? '1');
  const current = isElement(vcpu) ? text(vcpu, '@current') : undefined;
  return { maximum, current: current === undefined ? maximum : Number(current) };
}

function readDisk(disk: Element): DomainDisk {
  const target = child(disk, 'target');
  return {
    device: text(disk, '@device') ?? 'disk',
    source: readSource(child(disk, 'source')),
    format: text(child(disk, 'driver'), '@type'),
    bus: text(target, '@bus'),
    target: text(target, '@dev'),
  };
}

/** Reads where a disk's data is. */
export function readSource(source: Element): DiskSource | undefined {
  const path = text(source, '@file') ?? text(source, '@dev');
  if (path !== undefined) return { kind: 'path', path };
  const [pool, volume] = [text(source, '@pool'), text(source, '@volume')];
  return pool === undefined || volume === undefined ? undefined : { kind: 'volume', pool, volume };
}

function readInterface(nic: Element): DomainInterface {
  const source = child(nic, 'source');
  return {
    // A live interface is named by what its network came to (bridge, direct), and names the network as well, which comes first.
    type: text(source, '@network') === undefined ? required(nic, '@type') : 'network',
    source: text(source, '@network') ?? text(source, '@bridge') ?? text(source, '@dev'),
    mac: text(child(nic, 'mac'), '@address')?.toLowerCase(),
    model: text(child(nic, 'model'), '@type'),
  };
}

function readGraphics(graphics: Element): DomainGraphics {
  const listens = children(graphics, 'listen');
  const port = Number(text(graphics, '@port') ?? '-1');
  return {
    type: required(graphics, '@type'),
    listen:
      listens.map((item) => text(item, '@address')).find((item) => item !== undefined) ?? text(graphics, '@listen'),
    port: port > 0 && text(graphics, '@autoport') !== 'yes' ? port : undefined,
    hasPassword: text(graphics, '@passwd') !== undefined,
  };
}

function readAddress(ip: Element): string | undefined {
  const address = text(ip, '@address');
  if (address === undefined) return undefined;
  const prefix = text(ip, '@prefix') ?? prefixOf(text(ip, '@netmask') ?? '255.255.255.0');
  return `${address}/${prefix}`;
}

function prefixOf(netmask: string): string {
  const bits = netmask.split('.').map((part) => Number(part).toString(2).padStart(8, '0'));
  return String(bits.join('').replace(/0+$/, '').length);
}

function quantity(element: Element, name: string, unit = 'KiB'): number {
  const value = element[name];
  const bytes = scaled(required(element, name), (isElement(value) ? text(value, '@unit') : undefined) ?? unit);
  if (bytes === undefined) throw new Error(`libvirt's XML holds a <${name}> that is no size`);
  return bytes;
}

function required(element: Element, name: string): string {
  const value = text(element, name);
  if (value === undefined) throw new Error(`libvirt's XML lacks ${name}`);
  return value;
}

/** The text of an attribute (`@name`) or of a child element, which stands in `#text` where that has attributes. */
export function text(element: Element, name: string): string | undefined {
  const value = element[name];
  const inside = isElement(value) ? value['#text'] : value;
  return typeof inside === 'string' && inside !== '' ? inside : undefined;
}

/** A child element; an empty one where there is none. */
export function child(element: Element, name: string): Element {
  const value = element[name];
  return isElement(value) ? value : {};
}

/** All child elements of a name that is listed in {@link lists}; one without attributes has its text alone. */
export function children(element: Element, name: string): readonly Element[] {
  const value = element[name];
  if (!Array.isArray(value)) return [];
  return value.map((item: unknown) => (isElement(item) ? item : { '#text': item }));
}

/** Says whether a parsed value is an element. */
export function isElement(value: unknown): value is Element {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
