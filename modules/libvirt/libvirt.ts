import * as v from 'valibot';
import { CommandError } from '../../lib/errors.ts';
import {
  type Domain,
  loadXmlParser,
  type Network,
  type Pool,
  parseDomain,
  parseNetwork,
  parsePool,
} from '../../lib/formats/libvirt_xml.ts';
import { differences } from '../../lib/task/diff.ts';
import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';
import { type CommandStep, command } from '../../lib/task/step.ts';
import type { Missing } from '../../lib/task/task.ts';
import { found, line } from '../../lib/validation/schemas.ts';
import { missingTools } from '../common/packages.ts';
import { findDaemon, type ObjectKind } from './daemon.ts';
import { virshRule } from './merge_rule.ts';

/** A way to look at a host's libvirt that wakes nothing, and what stands in the way of a change. */
export interface Connection {
  readonly uri: string;
  /** `virsh` is asked only where its daemon is awake; else libvirt's own files are read, which say the same; or nothing can be seen. */
  readonly look: 'virsh' | 'files' | 'blind';
  /** Tools and daemons without which nothing can be changed. */
  readonly lacks: readonly Missing[];
}

/** A pool or network as it was found. */
export interface Found<Definition> {
  readonly definition: Definition;
  readonly active: boolean;
  readonly autostart: boolean;
  /** False for one that is gone once it stops. */
  readonly persistent: boolean;
}

/** A guest as it was found. */
export interface FoundDomain extends Found<Domain> {
  /** What it runs with now; undefined when it does not run. */
  readonly live: Domain | undefined;
  /** State and reason in libvirt's words, e.g. `running (booted)`, where virsh was asked. */
  readonly status: string | undefined;
  /** Whether its memory has been saved: its next start goes on with that. */
  readonly isSaved: boolean;
  /** Its definition, for one that is not persistent; it may hold a console's password. */
  readonly transientXml: string | undefined;
}

/** Where libvirt keeps the definitions of `qemu:///system` and what it knows of those that are active. */
const directories: Readonly<Record<ObjectKind, { config: string; run: string }>> = {
  domain: { config: '/etc/libvirt/qemu', run: '/run/libvirt/qemu' },
  network: { config: '/etc/libvirt/qemu/networks', run: '/run/libvirt/network' },
  pool: { config: '/etc/libvirt/storage', run: '/run/libvirt/storage' },
};

/** Where the system's libvirt keeps what belongs to guests besides their definitions. */
const stateDirectory = '/var/lib/libvirt/qemu';

const systemUri = 'qemu:///system';

/** Schema of the connection URIs that are supported; the default is `qemu:///system`. */
export const uriSchema: v.OptionalSchema<v.GenericSchema<string>, string> = v.optional(
  v.pipe(
    line("a connection's URI"),
    v.regex(
      /^(qemu:\/\/\/(system|session)|test:\/\/\/[\w./-]+)$/,
      "a connection's URI is 'qemu:///system', 'qemu:///session' or 'test:///…': another machine is a host of its own",
    ),
  ),
  systemUri,
);

/**
 * Schema of a name that libvirt, its files and virt-install all take: letters, digits and `_ . + -`, beginning with none of `. -`.
 * @param what names it in the message, e.g. `a pool's name`
 */
export function objectName(what: string): v.GenericSchema<string> {
  return v.pipe(
    line(what),
    v.regex(/^[A-Za-z0-9_+][A-Za-z0-9_.+-]*$/, found(`${what} is made of letters, digits and _ . + - (not first)`)),
  );
}

/**
 * Finds a way to look at libvirt that wakes nothing. `virsh` wakes a daemon through its socket, which brings up bridges and
 * firewall rules, so systemd is asked first. (A session's daemon is private to its user, and is asked at once.)
 * @param tools further tools that a change needs
 */
export async function connect(
  host: ReadonlyHost,
  uri: string,
  kind: ObjectKind,
  tools: readonly string[] = [],
): Promise<Connection> {
  const isSystem = uri === systemUri;
  const [lackedTools, daemon] = await Promise.all([
    missingTools(host, ['virsh', ...tools]),
    isSystem ? findDaemon(host, kind) : { awake: true, lacks: [] },
    loadXmlParser(),
  ]);
  const hasVirsh = lackedTools.every(({ key }) => key !== 'tool:virsh');
  const look = hasVirsh && daemon.awake ? 'virsh' : isSystem ? 'files' : 'blind';
  return { uri, look, lacks: [...lackedTools, ...daemon.lacks] };
}

