/** Bytes by suffix in lower case, as libvirt reads them (virScaleInteger): a letter alone and `KiB` are powers of 1024, `KB` of 1000. */
const units: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['b', 1],
  ['byte', 1],
  ['bytes', 1],
  ...[...'kmgtpe'].flatMap((letter, index): [string, number][] => [
    [letter, 1024 ** (index + 1)],
    [`${letter}ib`, 1024 ** (index + 1)],
    [`${letter}b`, 1000 ** (index + 1)],
  ]),
]);

/** Says how a capacity is to be written. */
export const capacityGrammar =
  "write a whole number of bytes, or one with a unit right behind it: '8G' and '8GiB' are 8 * 2^30 bytes, '8GB' is 8 * 10^9";

/**
 * Reads a capacity as `virsh` does, whole and positive.
 * @param input bytes as a number, or a text such as `8G`, `8GiB`, `8GB`
 * @returns bytes; undefined when it is none (`8 G`, `-1`, `1.5G`) or too big to be counted exactly
 */
export function parseCapacity(input: number | string): number | undefined {
  const match = /^(\d+)([A-Za-z]*)$/.exec(String(input));
  return match?.[1] === undefined ? undefined : scaled(match[1], match[2] ?? '');
}

/**
 * Reads a number beside its unit, as libvirt's XML has it (`<memory unit='KiB'>524288</memory>`).
 * @returns bytes; undefined when it is no such thing
 */
export function scaled(digits: string, unit: string): number | undefined {
  const factor = units.get(unit.toLowerCase());
  if (factor === undefined || !/^\d+$/.test(digits)) return undefined;
  const bytes = Number(digits) * factor;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/**
 * Writes bytes in one canonical way that `virsh` reads back exactly: with the biggest power of 1024 that divides them
 * (`8G`), else with a `B` (`1000000000B`; without a unit some commands count in KiB).
 */
export function formatCapacity(bytes: number): string {
  for (const [index, letter] of [...'EPTGMK'].entries()) {
    const factor = 1024 ** (6 - index);
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${letter}`;
  }
  return `${bytes}B`;
}
