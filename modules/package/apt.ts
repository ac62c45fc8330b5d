import type { Output, ReadonlyHost } from '../../lib/task/readonly_host.ts';
import { type CommandStep, command } from '../../lib/task/step.ts';
import {
  complaints,
  type DpkgPackage,
  dpkgFormat,
  type Policy,
  parseDpkg,
  parsePolicy,
  parseSimulation,
  type Simulation,
} from './apt_output.ts';
import { awaitLocks, describeHolder, type LockHolder, readLockHolder } from './lock.ts';
import {
  goalOf,
  type PackageManager,
  type PackageOptions,
  type PackageReading,
  questionTimeLimit,
  transactionTimeLimit,
  type WantedPackage,
} from './manager.ts';

/** Where apt keeps the package lists, and the stamp of their last complete update, which tools of Ubuntu and Ansible read too. */
const lists = '/var/lib/apt/lists';
const updateStamp = '/var/lib/apt/periodic/update-success-stamp';

const locks: readonly string[] = [
  ...['/var/lib/dpkg/lock-frontend', '/var/lib/dpkg/lock', '/var/cache/apt/archives/lock'],
  `${lists}/lock`,
];

/** Without its caches on disk, apt computes them in memory, and writes none. */
const withoutCaches: readonly string[] = ['-o', 'Dir::Cache::pkgcache=', '-o', 'Dir::Cache::srcpkgcache='];

/** apt and dpkg: Debian, Ubuntu and what is derived from them. */
export const apt: PackageManager = { tool: 'apt-get', locks, read };

/** What is known of the wanted packages. */
interface Seen {
  readonly options: PackageOptions;
  readonly native: string;
  /** Those of the wanted packages that dpkg knows. */
  readonly known: readonly DpkgPackage[];
  /** What the package lists say of them; undefined where nobody asked. */
  readonly policy: ReadonlyMap<string, Policy> | undefined;
  /** Seconds since the package lists were updated; undefined where they never were. */
  readonly age: number | undefined;
  readonly holder: LockHolder | undefined;
  /** All packages that dpkg knows; empty where nobody asked. */
  readonly all: readonly DpkgPackage[];
}

async function read(host: ReadonlyHost, options: PackageOptions): Promise<PackageReading> {
  const first = await readWanted(host, options);
  const due = dueOf(first);
  const isStale = listsAreStale(first);
  if (due.length === 0 && !isStale) return reading(first, { due, isStale, simulation: undefined, isBroken: false });
  const [seen, interrupted, output] = await Promise.all([
    readMore(host, first),
    host.listDirectory('/var/lib/dpkg/updates'),
    simulate(host, options, due),
  ]);
  const isBroken = interrupted.length > 0;
  const left = dueOf(seen);
  // Others may provide what is wanted: then apt is asked for the rest alone.
  const again = left.length === due.length ? output : await simulate(host, options, left);
  return reading(seen, { due: left, isStale, simulation: again, isBroken });
}

async function readWanted(host: ReadonlyHost, options: PackageOptions): Promise<Seen> {
  // Of every architecture: which one is meant depends on the host's own.
  const patterns = [...new Set(options.wanted.map(({ name }) => `${name}:*`))];
  const [native, known, holder, policy, age] = await Promise.all([
    host.text(['dpkg', '--print-architecture']),
    host.query(['dpkg-query', '-W', '-f', dpkgFormat, ...patterns]),
    readLockHolder(host, locks),
    options.state === 'latest' ? readPolicy(host, options) : undefined,
    options.state === 'latest' ? readAge(host) : undefined,
  ]);
  return { options, native, known: parseDpkg(known.stdout), policy, age, holder, all: [] };
}

async function readMore(host: ReadonlyHost, first: Seen): Promise<Seen> {
  const [all, policy, age] = await Promise.all([
    host.query(['dpkg-query', '-W', '-f', dpkgFormat]),
    first.policy ?? readPolicy(host, first.options),
    first.age ?? readAge(host),
  ]);
  return { ...first, all: parseDpkg(all.stdout), policy, age };
}

