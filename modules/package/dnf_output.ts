/** A package as rpm has it, or as a package list offers it. */
export interface RpmPackage {
  readonly name: string;
  readonly architecture: string;
  /** `EPOCH:VERSION-RELEASE`, without an epoch of 0. */
  readonly version: string;
}

/** The format with which rpm(8) prints what {@link parseInstalled} reads. */
export const rpmFormat = '%{NAME}\\t%{ARCH}\\t%{EPOCHNUM}\\t%{VERSION}-%{RELEASE}\\n';

/** Reads what `rpm -q` prints in {@link rpmFormat}. For a package that is not installed it prints a sentence, which is passed over. */
export function parseInstalled(stdout: string): readonly RpmPackage[] {
  return stdout.split('\n').flatMap((line) => {
    const [name, architecture, epoch, version] = line.split('\t');
    if (name === undefined || architecture === undefined || version === undefined) return [];
    return [{ name, architecture, version: epoch === '0' ? version : `${epoch}:${version}` }];
  });
}

/**
 * Reads the packages under the heading `Available Packages` of what `dnf list` or `yum list` prints. They put long names and
 * versions on lines of their own, so that words are counted, and not lines.
 */
export function parseAvailable(stdout: string): readonly RpmPackage[] {
  const [, listed = ''] = /^Available [Pp]ackages\s*\n(.*)/ms.exec(stdout) ?? [];
  const words = listed.split(/\s+/).filter((word) => word !== '');
  const rows = Array.from({ length: Math.floor(words.length / 3) }, (_, row) => words.slice(row * 3, row * 3 + 2));
  return rows.flatMap(([full = '', version = '']) => {
    const [, name, architecture] = /^(.+)\.([^.]+)$/.exec(full) ?? [];
    return name === undefined || architecture === undefined ? [] : [{ name, architecture, version }];
  });
}

/** Reads which installed packages `rpm -e --test` says to need what is to be removed: their names. */
export function parseDependants(stderr: string): readonly string[] {
  const found = [...stderr.matchAll(/ is needed by \(installed\) (\S+)-[^-\s]+-[^-\s]+$/gm)];
  return [...new Set(found.flatMap(([, name]) => name ?? []))];
}

/** Reads which of some names `rpm -q --whatprovides` says that nothing provides. */
export function parseUnprovided(stdout: string): readonly string[] {
  return [...stdout.matchAll(/^no package provides (\S+)$/gm)].flatMap(([, name]) => name ?? []);
}

/** Tells whether a version is the one that a task names, which may leave out the epoch, and the release. */
export function isVersion(version: string, named: string): boolean {
  const withoutEpoch = version.replace(/^\d+:/, '');
  return [version, withoutEpoch].some((each) => each === named || each.replace(/-[^-]*$/, '') === named);
}

/** Orders two versions as rpm does (rpmvercmp): negative where the first one is older. */
export function compareVersions(one: string, other: string): number {
  const [first, second] = [partsOf(one), partsOf(other)];
  for (const [index, part] of first.entries()) {
    const order = compareParts(part, second[index] ?? '');
    if (order !== 0) return order;
  }
  return 0;
}

/** Epoch, version and release. */
function partsOf(text: string): readonly string[] {
  const [, epoch = '0', version = '', release = ''] = /^(?:(\d+):)?(.*?)(?:-([^-]*))?$/.exec(text) ?? [];
  return [epoch, version, release];
}

/** Runs of digits are compared as numbers and are newer than runs of letters; `~` is older than the end, and `^` newer. */
function compareParts(one: string, other: string): number {
  const [first, second] = [segmentsOf(one), segmentsOf(other)];
  for (let index = 0; index < Math.max(first.length, second.length); index += 1) {
    const order = compareSegments(first[index], second[index]);
    if (order !== 0) return order;
  }
  return 0;
}

function segmentsOf(text: string): readonly string[] {
  return text.match(/\d+|[A-Za-z]+|~|\^/g) ?? [];
}

function compareSegments(one: string | undefined, other: string | undefined): number {
  if (one === other) return 0;
  if (one === '~' || other === '~') return one === '~' ? -1 : 1;
  if (one === undefined || other === undefined) return one === undefined ? -1 : 1;
  if (one === '^' || other === '^') return one === '^' ? -1 : 1;
  const [isNumber, isOtherNumber] = [/^\d/.test(one), /^\d/.test(other)];
  if (isNumber !== isOtherNumber) return isNumber ? 1 : -1;
  if (!isNumber) return one < other ? -1 : 1;
  const order = BigInt(one) - BigInt(other);
  return order === 0n ? 0 : order < 0n ? -1 : 1;
}
