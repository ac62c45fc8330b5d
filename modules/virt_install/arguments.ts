import { isIP } from 'node:net';
import * as v from 'valibot';
import type { GivenArguments, SchemaEntries } from '../../lib/task/argument_types.ts';
import { absolutePath, found, line } from '../../lib/validation/schemas.ts';
import { objectName, uriSchema } from '../libvirt/libvirt.ts';

/** A disk of a guest: a path, or a volume of a pool. */
export type DiskArgs =
  | string
  | {
      /** The absolute path of a file or device. */
      readonly path: string;
      /** How the guest sees it, e.g. `virtio`. Default: virt-install's choice for the system. */
      readonly bus?: string | undefined;
      /** Default: what libvirt finds in the file. */
      readonly format?: 'qcow2' | 'raw' | undefined;
    }
  | {
      readonly pool: string;
      readonly volume: string;
      readonly bus?: string | undefined;
      readonly format?: 'qcow2' | 'raw' | undefined;
    };

/** A network interface of a guest: in a bridge of the host, or in a virtual network of libvirt's. */
export type NetworkArgs =
  | {
      readonly bridge: string;
      /** Default: made up once by virt-install. */
      readonly mac?: string | undefined;
      /** How the guest sees it, e.g. `virtio`. Default: virt-install's choice for the system. */
      readonly model?: string | undefined;
    }
  | { readonly network: string; readonly mac?: string | undefined; readonly model?: string | undefined };

/** Arguments of `virtInstall`. What they do not name is left to virt-install when the guest is made, and alone afterwards. */
export interface VirtInstallArgs {
  /** The guest's name; not digits alone, which `virsh` takes for an id. */
  readonly name: string;
  /**
   * `absent` removes the guest and leaves its disks; what is lost needs its word in `disrupts`: `guest` (it runs), `saved-state`,
   * `snapshots` (checkpoints too), `data` (the state of its TPM). It goes with `name` and `connect` alone. Default `present`.
   */
  readonly state?: 'present' | 'absent';
  /** The hypervisor, `kvm` or `qemu`, which works without the processor's help, slowly. Default for a new guest: `kvm`; that of one that is there is left as it is. */
  readonly virtType?: string;
  /** MiB. It must be given unless the guest is to be absent. */
  readonly memory?: number;
  /** How many processors it has. */
  readonly vcpus?: number;
  /** The absolute path of an installation's ISO on the host. A new guest has this or `import`. */
  readonly cdrom?: string;
  /** True for a guest whose first disk is installed already. */
  readonly import?: boolean;
  /** Its disks, in order. They must be there (a volume task makes them); further disks of a guest are left alone. */
  readonly disks?: readonly DiskArgs[];
  /** Its network interfaces, in order; `[]` is none. Further interfaces of a guest are left alone. */
  readonly networks?: readonly NetworkArgs[];
  /** Its console. `listen` is the address that it is open on: `0.0.0.0` is the whole network, without a password. */
  readonly graphics?: {
    readonly type: 'vnc' | 'spice' | 'none';
    readonly listen?: string | undefined;
    readonly port?: number | undefined;
  };
  /** Only for virt-install before 4.0, e.g. `linux`; later ones have no use for it. */
  readonly osType?: string;
  /** The operating system, e.g. `rhel7.0`; of `rhel7` newer versions are told `rhel7.0`. Default: what virt-install detects. */
  readonly osVariant?: string;
  /** Whether it starts with libvirt. */
  readonly autostart?: boolean;
  /** True for a guest that is started whenever it is found off, e.g. after its installation. */
  readonly running?: true;
  /** The URI of libvirt's connection. Default `qemu:///system`. */
  readonly connect?: string;
}

/** What virt-install would take apart in one of its options. */
const optionText = /^[^,="'\\\s]+$/;
const optionHelp = "must not hold blanks, commas, '=', quotes or backslashes, which virt-install would take apart";

const name = v.pipe(
  objectName("a guest's name"),
  v.check(
    (text) => !/^\d+$/.test(text),
    "a guest's name of digits alone could be taken for another guest's id by virsh",
  ),
  v.check(
    (text) => !/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text),
    "a guest's name in the form of a UUID could be taken for another guest's by virsh",
  ),
);
const word = (what: string): v.GenericSchema<string> =>
  v.pipe(line(what), v.regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/, found(`${what} is a word such as virtio`)));