async function readPolicy(host: ReadonlyHost, { wanted }: PackageOptions): Promise<ReadonlyMap<string, Policy>> {
  const argv = ['apt-cache', ...withoutCaches, 'policy', ...wanted.map(({ key }) => key)];
  return parsePolicy(await host.text(argv, { timeLimit: questionTimeLimit }));
}

async function readAge(host: ReadonlyHost): Promise<number | undefined> {
  const [now, stamps] = await Promise.all([
    host.text(['date', '+%s']),
    host.query(['stat', '-c', '%Y', lists, updateStamp]),
  ]);
  const newest = Math.max(...stamps.stdout.split('\n').map((line) => Number(line)));
  return newest > 0 ? Math.max(0, Number(now) - newest) : undefined;
}

function simulate(
  host: ReadonlyHost,
  options: PackageOptions,
  due: readonly WantedPackage[],
): Promise<Output> | Output {
  if (due.length === 0) return { exitCode: 0, stdout: '', stderr: '' };
  const argv = ['apt-get', '--simulate', ...withoutCaches, ...transaction(options, due)];
  return host.query(argv, { timeLimit: questionTimeLimit });
}

function listsAreStale({ options, age }: Seen): boolean {
  return options.state === 'latest' && (age === undefined || age > options.cacheValid);
}

/** The wanted packages that are not as they are wanted. */
function dueOf(seen: Seen): readonly WantedPackage[] {
  return seen.options.wanted.filter((wanted) => stateOf(seen, wanted) !== goalOf(seen.options, wanted));
}

function stateOf(seen: Seen, wanted: WantedPackage): string {
  const { options, policy } = seen;
  const found = findKnown(seen, wanted);
  const candidate = policy?.get(wanted.key)?.candidate;
  const offered = candidate === undefined ? '' : ` (candidate ${candidate})`;
  if (found === undefined || ['not-installed', 'config-files'].includes(found.status)) {
    if (options.state === 'absent') {
      return options.purge && found?.status === 'config-files' ? 'removed, not purged' : 'absent';
    }
    const isProvided = options.state === 'present' && wanted.version === undefined && isProvidedBy(seen, wanted);
    return isProvided ? 'present' : `absent${offered}`;
  }
  if (options.state === 'absent') return found.version;
  if (isBrokenOff(found)) return `${found.version}, ${found.status}`;
  if (wanted.version !== undefined) return found.version === wanted.version ? wanted.version : found.version + offered;
  if (options.state === 'present') return 'present';
  return candidate === undefined || candidate === found.version ? 'latest' : found.version + offered;
}

function findKnown({ known, native }: Seen, { name, architecture }: WantedPackage): DpkgPackage | undefined {
  const architectures = architecture === undefined ? [native, 'all'] : [architecture];
  return known.find((each) => each.name === name && architectures.includes(each.architecture));
}

function isProvidedBy({ all }: Seen, { name, architecture }: WantedPackage): boolean {
  return all.some(
    (each) =>
      each.status === 'installed' &&
      each.provides.includes(name) &&
      (architecture === undefined || each.architecture === architecture),
  );
}

/** Its installation was begun and not completed. */
function isBrokenOff({ status, needsReinstall }: DpkgPackage): boolean {
  return needsReinstall || ['half-installed', 'unpacked', 'half-configured'].includes(status);
}

/** What stands between the packages as they are and as they are wanted. */
interface Work {
  readonly due: readonly WantedPackage[];
  readonly isStale: boolean;
  /** undefined where apt was not asked, because nothing is due. */
  readonly simulation: Output | undefined;
  /** dpkg was interrupted while it wrote down what it did. */
  readonly isBroken: boolean;
}

