/** What stands in the place of a secret. */
export const mask = '***';

/** Fewest characters of a line of a secret that is hidden by itself: shorter ones would hide half of every text. */
const leastLine = 4;

/** What must not be shown, the longest first: it may hold a shorter one. */
let hidden: readonly string[] = [];

/** From now on a text is hidden wherever something is shown: as a whole, and line by line. */
export function hide(text: string): void {
  const lines = text.split(/\r?\n/).flatMap((line) => [line, line.trim()]);
  const parts = [text, text.trim(), ...lines.filter((line) => line.length >= leastLine)].filter((part) => part !== '');
  hidden = [...new Set([...hidden, ...parts])].sort((one, other) => other.length - one.length);
}

/** Puts a mask in the place of everything that is hidden. A host may print what it was given. */
export function masked(text: string): string {
  return hidden.reduce((shown, part) => shown.replaceAll(part, mask), text);
}
