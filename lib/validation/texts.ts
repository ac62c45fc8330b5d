import { ArgumentError } from '../errors.ts';

/**
 * Refuses texts that no host can be given: a NUL, which no argument, path or line can hold, and half of a character beyond U+FFFF
 * (a lone surrogate), which has no bytes. It looks into arrays and plain objects; secrets and other objects are left alone.
 * @param module the module's name, for the message
 * @throws ArgumentError that names the place
 */
export function refuseUnwritable(module: string, value: unknown, place = ''): void {
  if (typeof value === 'string') {
    const what = value.includes('\0')
      ? 'a NUL (\\0)'
      : /\p{Surrogate}/u.test(value)
        ? 'half a character (a lone surrogate)'
        : '';
    if (what !== '') throw new ArgumentError(`${module}: '${place}' cannot hold ${what}`);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return;
  for (const [key, each] of Object.entries(value))
    refuseUnwritable(module, each, place === '' ? key : `${place}.${key}`);
}
