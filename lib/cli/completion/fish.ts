import { commandTable, namedCommands } from '../options/commands.ts';
import { takersOf } from '../options/option_table.ts';
import {
  type CompletedOperand,
  completedOperands,
  type SpelledOption,
  spelledOptions,
  valueSpellings,
} from './spelling.ts';

/** Makes the script for fish, from 3.0 on. */
export function fishScript(): string {
  return `# Completes kvm-play in fish. Made by: kvm-play completion fish

# Says which command is typed so far, and how many words stand behind it.
function __kvm_play_typed
    set -l command run
    set -l places 0
    set -l option ''
    set -l ended ''
    for word in (commandline -opc)[2..-1]
        if test -n "$option"
            set option ''
            continue
        end
        if test -z "$ended"
            switch $word
                case --
                    set ended yes
                    continue
                case ${valueSpellings.join(' ')}
                    set option $word
                    continue
                case '-*'
                    continue
            end
        end
        if test "$command:$places" = run:0; and contains -- $word ${namedCommands.join(' ')}
            set command $word
        else
            set places (math $places + 1)
        end
    end
    echo $command:$places
end

function __kvm_play_at
    contains -- (__kvm_play_typed) $argv
end

function __kvm_play_command
    contains -- (string split -m 1 : (__kvm_play_typed))[1] $argv
end

function __kvm_play_sites
    __fish_complete_path (commandline -ct) | string match -r '^[^\\t]*(?:\\.ts|/)(?:\\t.*)?$'
end

complete -c kvm-play -f
${namedCommands.map((command) => wordLine('run:0', command, commandTable[command].help)).join('\n')}
${completedOperands.flatMap(operandLines).join('\n')}

${spelledOptions.map(optionLine).join('\n')}
`;
}

function operandLines({ command, place, completes }: CompletedOperand): readonly string[] {
  const at = `${command}:${place}`;
  if (completes === 'sites') return [`complete -c kvm-play -n '__kvm_play_at ${at}' -a '(__kvm_play_sites)'`];
  return Object.entries(completes).map(([word, help]) => wordLine(at, word, help));
}

function wordLine(at: string, word: string, help: string): string {
  return `complete -c kvm-play -n '__kvm_play_at ${at}' -a ${word} -d ${quoted(help)}`;
}

function optionLine(option: SpelledOption): string {
  const { name, short, value, completes, help } = option;
  return [
    `complete -c kvm-play -n '__kvm_play_command ${takersOf(option).join(' ')}'`,
    ...(short === undefined ? [] : [`-s ${short}`]),
    `-l ${name}`,
    ...(value === undefined ? [] : [completes === 'files' ? '-r -F' : '-x']),
    ...(completes === undefined || completes === 'files' ? [] : [`-a ${quoted(completes.join(' '))}`]),
    `-d ${quoted(help)}`,
  ].join(' ');
}

/** Quotes a text for fish: between single quotes only the backslash and the single quote have to be escaped. */
function quoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, '\\$&')}'`;
}
