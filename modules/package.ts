import * as v from 'valibot';
import { defineModule, type Module } from '../lib/engine/define_module.ts';
import type { ModuleReading } from '../lib/engine/module_spec.ts';
import { ArgumentError, UnsupportedChangeError } from '../lib/errors.ts';
import type { SchemaEntries } from '../lib/task/argument_types.ts';
import { once } from '../lib/task/diff.ts';
import type { ReadonlyHost } from '../lib/task/readonly_host.ts';
import type { Step } from '../lib/task/step.ts';
import type { Missing } from '../lib/task/task.ts';
import { found, line } from '../lib/validation/schemas.ts';
import { packageFamily, provisionsOf } from './common/packages.ts';
import { apt } from './package/apt.ts';
import { dnf, yum } from './package/dnf.ts';
import type { PackageManager, PackageReading, PackagesState, WantedPackage } from './package/manager.ts';

/** Arguments of {@link packages}. */
export interface PackagesArgs {
  /** The packages: `nginx`, `libc6:i386` (an architecture), `nginx=1.22.1-9` (a version), or a virtual package. They are changed in one transaction. */
  readonly names: string | readonly string[];
  /** `latest` brings them to the newest version that the package lists know. Default `present`. */
  readonly state?: 'present' | 'absent' | 'latest';
  /** Other packages that may be removed: those that depend on what is removed, or that are in the way of what is installed. Default none. */
  readonly removes?: readonly string[];
  /** True where packages that somebody has put on hold may be changed. Default false. */
  readonly changesHeld?: boolean;
  /** True where a package may get an older version. Default false. */
  readonly downgrades?: boolean;
  /** True to remove configuration files too. Only with `absent`, and only where apt is. Default false. */
  readonly purge?: boolean;
  /** Whether packages that the wanted ones recommend are installed too. Default: as the host is configured. */
  readonly recommends?: boolean;
  /** Seconds for which another process's lock on the packages is waited for. Default 120. */
  readonly lockWait?: number;
  /** Seconds for which the package lists count as young enough for `latest`. Default 3600. */
  readonly cacheValid?: number;
}

const wholeSeconds = (what: string) =>
  v.pipe(
    v.number(),
    v.integer(found(`${what} is a whole number of seconds`)),
    v.minValue(0, found(`${what} is 0 or more`)),
  );

const packageName = line("a package's name");

const args = v.strictObject({
  names: v.union(
    [packageName, v.pipe(v.array(packageName), v.minLength(1, "'names' is empty"))],
    "'names' is a package's name, or a list of them",
  ),
  state: v.optional(v.picklist(['present', 'absent', 'latest']), 'present'),
  removes: v.optional(v.array(packageName), []),
  changesHeld: v.optional(v.boolean(), false),
  downgrades: v.optional(v.boolean(), false),
  purge: v.optional(v.boolean(), false),
  recommends: v.optional(v.boolean()),
  lockWait: v.optional(wholeSeconds("'lockWait'"), 120),
  cacheValid: v.optional(wholeSeconds("'cacheValid'"), 3600),
} satisfies SchemaEntries<PackagesArgs>);

type Parsed = v.InferOutput<typeof args>;

/** A package manager's reading, or why there is none. */
type FoundPackages = PackageReading | { readonly refusals: readonly string[] };

/**
 * Installs, upgrades and removes packages of the distribution, many in one transaction: with apt on Debian and Ubuntu, with dnf or yum
 * on Fedora, RHEL and what is derived from them.
 *
 * Checking reads what is installed and what would be done, and leaves the package lists as they are. Applying updates them only when
 * they do not know a wanted package, or when `latest` is wanted and they are older than `cacheValid`.
 *
 * @example
 * ```ts
 * packages({ names: ['qemu-utils', 'virtinst'] });
 * ```
 */
export const packages: Module<PackagesArgs, PackagesState> = defineModule({
  name: 'package',
  args,
  needsRoot: true,
  irreversible: true,
  desired,
  subject: ({ options: { value } }) => {
    const keys = value.wanted.map(({ key, version }) => (version === undefined ? key : `${key}=${version}`));
    return keys.length > 4 ? `${keys.slice(0, 3).join(', ')} and ${keys.length - 3} more` : keys.join(', ');
  },
  provides: ({ options: { value } }) =>
    value.state === 'absent' ? [] : provisionsOf(value.wanted.map(({ name }) => name)),
  read,
  plan,
});