const diskPath = v.pipe(absolutePath("a disk's path"), v.regex(optionText, found(`a disk's path ${optionHelp}`)));
const count = (what: string): v.GenericSchema<number> =>
  v.pipe(
    v.number(found(`${what} is a whole number above 0`)),
    v.check((number) => Number.isSafeInteger(number) && number > 0, found(`${what} is a whole number above 0`)),
  );

const diskOptions = {
  bus: v.optional(word("a disk's bus")),
  format: v.optional(v.picklist(['qcow2', 'raw'])),
};
const networkOptions = {
  mac: v.optional(
    v.pipe(
      line('a MAC address'),
      v.toLowerCase(),
      v.regex(
        /^[\da-f][02468ace](:[\da-f]{2}){5}$/,
        found("a guest's MAC address is six bytes such as 52:54:00:12:34:56, and no group's"),
      ),
    ),
  ),
  model: v.optional(word("an interface's model")),
};

/** {@link VirtInstallArgs} with their defaults. */
export interface ParsedVirtInstallArgs {
  readonly name: string;
  readonly state: 'present' | 'absent';
  readonly virtType?: string | undefined;
  readonly connect: string;
  readonly memory?: number | undefined;
  readonly vcpus?: number | undefined;
  readonly cdrom?: string | undefined;
  readonly import?: boolean | undefined;
  readonly disks?: readonly DiskArgs[] | undefined;
  readonly networks?: readonly NetworkArgs[] | undefined;
  readonly graphics?: VirtInstallArgs['graphics'] | undefined;
  readonly osType?: string | undefined;
  readonly osVariant?: string | undefined;
  readonly autostart?: boolean | undefined;
  readonly running?: true | undefined;
}

/** Schema of {@link VirtInstallArgs}. */
export const virtInstallSchema: v.GenericSchema<
  GivenArguments<VirtInstallArgs>,
  ParsedVirtInstallArgs
> = v.strictObject({
  name,
  state: v.optional(v.picklist(['present', 'absent']), 'present'),
  virtType: v.optional(v.picklist(['kvm', 'qemu'])),
  memory: v.optional(count('memory (MiB)')),
  vcpus: v.optional(count('the number of processors')),
  cdrom: v.optional(absolutePath("an ISO's path on the host")),
  import: v.optional(v.boolean()),
  disks: v.optional(
    v.array(
      v.union(
        [
          diskPath,
          v.strictObject({ path: diskPath, ...diskOptions }),
          v.strictObject({
            pool: objectName("a pool's name"),
            volume: v.pipe(
              line("a volume's name"),
              v.regex(/^[^-/,="'\\\s][^/,="'\\\s]*$/, found(`a volume's name ${optionHelp}`)),
            ),
            ...diskOptions,
          }),
        ],
        (issue) =>
          unionMessage(issue, 'a disk is an absolute path, { path, bus?, format? } or { pool, volume, bus?, format? }'),
      ),
    ),
  ),
  networks: v.optional(
    v.array(
      v.union(
        [
          v.strictObject({ bridge: word("a bridge's name"), ...networkOptions }),
          v.strictObject({ network: objectName("a network's name"), ...networkOptions }),
        ],
        (issue) => unionMessage(issue, 'an interface is { bridge, mac?, model? } or { network, mac?, model? }'),
      ),
    ),
  ),
  graphics: v.optional(
    v.strictObject({
      type: v.picklist(['vnc', 'spice', 'none']),
      listen: v.optional(
        v.pipe(
          line('an address'),
          v.check(
            (text) => isIP(text) !== 0,
            found('the console listens on an IP address, e.g. 127.0.0.1, or 0.0.0.0 for all'),
          ),
        ),
      ),
      port: v.optional(
        v.pipe(
          count('a port'),
          v.check((port) => port >= 5900 && port < 65536, found('a console has a port from 5900 to 65535')),
        ),
      ),
    }),
  ),
  osType: v.optional(word('the kind of operating system')),
  osVariant: v.optional(word('the operating system')),
  autostart: v.optional(v.boolean()),
  running: v.optional(
    v.literal(true, "'running' is true or left out: a guest is shut down from inside, or with virsh"),
  ),
  connect: uriSchema,
} satisfies SchemaEntries<VirtInstallArgs>);

/** Says what was wrong with the way that was meant, where it can be told. */
function unionMessage(issue: v.UnionIssue<v.BaseIssue<unknown>>, all: string): string {
  const inside = issue.issues?.[0];
  return inside === undefined || inside.kind === 'schema' ? all : inside.message;
}
