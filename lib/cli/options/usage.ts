import { commands, commandTable } from './commands.ts';
import { exitCodeHelp, exitCodes } from './exit_codes.ts';
import { keysOf } from './keys.ts';
import { fullHelp, type Option, options, spellingsOf } from './option_table.ts';

/** The help fits this many columns. */
const width = 80;
/** The column at which explanations begin. */
const helpColumn = 30;

/** The synopses of all commands, e.g. `kvm-play network extend HOST SECONDS`. */
export const synopses: readonly string[] = commands.flatMap(([, { usage }]) => usage.map((line) => `kvm-play ${line}`));

/** The text that `--help` prints. */
export const usage: string = [
  `Usage: ${synopses.join('\n       ')}`,
  wrapped(`${commandTable.run.help}.`, width).join('\n'),
  'Other commands',
  rows(commands.filter(([name]) => name !== 'run').map(([name, { help }]) => [name, help])),
  ...[...new Set([...options.values()].map(({ section }) => section))].flatMap((section) => [
    section,
    rows(
      [...options]
        .filter(([, option]) => option.section === section)
        .map(([name, option]) => [spelled(name, option), fullHelp(option)]),
    ),
  ]),
  ...commands.flatMap(([command, { operands }]) =>
    operands.flatMap(({ name, completes = 'sites' }) =>
      completes === 'sites' ? [] : [`The ${name} of ${command}`, rows(Object.entries(completes))],
    ),
  ),
  'Exit codes (if several apply, 6 wins, then 130, 5, 4, 2 and 3)',
  rows(
    keysOf(exitCodes).map((name) => [String(exitCodes[name]), exitCodeHelp[name]]),
    6,
  ),
]
  .join('\n\n')
  // A heading and its rows stand together.
  .replaceAll(/^(\S[^\n]*)\n\n(?= {2}\S)/gm, '$1\n')
  .concat('\n');

/** Spells an option as the help does: `-e, --extra-vars NAME=VALUE`. */
function spelled(name: string, option: Option): string {
  return spellingsOf(name, option).join(', ') + (option.value === undefined ? '' : ` ${option.value}`);
}

/** Lays out names and explanations in two columns. A name that is too long for its column stands on a line of its own. */
function rows(pairs: readonly (readonly [name: string, help: string])[], column: number = helpColumn): string {
  return pairs
    .map(([name, help]) => {
      const [first = '', ...others] = wrapped(help, width - column);
      const start = `  ${name}`;
      const lines = [...(start.length < column ? [start.padEnd(column) + first] : [start, ' '.repeat(column) + first])];
      return [...lines, ...others.map((line) => ' '.repeat(column) + line)].join('\n');
    })
    .join('\n');
}

/** Breaks a text into lines between words. */
function wrapped(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > columns) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