function desired({ names, state, ...parsed }: Parsed): PackagesState {
  const wanted = [names].flat().map((text) => readWanted(text));
  const keys = wanted.map(({ key }) => key);
  const twice = keys.find((key, index) => keys.indexOf(key) !== index);
  if (twice !== undefined) refuse(`'names' has ${twice} twice`);
  const pinned = wanted.find(({ version }) => version !== undefined);
  if (pinned !== undefined && state !== 'present') {
    refuse(`${pinned.key}=${pinned.version} names a version, which goes with state: 'present', and it is '${state}'`);
  }
  if (parsed.purge && state !== 'absent') refuse("'purge' goes with state: 'absent'");
  for (const name of parsed.removes) {
    if (readWanted(name).version !== undefined) refuse(`'removes' has ${name}; it takes names without versions`);
    if (keys.includes(name)) refuse(`${name} is in 'names' and in 'removes'`);
  }
  const { recommends, ...options } = parsed;
  return {
    packages: Object.fromEntries(wanted.map(({ key, version }) => [key, version ?? state])),
    ...(state === 'latest' && { lists: 'fresh' }),
    options: once({ ...options, recommends, state, wanted }),
  };
}

/** No name begins with `-`, which would be an option, or ends with it, which would mean a removal. */
function readWanted(text: string): WantedPackage {
  const [, name, architecture, version] =
    /^([A-Za-z0-9](?:[A-Za-z0-9+._-]*[A-Za-z0-9+])?)(?::([a-z0-9_-]+))?(?:=([A-Za-z0-9][A-Za-z0-9.+~^:_-]*))?$/.exec(
      text,
    ) ?? [];
  if (name === undefined) {
    refuse(`${JSON.stringify(text)} names no package; a name looks like nginx, libc6:i386 or nginx=1.22.1-9`);
  }
  return {
    key: architecture === undefined ? name : `${name}:${architecture}`,
    name,
    ...(architecture !== undefined && { architecture }),
    ...(version !== undefined && { version }),
  };
}

function refuse(what: string): never {
  throw new ArgumentError(`package: ${what}`);
}

async function read(host: ReadonlyHost, wanted: PackagesState): Promise<ModuleReading<PackagesState, FoundPackages>> {
  const manager = await findManager(host);
  if ('key' in manager) return { state: {}, found: { refusals: [] }, missing: [manager] };
  if ('refusal' in manager) return { state: {}, found: { refusals: [manager.refusal] } };
  const seen = await manager.read(host, wanted.options.value);
  const { packages, lists, versions, warnings } = seen;
  return { state: { packages, ...(lists !== undefined && { lists }), versions }, found: seen, warnings };
}

/** The family decides: a Fedora may have apt installed, and a Debian dnf. */
async function findManager(host: ReadonlyHost): Promise<PackageManager | Missing | { readonly refusal: string }> {
  const tools = ['apt-get', 'dnf', 'yum', 'zypper', 'apk', 'pacman'];
  const [family, ...paths] = await Promise.all([packageFamily(host), ...tools.map((tool) => host.which(tool))]);
  const isThere = (tool: string): boolean => paths[tools.indexOf(tool)] !== undefined;
  if (family === 'debian') return isThere('apt-get') ? apt : lacks('apt-get');
  if (family === 'suse') return unknown('zypper');
  if (family !== undefined)
    return isThere('dnf') ? dnf : isThere('yum') ? yum : lacks(family === 'el7' ? 'yum' : 'dnf');
  const other = tools.find(isThere);
  const known = [apt, dnf, yum].find(({ tool }) => tool === other);
  return known ?? unknown(other);
}

function lacks(tool: string): Missing {
  return {
    key: `tool:${tool}`,
    what: `there is no command '${tool}' on the host`,
    remedy: "it is the distribution's own; find out why it is gone",
  };
}

function unknown(tool: string | undefined): { readonly refusal: string } {
  const what =
    tool === undefined ? 'no package manager was found on the host' : `the host's package manager is ${tool}`;
  return {
    refusal: `${what}, and this module knows apt, dnf and yum; use a task command({ argv: […], unless: […] }) with provides there`,
  };
}

function plan({ found }: ModuleReading<PackagesState, FoundPackages>): readonly Step[] {
  if (found.refusals.length > 0 || !('steps' in found)) throw new UnsupportedChangeError(found.refusals.join('\n'));
  return found.steps();
}
