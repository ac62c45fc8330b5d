import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';
import { type CommandStep, command } from '../../lib/task/step.ts';
import {
  compareVersions,
  isVersion,
  parseAvailable,
  parseDependants,
  parseInstalled,
  parseUnprovided,
  type RpmPackage,
  rpmFormat,
} from './dnf_output.ts';
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

/** dnf, of Fedora and of EL8 and later. */
export const dnf: PackageManager = managerOf('dnf', [
  '/var/cache/dnf/metadata_lock.pid',
  '/var/cache/dnf/download_lock.pid',
  '/var/lib/dnf/rpmdb_lock.pid',
  '/var/lib/rpm/.rpm.lock',
]);

/** yum, of EL7 and before. */
export const yum: PackageManager = managerOf('yum', ['/var/run/yum.pid', '/var/lib/rpm/.rpm.lock']);

/** Prints the times at which package lists were last found to be current; none where there are none. */
const listTimes =
  'stat -c %Y /var/cache/dnf/*/repodata/* /var/cache/libdnf5/*/repodata/* /var/cache/yum/*/*/*/cachecookie 2>/dev/null';

function managerOf(tool: 'dnf' | 'yum', locks: readonly string[]): PackageManager {
  return { tool, locks, read: (host, options) => read(host, { tool, locks, options }) };
}

interface Asked {
  readonly tool: 'dnf' | 'yum';
  readonly locks: readonly string[];
  readonly options: PackageOptions;
}

interface Seen extends Asked {
  readonly installed: readonly RpmPackage[];
  /** What the package lists offer; undefined where nobody asked. */
  readonly available: readonly RpmPackage[] | undefined;
  /** Wanted names that no installed package provides. */
  readonly unprovided: readonly string[];
  /** Seconds since a package list was last found to be current. */
  readonly age: number | undefined;
  readonly holder: LockHolder | undefined;
}

async function read(host: ReadonlyHost, asked: Asked): Promise<PackageReading> {
  const first = await readInstalled(host, asked);
  const due = dueOf(first);
  const isStale = listsAreStale(first);
  if (due.length === 0 && !isStale) return reading(first, due, isStale, []);
  const { options } = asked;
  if (options.state === 'absent') return reading(first, due, isStale, await removalRefusals(host, first, due));
  const [available, age] = await Promise.all([
    first.available ?? readAvailable(host, asked),
    first.age ?? readAge(host),
  ]);
  return reading({ ...first, available, age }, due, isStale, []);
}

async function readInstalled(host: ReadonlyHost, asked: Asked): Promise<Seen> {
  const { options } = asked;
  const names = namesOf(options.wanted);
  const [installed, provided, holder, available, age] = await Promise.all([
    host.query(['rpm', '-q', '--qf', rpmFormat, ...names]),
    options.state === 'present' ? host.query(['rpm', '-q', '--whatprovides', ...names]) : undefined,
    readLockHolder(host, asked.locks),
    options.state === 'latest' ? readAvailable(host, asked) : undefined,
    options.state === 'latest' ? readAge(host) : undefined,
  ]);
  const unprovided = provided === undefined ? names : parseUnprovided(provided.stdout);
  return { ...asked, installed: parseInstalled(installed.stdout), available, unprovided, age, holder };
}

/** `-C` takes the package lists as they are. */
async function readAvailable(host: ReadonlyHost, { tool, options }: Asked): Promise<readonly RpmPackage[]> {
  const argv = [tool, '-q', '-C', 'list', '--showduplicates', ...namesOf(options.wanted)];
  return parseAvailable((await host.query(argv, { timeLimit: questionTimeLimit })).stdout);
}

async function readAge(host: ReadonlyHost): Promise<number | undefined> {
  const [now, times] = await Promise.all([host.text(['date', '+%s']), host.query(['sh', '-c', listTimes])]);
  const newest = Math.max(...times.stdout.split('\n').map((line) => Number(line)));
  return newest > 0 ? Math.max(0, Number(now) - newest) : undefined;
}

function namesOf(packages: readonly WantedPackage[]): readonly string[] {
  return [...new Set(packages.map(({ name }) => name))];
}

function listsAreStale({ options, age }: Seen): boolean {
  return options.state === 'latest' && (age === undefined || age > options.cacheValid);
}

function dueOf(seen: Seen): readonly WantedPackage[] {
  return seen.options.wanted.filter((wanted) => stateOf(seen, wanted) !== goalOf(seen.options, wanted));
}

