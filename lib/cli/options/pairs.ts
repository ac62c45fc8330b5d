import { PlaybookError } from '../../errors.ts';
import { characterEscapes } from '../../inventory/ansible/python_literal.ts';
import { unquoted } from '../../inventory/ansible/unquoted.ts';

/** What stands between two blanks; blanks and line ends in quotes are part of it. A quote behind a backslash opens and closes nothing. */
const tokens = /(?:[^ \n"'\\]|\\["']|\\(?!["'])|"(?:[^"\\]|\\["']|\\(?!["']))*"|'(?:[^'\\]|\\["']|\\(?!["']))*')+/g;

/**
 * Splits `name=value other="two words"` into names and values, by Ansible's rules for blanks, quotes and backslashes.
 * @throws PlaybookError for a quote that nothing closes, and for what is no pair: Ansible would pass over it
 */
export function splitPairs(text: string): readonly (readonly [name: string, value: string])[] {
  if (text.replaceAll(tokens, '').trim() !== '') {
    throw new PlaybookError(`-e ${text}: a quote is opened and not closed; write ${quoteExample}`);
  }
  const parts = text.match(tokens) ?? [''];
  const pairs: (readonly [string, string])[] = [];
  for (const part of parts) {
    const [, name, value] = /^(.(?:[^=]|(?<=\\)=)*)(?<!\\)=(.*)$/s.exec(withoutEscapes(part)) ?? [];
    if (name === undefined || value === undefined) throw noPair(text, part, pairs.at(-1));
    pairs.push([name.trim(), unquoted(value.trim())]);
  }
  return pairs;
}

const quoteExample = `-e 'NAME="two words"' for a value with blanks or quotes`;

function noPair(text: string, part: string, before: readonly [string, string] | undefined): PlaybookError {
  if (before !== undefined) {
    const [name, value] = before;
    return new PlaybookError(
      `-e takes NAME=VALUE pairs with blanks between, and '${part}' in '${text}' is not one; quote a value that holds blanks: -e '${name}="${value} ${part}"'`,
    );
  }
  const hint = /^[./~]|\.(?:json|ya?ml)$/.test(part) ? `; a file is named as -e @${part}` : '';
  return new PlaybookError(`-e takes NAME=VALUE, and was given '${text}'${hint}`);
}

function withoutEscapes(text: string): string {
  return text.replaceAll(
    /\\(?:U([\da-fA-F]{8})|u([\da-fA-F]{4})|x([\da-fA-F]{2})|([\\'"abfnrtv]))/g,
    (whole, long?: string, short?: string, byte?: string, letter?: string) => {
      if (letter !== undefined) return characterEscapes[letter] ?? whole;
      const point = Number.parseInt(long ?? short ?? byte ?? '', 16);
      return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
    },
  );
}