/**
 * Returns what is missing: nothing where the state could be read and is the desired one.
 * @param others what else is missing
 */
export function hindrances(
  connection: Connection,
  desired: object,
  state: object,
  others: readonly Missing[] = [],
): readonly Missing[] {
  const isNeeded = connection.look === 'blind' || differences(desired, state).length > 0;
  return isNeeded ? [...connection.lacks, ...others] : others;
}

/** Reads a storage pool; undefined when there is none of that name. */
export async function readPool(
  host: ReadonlyHost,
  connection: Connection,
  name: string,
): Promise<Found<Pool> | undefined> {
  if (connection.look === 'blind') return undefined;
  if (connection.look === 'files') return foundIn(await readFiles(host, 'pool', name), parsePool);
  const [xml, info] = await Promise.all([
    virsh(host, connection, ['pool-dumpxml', name]),
    virsh(host, connection, ['pool-info', name]),
  ]);
  if (xml === undefined || info === undefined) return undefined;
  return { definition: parsePool(xml), active: field(info, 'State') === 'running', ...lasting(info) };
}

/** Reads a virtual network; undefined when there is none of that name. */
export async function readNetwork(
  host: ReadonlyHost,
  connection: Connection,
  name: string,
): Promise<Found<Network> | undefined> {
  if (connection.look === 'blind') return undefined;
  if (connection.look === 'files') return foundIn(await readFiles(host, 'network', name), parseNetwork);
  const [xml, info] = await Promise.all([
    virsh(host, connection, ['net-dumpxml', '--inactive', name]),
    virsh(host, connection, ['net-info', name]),
  ]);
  if (xml === undefined || info === undefined) return undefined;
  return { definition: parseNetwork(xml), active: field(info, 'Active') === 'yes', ...lasting(info) };
}

/** Reads a guest; undefined when there is none of that name. */
export async function readDomain(
  host: ReadonlyHost,
  connection: Connection,
  name: string,
): Promise<FoundDomain | undefined> {
  if (connection.look === 'blind') return undefined;
  if (connection.look === 'files') {
    const [files, isSaved] = await Promise.all([
      readFiles(host, 'domain', name),
      host.exists(`${stateDirectory}/save/${name}.save`),
    ]);
    const found = foundIn(files, parseDomain);
    const live = files?.status ?? files?.definition;
    return (
      found && {
        ...found,
        live: found.active && live ? parseDomain(live) : undefined,
        status: undefined,
        isSaved,
        transientXml: undefined,
      }
    );
  }
  const [inactive, now, info, status] = await Promise.all([
    virsh(host, connection, ['dumpxml', '--inactive', '--security-info', name]),
    virsh(host, connection, ['dumpxml', name]),
    virsh(host, connection, ['dominfo', name]),
    virsh(host, connection, ['domstate', '--reason', name]),
  ]);
  if (inactive === undefined || now === undefined || info === undefined) return undefined;
  const active = field(info, 'State') !== 'shut off';
  const { persistent, autostart } = lasting(info);
  return {
    definition: parseDomain(inactive),
    live: active ? parseDomain(now) : undefined,
    active,
    autostart,
    persistent,
    status: status?.trim(),
    isSaved: field(info, 'Managed save') === 'yes',
    transientXml: persistent ? undefined : inactive,
  };
}

/** Names the snapshots and checkpoints of a guest. */
export async function readSnapshots(
  host: ReadonlyHost,
  connection: Connection,
  name: string,
): Promise<{ readonly snapshots: readonly string[]; readonly checkpoints: readonly string[] }> {
  if (connection.look === 'files') {
    const [snapshots, checkpoints] = await Promise.all(
      ['snapshot', 'checkpoint'].map((kind) => host.listDirectory(`${stateDirectory}/${kind}/${name}`)),
    );
    const names = (files: readonly string[] = []): readonly string[] => files.map((file) => file.replace(/\.xml$/, ''));
    return { snapshots: names(snapshots), checkpoints: names(checkpoints) };
  }
  const lines = (text = ''): readonly string[] => text.split('\n').filter((line) => line.trim() !== '');
  const [snapshots, checkpoints] = await Promise.all([
    virsh(host, connection, ['snapshot-list', '--name', name]),
    // libvirt before 5.6 has no checkpoints, and virsh before that no such command.
    host.query(['virsh', '-c', connection.uri, 'checkpoint-list', '--name', name], { mergeRule: virshRule }),
  ]);
  return { snapshots: lines(snapshots), checkpoints: checkpoints.exitCode === 0 ? lines(checkpoints.stdout) : [] };
}

