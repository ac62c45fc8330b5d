import type { Once } from '../../lib/task/diff.ts';
import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';
import type { CommandStep } from '../../lib/task/step.ts';

/** A package that a task names: `NAME`, `NAME:ARCHITECTURE`, `NAME=VERSION` or `NAME:ARCHITECTURE=VERSION`. */
export interface WantedPackage {
  /** The name with its architecture, as the state has it. */
  readonly key: string;
  readonly name: string;
  readonly architecture?: string;
  readonly version?: string;
}

/** What a task says besides the packages and their states. */
export interface PackageOptions {
  readonly wanted: readonly WantedPackage[];
  readonly state: 'present' | 'absent' | 'latest';
  /** Other packages that may be removed. */
  readonly removes: readonly string[];
  readonly changesHeld: boolean;
  readonly downgrades: boolean;
  readonly purge: boolean;
  readonly recommends: boolean | undefined;
  readonly lockWait: number;
  readonly cacheValid: number;
}

/** The state that the module package compares. */
export interface PackagesState {
  /** By name: `present`, `absent`, `latest` or the version that is wanted; else what is there. */
  readonly packages: Readonly<Record<string, string>>;
  /** Whether the package lists are young enough to know the latest versions; only where `latest` is wanted. */
  readonly lists?: string;
  /** The versions that are installed, by name. They are never wanted: a version that is wanted stands in `packages`. */
  readonly versions?: Readonly<Record<string, string>>;
  readonly options: Once<PackageOptions>;
}

/** Packages as a package manager has them, and how it makes them as they are wanted. */
export interface PackageReading {
  readonly packages: Readonly<Record<string, string>>;
  readonly lists?: string;
  readonly versions: Readonly<Record<string, string>>;
  /** Sentences that say why the packages cannot be changed as wanted, and what to do. */
  readonly refusals: readonly string[];
  readonly warnings: readonly string[];
  /** The steps of one transaction. Pure. */
  steps(): readonly CommandStep[];
}

/** A package manager. */
export interface PackageManager {
  /** The command by which it is known. */
  readonly tool: string;
  /** Files that it locks while it works. */
  readonly locks: readonly string[];
  /** Reads the packages. It changes nothing: neither the package lists, nor a cache. */
  read(host: ReadonlyHost, options: PackageOptions): Promise<PackageReading>;
}

/** What a package is to be, in the terms of the state. */
export function goalOf({ state }: PackageOptions, { version }: WantedPackage): string {
  return version ?? state;
}

/** Seconds that a transaction may take: packages are fetched over a network. */
export const transactionTimeLimit = 3600;

/** Seconds for a question that makes the package manager compute. */
export const questionTimeLimit = 120;