function stateOf(seen: Seen, wanted: WantedPackage): string {
  const { options, installed, unprovided } = seen;
  const found = matching(installed, wanted).at(-1);
  const candidate = candidateOf(seen, wanted)?.version;
  const offered = candidate === undefined ? '' : ` (candidate ${candidate})`;
  if (found === undefined) {
    if (options.state === 'absent') return 'absent';
    const { name, architecture, version } = wanted;
    const isProvided = architecture === undefined && version === undefined && !unprovided.includes(name);
    return options.state === 'present' && isProvided ? 'present' : `absent${offered}`;
  }
  if (options.state === 'absent') return found.version;
  if (wanted.version !== undefined) {
    // Several versions of a kernel are installed side by side.
    const isThere = matching(installed, wanted).some(({ version }) => isVersion(version, wanted.version ?? ''));
    return isThere ? wanted.version : found.version + offered;
  }
  if (options.state === 'present') return 'present';
  return candidate === undefined || compareVersions(candidate, found.version) <= 0 ? 'latest' : found.version + offered;
}

function matching(packages: readonly RpmPackage[], { name, architecture }: WantedPackage): readonly RpmPackage[] {
  return packages
    .filter((each) => each.name === name && (architecture === undefined || each.architecture === architecture))
    .toSorted((one, other) => compareVersions(one.version, other.version));
}

/** The version that would be installed: the one that the task names, or the newest. */
function candidateOf({ available, installed }: Seen, wanted: WantedPackage): RpmPackage | undefined {
  const offered = matching(available ?? [], wanted);
  // Where there are several architectures, that of the installed one is meant.
  const [own] = matching(installed, wanted);
  const same = offered.filter(
    ({ architecture }) => own === undefined || [own.architecture, 'noarch'].includes(architecture),
  );
  const fitting = same.length > 0 ? same : offered;
  const { version: named } = wanted;
  return named === undefined ? fitting.at(-1) : fitting.findLast(({ version }) => isVersion(version, named));
}

function reading(
  seen: Seen,
  due: readonly WantedPackage[],
  isStale: boolean,
  refusals: readonly string[],
): PackageReading {
  const { options, installed, holder } = seen;
  const isDue = due.length > 0 || isStale;
  const unknown = options.state === 'absent' ? [] : due.filter((wanted) => candidateOf(seen, wanted) === undefined);
  const downgraded = options.downgrades ? [] : due.filter((wanted) => isDowngrade(seen, wanted));
  return {
    packages: Object.fromEntries(options.wanted.map((wanted) => [wanted.key, stateOf(seen, wanted)])),
    ...(options.state === 'latest' && { lists: isStale ? `older than ${options.cacheValid} s` : 'fresh' }),
    versions: Object.fromEntries(
      options.wanted.flatMap((wanted) => {
        const version = matching(installed, wanted).at(-1)?.version;
        return version === undefined ? [] : [[wanted.key, version]];
      }),
    ),
    refusals: [
      ...refusals,
      ...(downgraded.length === 0
        ? []
        : [
            `${downgraded.map(({ key }) => key).join(', ')} would get an older version; say downgrades: true if that is wanted`,
          ]),
    ],
    warnings: [
      ...(isDue && holder !== undefined
        ? [`${describeHolder(holder)}; apply waits for it, for ${options.lockWait} s at the most`]
        : []),
      ...unknown.map(
        ({ key, version }) =>
          `the package lists have no ${version === undefined ? 'package' : `version ${version} of`} ${key}; they are updated first, and if that does not help, the name is wrong or a package source is missing`,
      ),
    ],
    steps: () => steps(seen, due, isStale || unknown.length > 0),
  };
}

function isDowngrade(seen: Seen, wanted: WantedPackage): boolean {
  const own = matching(seen.installed, wanted).at(-1);
  const candidate = candidateOf(seen, wanted);
  return own !== undefined && candidate !== undefined && compareVersions(candidate.version, own.version) < 0;
}

