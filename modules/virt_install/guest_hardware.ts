import {
  child,
  children,
  type Domain,
  type Element,
  isElement,
  readDocument,
  text,
} from '../../lib/formats/libvirt_xml.ts';
import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';
import { nearest } from '../../lib/validation/nearest.ts';
import type { Connection } from '../libvirt/libvirt.ts';
import { virshRule } from '../libvirt/merge_rule.ts';
import type { GuestHardware } from './guest.ts';

/** What a host's QEMU can give to guests; what is undefined could not be asked. */
interface Capabilities {
  readonly emulator: string | undefined;
  readonly buses: readonly string[] | undefined;
  readonly consoles: readonly string[] | undefined;
  readonly maximum: number | undefined;
}

/** Models that libvirt has other names for than QEMU. */
const deviceNames: Readonly<Record<string, string>> = {
  'virtio-transitional': 'virtio-net-pci-transitional',
  'virtio-non-transitional': 'virtio-net-pci-non-transitional',
};

/**
 * Says what is wanted for a guest and is nothing that the host's QEMU has: libvirt takes it into the definition, and fails when
 * the guest starts. Wakes nothing; asks only where something of the kind is to be changed.
 * @param view what the guest has; undefined for a new one
 */
export async function unknownHardware(
  host: ReadonlyHost,
  connection: Connection,
  wanted: GuestHardware,
  view: GuestHardware | undefined,
  definition: Domain | undefined,
): Promise<readonly string[]> {
  const models = Object.entries(wanted.networks ?? {}).flatMap(([number, { model }]) =>
    model === undefined || model === 'virtio' || model === view?.networks?.[number]?.model ? [] : [model],
  );
  const buses = Object.entries(wanted.disks ?? {}).flatMap(([number, { bus }]) =>
    bus === undefined || view?.disks?.[number] !== undefined ? [] : [bus],
  );
  const consoles = [wanted.graphics?.type ?? 'none'].filter((type) => type !== 'none' && type !== view?.graphics?.type);
  const { vcpus } = wanted;
  const processors = vcpus === undefined || vcpus === view?.vcpus ? [] : [Number(vcpus)];
  const isAsked = view === undefined || models.length + buses.length + consoles.length + processors.length > 0;
  if (!isAsked || connection.look !== 'virsh') return [];
  const virtType = view?.virtType ?? wanted.virtType ?? 'kvm';
  const capabilities = await readCapabilities(host, connection, virtType);
  if (typeof capabilities === 'string') return view === undefined ? [capabilities] : [];
  const { maximum } = capabilities;
  return [
    ...buses.flatMap((bus) => unknown('no bus', bus, capabilities.buses)),
    ...consoles.flatMap((type) => unknown('no console', type, capabilities.consoles)),
    ...processors.flatMap((count) =>
      maximum === undefined || count <= maximum
        ? []
        : [`wanted are ${count} processors, and QEMU on this host gives a guest ${maximum} at most`],
    ),
    ...(await unknownModels(host, definition?.emulator ?? capabilities.emulator, models)),
  ];
}

function unknown(what: string, wanted: string, known: readonly string[] | undefined): readonly string[] {
  if (known === undefined || known.length === 0 || known.includes(wanted)) return [];
  const close = nearest(wanted, known);
  return [
    `QEMU on this host has ${what} '${wanted}'${close === undefined ? '' : ` (is it '${close}'?)`}; it has ${known.join(', ')}`,
  ];
}

/** Asks libvirt. @returns why guests of this type cannot run at all, where it says so */
async function readCapabilities(
  host: ReadonlyHost,
  { uri }: Connection,
  virtType: string,
): Promise<Capabilities | string> {
  const argv = ['virsh', '-c', uri, 'domcapabilities', '--virttype', virtType];
  const { exitCode, stdout, stderr } = await host.query(argv, { timeLimit: 60, mergeRule: virshRule });
  const nothing = { emulator: undefined, buses: undefined, consoles: undefined, maximum: undefined };
  if (exitCode !== 0) {
    if (!/not supported|does not support|no emulator/i.test(stderr)) return nothing;
    const remedy = virtType === 'kvm' ? "; virtType: 'qemu' works without KVM, slowly" : '';
    return `this host cannot run guests of the type '${virtType}': ${stderr.trim().replaceAll(/\s+/g, ' ')}${remedy}`;
  }
  const top = child(readDocument(stdout), 'domainCapabilities');
  const devices = child(top, 'devices');
  const maximum = Number(text(child(top, 'vcpu'), '@max') ?? 'NaN');
  return {
    emulator: text(top, 'path'),
    buses: values(devices, 'disk', 'bus'),
    consoles: values(devices, 'graphics', 'type'),
    maximum: Number.isNaN(maximum) ? undefined : maximum,
  };
}

/** The values that libvirt lists for an aspect of a kind of device. */
function values(devices: Element, kind: string, aspect: string): readonly string[] | undefined {
  const device = devices[kind];
  const element = Array.isArray(device) ? device.find(isElement) : device;
  if (!isElement(element)) return undefined;
  const list = children(element, 'enum').find((item) => text(item, '@name') === aspect);
  return list && children(list, 'value').flatMap((item) => text(item, '#text') ?? []);
}

/** Asks QEMU itself for its network cards: libvirt lists them nowhere. */
async function unknownModels(
  host: ReadonlyHost,
  emulator: string | undefined,
  models: readonly string[],
): Promise<readonly string[]> {
  if (models.length === 0 || emulator === undefined) return [];
  const { exitCode, stdout, stderr } = await host.query([emulator, '-device', 'help']);
  const section = /^Network devices:\n([\s\S]*?)(\n\n|$(?![\s\S]))/m.exec(`${stdout}\n${stderr}`)?.[1];
  if (exitCode !== 0 || section === undefined) return [];
  const names = [...section.matchAll(/\b(?:name|alias) "([^"]+)"/g)].flatMap(([, name]) => name ?? []);
  return models.flatMap((model) => {
    if (names.includes(deviceNames[model] ?? model)) return [];
    const close = nearest(model, ['virtio', ...names]);
    return [
      `QEMU on this host has no network card '${model}'${close === undefined ? '' : ` (is it '${close}'?)`}: see '${emulator} -device help'`,
    ];
  });
}
