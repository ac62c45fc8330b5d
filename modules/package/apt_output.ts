/** A package as dpkg has it. */
export interface DpkgPackage {
  /** What is wanted of it: `install`, `hold`, `deinstall`, `purge`, `unknown`. */
  readonly want: string;
  /** What it is: `installed`, `half-configured`, `config-files`, …; see dpkg(1). */
  readonly status: string;
  /** True where it must be installed again before anything else can be done with it. */
  readonly needsReinstall: boolean;
  readonly name: string;
  readonly architecture: string;
  readonly version: string;
  /** True where dpkg or apt remove it only when forced to. */
  readonly isEssential: boolean;
  /** Names of virtual packages. */
  readonly provides: readonly string[];
}

const fields = [
  'db:Status-Want',
  'db:Status-Status',
  'db:Status-Eflag',
  'Package',
  'Architecture',
  'Version',
  'Essential',
  'Protected',
  'Important',
  'Provides',
];

/** The format with which dpkg-query(1) prints what {@link parseDpkg} reads. */
export const dpkgFormat: string = `${fields.map((field) => `\${${field}}`).join('\\t')}\\n`;

/** Reads what dpkg-query prints in {@link dpkgFormat}. */
export function parseDpkg(stdout: string): readonly DpkgPackage[] {
  return stdout.split('\n').flatMap((line) => {
    const [want, status, flag, name, architecture, version, ...more] = line.split('\t');
    if (want === undefined || status === undefined || name === undefined) return [];
    const [essential, isProtected, important, provides = ''] = more;
    return [
      {
        want,
        status,
        needsReinstall: flag === 'reinstreq',
        name,
        architecture: architecture ?? '',
        version: version ?? '',
        isEssential: [essential, isProtected, important].includes('yes'),
        provides: provides.split(',').flatMap((each) => /^\s*([^\s(:]+)/.exec(each)?.[1] ?? []),
      },
    ];
  });
}

/** What the package lists say of a package. */
export interface Policy {
  /** The version that would be installed; undefined where there is none: a virtual package, or one that no list has any more. */
  readonly candidate: string | undefined;
  readonly versions: readonly string[];
}

/** Reads what `apt-cache policy` prints, by name. A package that it does not know is left out. */
export function parsePolicy(stdout: string): ReadonlyMap<string, Policy> {
  const found = new Map<string, Policy>();
  for (const block of stdout.split(/^(?=\S)/m)) {
    const name = /^(\S+):\n/.exec(block)?.[1];
    if (name === undefined) continue;
    const candidate = /^ {2}Candidate: (.*)$/m.exec(block)?.[1];
    const versions = [...block.matchAll(/^ (?:\*{3}| {3}) (\S+) -?\d+/gm)].flatMap(([, version]) => version ?? []);
    found.set(name, { candidate: candidate === '(none)' ? undefined : candidate, versions });
  }
  return found;
}

/** What a transaction would do. */
export interface Simulation {
  /** Packages that would be installed or brought to another version. */
  readonly installs: readonly string[];
  /** Packages that would be removed. */
  readonly removes: readonly string[];
  readonly downgrades: readonly string[];
  /** Packages on hold that would be changed. */
  readonly held: readonly string[];
  /** By the name of a virtual package that was asked for: the packages that provide it, where apt chooses none of them. */
  readonly providers: ReadonlyMap<string, readonly string[]>;
}

/** Reads what `apt-get --simulate` prints. */
export function parseSimulation(stdout: string): Simulation {
  const acted = (pattern: RegExp): readonly string[] => [...stdout.matchAll(pattern)].flatMap(([, name]) => name ?? []);
  const listed = (heading: string): readonly string[] => {
    const [, names = ''] = new RegExp(`^${heading}:\\n((?: {2}.*\\n)+)`, 'm').exec(stdout) ?? [];
    return names.split(/\s+/).filter((name) => name !== '');
  };
  const virtual = /^Package (\S+) is a virtual package provided by:\n((?: {2}.*\n)+)/gm;
  return {
    installs: acted(/^Inst (\S+) /gm),
    removes: acted(/^(?:Remv|Purg) (\S+) /gm),
    downgrades: listed('The following packages will be DOWNGRADED'),
    held: listed('The following held packages will be changed'),
    providers: new Map(
      [...stdout.matchAll(virtual)].map(([, name = '', lines = '']) => [
        name,
        [...new Set([...lines.matchAll(/^ {2}(\S+)/gm)].flatMap(([, provider]) => provider ?? []))],
      ]),
    ),
  };
}

/** Says in apt's own words why a transaction cannot be made. */
export function complaints({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }): string {
  const [, unmet = ''] = /^The following packages have unmet dependencies:\n((?: .*\n)+)/m.exec(stdout) ?? [];
  const errors = [...stderr.matchAll(/^E: (.*)$/gm)].flatMap(([, error]) => error ?? []);
  const lines = unmet.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]));
  const more = lines.length > 5 ? [`and ${lines.length - 5} more`] : [];
  return [...lines.slice(0, 5), ...more, ...errors].join('; ');
}
