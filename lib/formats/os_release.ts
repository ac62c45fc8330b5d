import { parse } from 'ini';

/** The parts of `/etc/os-release` that decide which tools a host has. */
export interface OsRelease {
  /** `debian`, `centos`, `fedora`, … */
  readonly id: string;
  /** The systems that it is derived from, the closest first. */
  readonly like: readonly string[];
  /** The first number of its version; undefined where it has none (a rolling release). */
  readonly major: number | undefined;
}

/**
 * Reads `/etc/os-release` (os-release(5)): assignments with or without quotes, of which the last one of a name counts. The package
 * `ini` reads it right, because the three values are words without `#`, `;` and escapes.
 */
export function parseOsRelease(text: string): OsRelease {
  const values: Readonly<Record<string, unknown>> = parse(text);
  const value = (key: string): string => String(values[key] ?? '').trim();
  const major = Number.parseInt(value('VERSION_ID'), 10);
  return {
    id: value('ID'),
    like: value('ID_LIKE')
      .split(/\s+/)
      .filter((id) => id !== ''),
    major: Number.isNaN(major) ? undefined : major,
  };
}