/** Reads all storage pools that are defined or active. */
export async function readPools(host: ReadonlyHost, connection: Connection): Promise<readonly Pool[]> {
  const names = await poolNames(host, connection);
  const pools = await Promise.all(names.map((name) => readPool(host, connection, name)));
  return pools.flatMap((pool) => (pool === undefined ? [] : [pool.definition]));
}

/**
 * Asks virsh.
 * @returns what it prints; undefined when it says that what was asked for does not exist
 * @throws CommandError when it fails otherwise
 */
export async function virsh(
  host: ReadonlyHost,
  { uri }: Connection,
  args: readonly string[],
): Promise<string | undefined> {
  const argv = ['virsh', '-c', uri, ...args];
  const { exitCode, stdout, stderr } = await host.query(argv, { mergeRule: virshRule });
  if (exitCode === 0) return stdout;
  if (exitCode === 1 && /failed to get (domain|pool|network|vol)\b|not found|is not active/i.test(stderr))
    return undefined;
  throw new CommandError(`'${argv.join(' ')}' failed: ${stderr.trim()}`, { argv, exitCode, stderr });
}

/** Builds a step that runs virsh. */
export function virshStep(
  uri: string,
  args: readonly string[],
  options: Parameters<typeof command>[1] = {},
): CommandStep {
  return command(['virsh', '-c', uri, ...args], options);
}

/**
 * Builds a step that has virsh define something from XML.
 * virsh takes a file's name only, and `/dev/stdin` cannot be opened where standard input is a socket: `cat` makes it a pipe.
 */
export function defineStep(uri: string, subcommand: 'define' | 'net-define' | 'pool-define', xml: string): CommandStep {
  return command(['sh', '-c', 'cat | virsh -c "$1" "$2" /dev/stdin', 'sh', uri, subcommand], { stdin: xml });
}

interface Files {
  readonly definition: string | undefined;
  readonly status: string | undefined;
  readonly autostart: boolean;
  /** False until the daemon has started what is autostarted, once after each boot. */
  readonly autostarted: boolean;
}

async function readFiles(host: ReadonlyHost, kind: ObjectKind, name: string): Promise<Files | undefined> {
  const { config, run } = directories[kind];
  const [definition, status, autostart, autostarted] = await Promise.all([
    host.readFile(`${config}/${name}.xml`),
    host.readFile(`${run}/${name}.xml`),
    host.exists(`${config}/autostart/${name}.xml`),
    host.exists(`${run}/autostarted`),
  ]);
  if (definition === undefined && status === undefined) return undefined;
  return { definition: definition?.text, status: status?.text, autostart, autostarted };
}

function foundIn<Definition>(
  files: Files | undefined,
  parse: (xml: string) => Definition,
): Found<Definition> | undefined {
  const xml = files?.definition ?? files?.status;
  if (files === undefined || xml === undefined) return undefined;
  return {
    definition: parse(xml),
    // A daemon that has not run since the boot starts it as soon as a step wakes it.
    active: files.status !== undefined || (files.autostart && !files.autostarted),
    autostart: files.autostart,
    persistent: files.definition !== undefined,
  };
}

async function poolNames(host: ReadonlyHost, connection: Connection): Promise<readonly string[]> {
  if (connection.look === 'blind') return [];
  if (connection.look === 'virsh') {
    const names = (await virsh(host, connection, ['pool-list', '--all', '--name'])) ?? '';
    return names.split('\n').flatMap((name) => (name.trim() === '' ? [] : [name.trim()]));
  }
  const { config } = directories.pool;
  return (await host.listDirectory(config)).filter((name) => name.endsWith('.xml')).map((name) => name.slice(0, -4));
}

function lasting(info: string): { persistent: boolean; autostart: boolean } {
  return {
    persistent: field(info, 'Persistent') === 'yes',
    autostart: ['yes', 'enable'].includes(field(info, 'Autostart')),
  };
}

/** Reads one line of the lists that virsh prints, such as `Autostart:      yes`. */
function field(info: string, name: string): string {
  return new RegExp(`^${name}:\\s*(.*?)\\s*$`, 'm').exec(info)?.[1] ?? '';
}
