import { types } from 'node:util';

const words: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'it is a directory',
  EACCES: 'you may not read it',
  EPERM: 'you may not read it',
};

/** Says in words why a file of this machine could not be read. */
export function readTrouble(error: unknown): string {
  if (!types.isNativeError(error)) return String(error);
  const code = 'code' in error ? String(error.code) : '';
  return words[code] ?? `it cannot be read (${code || error.message})`;
}
