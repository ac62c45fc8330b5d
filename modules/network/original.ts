/**
 * A port's file keeps the text that it had before it became a port, in comments: `# before br0: DHCP=yes`. So the way back needs
 * nothing but the file itself.
 */

const noLineBreak = '(no line break at the end)';

/** Adds the comments in front of a file's new text. @param original the text before; undefined where there was no file */
export function keepOriginal(bridge: string, original: string | undefined, text: string): string {
  const head = `# A port of ${bridge}, made by kvm-play.`;
  if (original === undefined) return `${head}\n${text}`;
  const lines = original.split('\n');
  const isWhole = lines.at(-1) === '';
  const prefix = `# before ${bridge}:`;
  const kept = (isWhole ? lines.slice(0, -1) : lines).map((line) => (line === '' ? prefix : `${prefix} ${line}`));
  return [head, ...kept, ...(isWhole ? [] : [`# before ${bridge} ${noLineBreak}`]), text].join('\n');
}

/** Reads the comments. @returns undefined where the file was not made by {@link keepOriginal} for this bridge */
export function readOriginal(bridge: string, text: string): { readonly original: string | undefined } | undefined {
  const lines = text.split('\n');
  if (lines[0] !== `# A port of ${bridge}, made by kvm-play.`) return undefined;
  const prefix = `# before ${bridge}:`;
  const kept = lines.filter((line) => line === prefix || line.startsWith(`${prefix} `));
  if (kept.length === 0) return { original: undefined };
  const isWhole = !lines.includes(`# before ${bridge} ${noLineBreak}`);
  const original = kept.map((line) => line.slice(prefix.length + 1)).join('\n');
  return { original: isWhole ? `${original}\n` : original };
}