/** rpm says who needs what is removed, one generation at a time: those that may go as well are asked about in turn. */
async function removalRefusals(
  host: ReadonlyHost,
  { tool, options, installed }: Seen,
  due: readonly WantedPackage[],
): Promise<readonly string[]> {
  const named = due.flatMap((wanted) =>
    matching(installed, wanted).map(({ name, architecture }) => `${name}.${architecture}`),
  );
  const protectedNames = await readProtected(host, tool);
  const essential = due.filter(({ name }) => protectedNames.includes(name));
  if (essential.length > 0) {
    return [
      `${namesOf(essential).join(', ')}: ${tool} protects it (/etc/${tool}/protected.d), because a host does not work without it; it is not removed`,
    ];
  }
  let leaving: readonly string[] = [];
  for (;;) {
    const { exitCode, stderr } = await host.query(['rpm', '-e', '--test', ...named, ...leaving]);
    const dependants = parseDependants(stderr);
    const others = dependants.filter((name) => !options.removes.includes(name));
    if (others.length > 0) {
      const listed = others.map((name) => `'${name}'`).join(', ');
      return [
        `${others.join(', ')}: these packages depend on what is removed and would be removed with it; name them in 'removes' if that is wanted: removes: [${listed}]`,
      ];
    }
    const further = dependants.filter((name) => !leaving.includes(name));
    if (further.length === 0)
      return exitCode === 0 ? [] : [`rpm refuses the removal: ${stderr.trim().split('\n').join('; ')}`];
    leaving = [...leaving, ...further];
  }
}

async function readProtected(host: ReadonlyHost, tool: string): Promise<readonly string[]> {
  const directories = [`/etc/${tool}/protected.d`, '/etc/yum/protected.d'];
  const files = await Promise.all(
    directories.map(async (directory) => {
      const names = await host.listDirectory(directory);
      return Promise.all(
        names.filter((name) => name.endsWith('.conf')).map((name) => host.readFile(`${directory}/${name}`)),
      );
    }),
  );
  const lines = files.flat().flatMap((file) => (file?.text ?? '').split('\n').map((line) => line.trim()));
  return [tool, ...lines.filter((line) => line !== '' && !line.startsWith('#'))];
}

function steps(seen: Seen, due: readonly WantedPackage[], updates: boolean): readonly CommandStep[] {
  const { tool, locks, options, holder } = seen;
  const act = (...argv: readonly string[]): CommandStep =>
    command([tool, '-y', ...argv], { timeLimit: transactionTimeLimit });
  const wait = holder === undefined ? [] : [awaitLocks(options.lockWait, locks)];
  if (options.state === 'absent') {
    // Only what was foreseen is removed: no packages that nothing needs any more.
    const names = due.map(({ name, architecture }) => (architecture === undefined ? name : `${name}.${architecture}`));
    return [...wait, act('--setopt=clean_requirements_on_remove=False', 'remove', ...names)];
  }
  const update = updates ? (tool === 'dnf' ? [act('--refresh', 'makecache')] : [act('clean', 'expire-cache')]) : [];
  const { recommends } = options;
  // yum knows no recommendations, and says nothing of an option that it does not know.
  const extent = recommends === undefined ? [] : [`--setopt=install_weak_deps=${recommends ? 'True' : 'False'}`];
  const isNew = (wanted: WantedPackage): boolean => matching(seen.installed, wanted).length === 0;
  if (options.state === 'latest' && updates) {
    // Which versions are the latest is known only then.
    const [made, upgraded] = [options.wanted.filter(isNew), options.wanted.filter((wanted) => !isNew(wanted))];
    return [
      ...wait,
      ...update,
      ...(made.length === 0 ? [] : [act(...extent, 'install', ...made.map((wanted) => specOf(wanted)))]),
      ...(upgraded.length === 0 ? [] : [act(...extent, 'upgrade', ...upgraded.map((wanted) => specOf(wanted)))]),
    ];
  }
  const older = due.filter((wanted) => isDowngrade(seen, wanted));
  const others = due.filter((wanted) => !older.includes(wanted));
  const specs = (all: readonly WantedPackage[]): readonly string[] =>
    all.map((wanted) => specOf(wanted, candidateOf(seen, wanted)));
  // dnf's install brings older versions too, yum's does not.
  const together = tool === 'dnf' ? due : others;
  return [
    ...wait,
    ...update,
    ...(together.length === 0 ? [] : [act(...extent, 'install', ...specs(together))]),
    ...(tool === 'dnf' || older.length === 0 ? [] : [act('downgrade', ...specs(older))]),
  ];
}

/** `NAME-VERSION.ARCHITECTURE`; of a package that is to have the newest version, with the version that is to be installed. */
function specOf({ name, architecture, version }: WantedPackage, candidate?: RpmPackage): string {
  const full = candidate?.version ?? version;
  return `${name}${full === undefined ? '' : `-${full}`}${architecture === undefined ? '' : `.${architecture}`}`;
}
