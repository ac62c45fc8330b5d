import { parse } from 'ini';

/** What a system says of itself, as far as it matters here. */
export interface OsRelease {
  /** `debian`, `centos`, `fedora`, … */
  readonly id: string;
  /** What it is made of or like, the nearest first. */
  readonly like: readonly string[];
  /** The first number of its version; undefined where it has none (a rolling release). */
  readonly major: number | undefined;
}

/** Reads `/etc/os-release` (os-release(5)): assignments with or without quotes, of which the last one of a name counts. */
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