function reading(seen: Seen, work: Work): PackageReading {
  const { options, holder } = seen;
  const { due, isStale } = work;
  const simulation = parseSimulation(work.simulation?.stdout ?? '');
  const unknown = options.state === 'absent' ? [] : due.filter((wanted) => isUnknown(seen, wanted, simulation));
  const updates = isStale || unknown.length > 0;
  const isDue = due.length > 0 || isStale;
  return {
    packages: Object.fromEntries(options.wanted.map((wanted) => [wanted.key, stateOf(seen, wanted)])),
    ...(options.state === 'latest' && { lists: isStale ? `older than ${options.cacheValid} s` : 'fresh' }),
    versions: Object.fromEntries(
      options.wanted.flatMap((wanted) => {
        const found = findKnown(seen, wanted);
        return found === undefined || found.version === '' ? [] : [[wanted.key, found.version]];
      }),
    ),
    refusals: isDue ? refusalsOf(seen, work, simulation, updates) : [],
    warnings: [
      ...(isDue && holder !== undefined
        ? [`${describeHolder(holder)}; apply waits for it, for ${options.lockWait} s at the most`]
        : []),
      ...unknown.map((wanted) => unknownWarning(seen, wanted)),
    ],
    steps: () => steps(seen, due, { updates, removals: simulation.removes.length > 0 }),
  };
}

function isUnknown(
  { policy }: Seen,
  { key, name, version }: WantedPackage,
  { providers, installs }: Simulation,
): boolean {
  const found = policy?.get(key);
  if (version !== undefined) return found === undefined || !found.versions.includes(version);
  return found?.candidate === undefined && !providers.has(name) && installs.length === 0;
}

