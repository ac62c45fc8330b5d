import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { KvmPlayError, type Location, PlaybookError } from '../errors.ts';
import { userLocation } from './location.ts';

/**
 * Says why a site cannot be loaded, at the user's own line; for what cannot be parsed, with that line's text.
 * @param path the site as the user named it
 * @returns the error itself, when it is one of the library's own
 */
export async function loadError(path: string, error: unknown): Promise<KvmPlayError> {
  if (error instanceof KvmPlayError) return error;
  const unparsable = error instanceof Error ? parseError(error) : undefined;
  const location = unparsable?.location ?? userLocation(error);
  const said = (unparsable === undefined ? errorWords(error) : await unparsableWords(unparsable)) + importHint(error);
  return new PlaybookError(`${path} cannot be loaded: ${said}`, { cause: error }).at({ location });
}

/** Modules have an entry point of their own; Node and jiti each have their words for a name that the other one does not export. */
function importHint(error: unknown): string {
  const said = error instanceof Error ? error.message : '';
  const isMissing = /_kvmPlay\.\w+\) is not a function|'kvm-play' does not provide an export named/.test(said);
  return isMissing
    ? "\nmodules such as file and sysctl are imported from 'kvm-play/modules', all else from 'kvm-play'"
    : '';
}

/** Says what somebody else's error says, without its stack. */
export function errorWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { name, message } = error;
  const said = message.replace(/\nRequire stack:\n[\s\S]*$/, '').trim();
  return name === 'Error' ? said : `${name}: ${said}`;
}

interface ParseError {
  readonly said: string;
  readonly location: Location;
}

/** Reads the place of a syntax error: Node puts it before the stack, jiti after the message. */
function parseError({ message, stack = '' }: Error): ParseError | undefined {
  const byNode = /^(file:\/\/.+|\/.+):(\d+)\n/.exec(stack);
  const byJiti = /^ParseError: (.*?)\s*\n\s*(\/.+):(\d+):\d+\s*$/s.exec(message);
  if (byJiti !== null) {
    const [, said = '', file = '', line] = byJiti;
    return { said, location: { file, line: Number(line) } };
  }
  if (byNode === null) return undefined;
  const [, place = '', line] = byNode;
  const file = place.startsWith('file://') ? fileURLToPath(place) : place;
  return { said: message, location: { file, line: Number(line) } };
}

async function unparsableWords({ said, location: { file, line } }: ParseError): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const itsLine = text.split('\n')[line - 1]?.trimEnd() ?? '';
  return itsLine === '' ? `SyntaxError: ${said}` : `SyntaxError: ${said}\n${itsLine}`;
}
