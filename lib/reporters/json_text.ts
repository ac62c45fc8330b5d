/**
 * Writes data as JSON that is safe to print: control characters, invisible characters, and commands to a CI system's runner
 * (`##[name]` anywhere in a line) are escaped, which JSON allows for every character of a text.
 * @param indent number of blanks per level; default: everything on one line
 */
export function jsonText(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent)
    .replaceAll(/[\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u007f-\u009f]/gu, escaped)
    .replaceAll(/##(?=\w*\[)/g, '#\\u0023');
}

function escaped(character: string): string {
  return [...Array(character.length).keys()]
    .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`)
    .join('');
}