function unknownWarning({ policy, age }: Seen, { key, version }: WantedPackage): string {
  const others = policy?.get(key)?.versions ?? [];
  const since = age === undefined ? 'never updated' : `updated ${duration(age)} ago`;
  const what =
    version === undefined || others.length === 0
      ? `the package lists (${since}) have no package ${key}`
      : `the package lists (${since}) have no version ${version} of ${key}, but ${[...new Set(others)].join(', ')}`;
  return `${what}; they are updated first, and if that does not help, the name is wrong or a package source is missing`;
}

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} minutes` : `${Math.round(seconds / 3600)} hours`;
}

function refusalsOf(
  seen: Seen,
  { due, simulation: output, isBroken }: Work,
  simulation: Simulation,
  updates: boolean,
): readonly string[] {
  const { options, all, holder } = seen;
  const refusals: string[] = [];
  // While another process works, its packages are not configured yet: it is waited for.
  const brokenOff = holder === undefined ? all.filter(isBrokenOff) : [];
  if (brokenOff.length > 0 || (isBroken && holder === undefined)) refusals.push(brokenOffRefusal(brokenOff));
  const held = namesOf(due.flatMap((wanted) => findKnown(seen, wanted) ?? []).filter(({ want }) => want === 'hold'));
  const heldToo = [...new Set([...held, ...simulation.held])];
  if (heldToo.length > 0 && !options.changesHeld) {
    refusals.push(
      `${heldToo.join(', ')}: somebody put this on hold, so that it keeps its version; release it (apt-mark unhold ${heldToo.join(' ')}), or say changesHeld: true`,
    );
  }
  const names = new Set(due.map(({ key }) => key));
  const removed = simulation.removes.map((name) => withoutNative(name, seen.native));
  const essential = all.filter(
    (each) => each.isEssential && [...removed, ...(options.state === 'absent' ? names : [])].includes(each.name),
  );
  if (essential.length > 0) {
    refusals.push(
      `${namesOf(essential).join(', ')}: a host does not work without it (Essential or Protected), so it is not removed`,
    );
  }
  const others = removed.filter(
    (name) => !(options.state === 'absent' && names.has(name)) && !options.removes.includes(name),
  );
  if (others.length > 0) refusals.push(removalRefusal(options, others));
  if (simulation.downgrades.length > 0 && !options.downgrades) {
    refusals.push(
      `${simulation.downgrades.join(', ')} would get an older version; say downgrades: true if that is wanted`,
    );
  }
  for (const [name, providers] of simulation.providers) {
    refusals.push(`${name} is a virtual package; name the one that is wanted: ${providers.join(', ')}`);
  }
  const failed = output !== undefined && output.exitCode !== 0 && refusals.length === 0 && !updates;
  return failed ? [`apt finds no way: ${complaints(output)}`] : refusals;
}

function brokenOffRefusal(packages: readonly DpkgPackage[]): string {
  const listed = packages.map(({ name, version, status }) => `${name} ${version} (${status})`).join(', ');
  const what =
    packages.length === 0
      ? 'dpkg was interrupted'
      : `${listed}: an installation was broken off, or a script of the package failed`;
  const again = packages.filter(({ needsReinstall }) => needsReinstall);
  const reinstall = again.length === 0 ? '' : `; then 'apt-get install --reinstall ${namesOf(again).join(' ')}'`;
  return `${what}; 'dpkg --configure -a' on the host completes it, or says what is wrong${reinstall}`;
}

function removalRefusal({ state }: PackageOptions, others: readonly string[]): string {
  const listed = others.join(', ');
  const why =
    state === 'absent'
      ? 'depend on what is removed and would be removed with it'
      : 'are in the way and would be removed';
  return `${listed}: these packages ${why}; name them in 'removes' if that is wanted: removes: [${others.map((name) => `'${name}'`).join(', ')}]`;
}

function namesOf(packages: readonly DpkgPackage[]): readonly string[] {
  return [...new Set(packages.map(({ name }) => name))];
}

function withoutNative(name: string, native: string): string {
  return name.endsWith(`:${native}`) ? name.slice(0, -native.length - 1) : name;
}

function steps(
  { options, holder }: Seen,
  due: readonly WantedPackage[],
  { updates, removals }: { readonly updates: boolean; readonly removals: boolean },
): readonly CommandStep[] {
  // Which packages have a newer version is known only once the lists are updated.
  const targets = updates && options.state === 'latest' ? options.wanted : due;
  return [
    ...(holder === undefined ? [] : [awaitLocks(options.lockWait, locks)]),
    ...(updates ? [updateLists(options)] : []),
    command(
      [
        ...['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', '-y', ...lockTimeout(options)],
        // The administrator's configuration files stay as they are; where nobody changed one, the package's new one is taken.
        ...['-o', 'Dpkg::Options::=--force-confdef', '-o', 'Dpkg::Options::=--force-confold'],
        // What was not foreseen is not removed: the lists may be others by now.
        ...(options.state === 'absent' || (removals && !updates) ? [] : ['--no-remove']),
        ...(options.changesHeld ? ['--allow-change-held-packages'] : []),
        ...(options.downgrades ? ['--allow-downgrades'] : []),
        ...transaction(options, targets),
      ],
      { timeLimit: transactionTimeLimit },
    ),
  ];
}

/** The command and its packages, the same for the simulation and for the transaction itself. */
function transaction(options: PackageOptions, packages: readonly WantedPackage[]): readonly string[] {
  const names = packages.map(({ key, version }) => (version === undefined ? key : `${key}=${version}`));
  // An administrator's apt.conf may say otherwise; a name is a name, and no pattern.
  const common = ['-o', 'APT::Get::AutomaticRemove=false', '-o', 'APT::Cmd::Pattern-Only=true'];
  if (options.state === 'absent') return [...common, 'remove', ...(options.purge ? ['--purge'] : []), ...names];
  const { recommends } = options;
  const extent = recommends === undefined ? [] : [recommends ? '--install-recommends' : '--no-install-recommends'];
  return [...common, ...extent, 'install', ...names];
}

function updateLists(options: PackageOptions): CommandStep {
  // Where a source cannot be reached, apt-get goes on with its old list. That is an error where the latest version is wanted.
  const mode = options.state === 'latest' ? ['-o', 'APT::Update::Error-Mode=any'] : [];
  const stamp = ['-o', `APT::Update::Post-Invoke-Success::=touch ${updateStamp}`];
  return command(['apt-get', '-q', ...lockTimeout(options), ...mode, ...stamp, 'update'], {
    timeLimit: transactionTimeLimit,
  });
}

/** From apt 1.9.11 on it waits for dpkg's lock by itself; older ones fail at once. */
function lockTimeout({ lockWait }: PackageOptions): readonly string[] {
  return ['-o', `DPkg::Lock::Timeout=${lockWait}`];
}
