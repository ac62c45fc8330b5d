import { commandHelp, type NamedCommand, networkHelp, shells } from '../options/commands.ts';
import { otherCommands, type SpelledOption, spelledOptions, valueSpellings } from './spelling.ts';

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
        if test "$command:$places" = run:0; and contains -- $word ${otherCommands.join(' ')}
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
complete -c kvm-play -n '__kvm_play_at run:0 rehearse:0' -a '(__kvm_play_sites)'
${otherCommands.map((command) => wordLine('run', command, commandHelp[command])).join('\n')}
${Object.entries(networkHelp)
  .map(([action, help]) => wordLine('network', action, help))
  .join('\n')}
${shells.map((shell) => wordLine('completion', shell, `a script for ${shell}`)).join('\n')}

${spelledOptions.map(optionLine).join('\n')}
`;
}

function wordLine(command: NamedCommand, word: string, help: string): string {
  return `complete -c kvm-play -n '__kvm_play_at ${command}:0' -a ${word} -d ${quoted(help)}`;
}

function optionLine({ name, short, value, completes, commands, help }: SpelledOption): string {
  return [
    `complete -c kvm-play -n '__kvm_play_command ${commands.join(' ')}'`,
    ...(short === undefined ? [] : [`-s ${short}`]),
    `-l ${name}`,
    ...(value === undefined ? [] : [completes === 'files' ? '-r -F' : '-x']),
    ...(completes === undefined || completes === 'files' ? [] : [`-a ${quoted(completes.join(' '))}`]),
    `-d ${quoted(help)}`,
  ].join(' ');
}

/** As fish quotes: between single quotes only these two characters have to be escaped. */
function quoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, '\\$&')}'`;
}
