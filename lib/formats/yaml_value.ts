/** A value of YAML whose scalars are all text: each program gives them types of its own. */
export type YamlValue = string | readonly YamlValue[] | YamlMapping;

/** A mapping of YAML. */
export interface YamlMapping {
  readonly [key: string]: YamlValue;
}

/** Tells whether a value is a mapping. */
export function isMapping(value: YamlValue | undefined): value is YamlMapping {
  return typeof value === 'object' && !Array.isArray(value);
}

/** Makes such a value of what a parser has made of a text. */
export function plainValue(found: unknown): YamlValue {
  if (Array.isArray(found)) return found.map(plainValue);
  if (typeof found !== 'object' || found === null) return String(found ?? '');
  return Object.fromEntries(Object.entries(found).map(([key, value]) => [key, plainValue(value)]));
}

/** Tells whether two values say the same; the order of a mapping's keys does not matter. */
export function isSameValue(one: YamlValue | undefined, other: YamlValue | undefined): boolean {
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((each, index) => isSameValue(each, other[index]));
  }
  if (!isMapping(one) || !isMapping(other)) return one === other;
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => isSameValue(one[key], other[key]));
}
