import { quote } from '../../hosts/shell/quote.ts';
import { commandHelp, commands, type NamedCommand, networkHelp, shells } from '../options/commands.ts';
import { optionsOf, otherCommands, type SpelledOption, valueSpellings } from './spelling.ts';

/** What stands behind the options of each command, as `_arguments` takes it. */
const places: Readonly<Record<NamedCommand, readonly string[]>> = {
  run: ['1:site or command:_kvm_play_first', '*: :'],
  rehearse: [': :(rehearse)', ':site:_kvm_play_sites', '*: :'],
  network: [': :(network)', `:action:${described(Object.entries(networkHelp))}`, ':host: ', ':seconds: '],
  inventory: [': :(inventory)', ':pattern: '],
  completion: [': :(completion)', `:shell:(${shells.join(' ')})`],
};

/** Makes the script for zsh. It can be sourced after compinit, and it can be a file `_kvm-play` in one of the directories of `fpath`. */
export function zshScript(): string {
  return `#compdef kvm-play
# Completes kvm-play in zsh. Made by: kvm-play completion zsh

_kvm_play_sites() {
  _files -g '*.ts'
}

_kvm_play_first() {
  local -a commands=(
${otherCommands.map((command) => `    ${quote(`${command}:${commandHelp[command]}`)}`).join('\n')}
  )
  _alternative 'sites:site:_kvm_play_sites' 'commands:command:{_describe command commands}'
}

_kvm_play() {
  local command=run word option=
  for word in \${words[2,CURRENT-1]}; do
    if [[ -n $option ]]; then
      option=
      continue
    fi
    case $word in
      --) ;;
      ${valueSpellings.join('|')}) option=$word ;;
      -*) ;;
      ${otherCommands.join('|')}) command=$word; break ;;
      *) break ;;
    esac
  done

  local -a arguments
  case $command in
${commands.map(caseOf).join('\n')}
  esac
  _arguments -s -S $arguments
}

if [[ $funcstack[1] == _kvm_play || $funcstack[1] == _kvm-play ]]; then
  _kvm_play "$@"
else
  compdef _kvm_play kvm-play
fi
`;
}

function caseOf(command: NamedCommand): string {
  const specs = [...optionsOf(command).flatMap(optionSpecs), ...places[command]];
  return `    ${command}) arguments=(\n${specs.map((spec) => `      ${quote(spec)}`).join('\n')}\n    ) ;;`;
}

/** An option as `_arguments` takes it, once for each of its spellings; unless it is repeatable, one spelling excludes the others. */
function optionSpecs({ spellings, multiple, value, completes, help }: SpelledOption): readonly string[] {
  const before = multiple ? '*' : spellings.length > 1 ? `(${spellings.join(' ')})` : '';
  const action = completes === 'files' ? '_files' : completes === undefined ? ' ' : `(${completes.join(' ')})`;
  const after = value === undefined ? '' : `:${escaped(value)}:${action}`;
  return spellings.map((spelling) => {
    const takes = value === undefined ? '' : spelling.startsWith('--') ? '=' : '+';
    return `${before}${spelling}${takes}[${escaped(help)}]${after}`;
  });
}

/** Words with their explanations, as an action of `_arguments`. */
function described(words: readonly (readonly [word: string, help: string])[]): string {
  return `((${words.map(([word, help]) => `${word}\\:${quote(escaped(help))}`).join(' ')}))`;
}

/** Brackets and colons have a meaning of their own in a specification. */
function escaped(text: string): string {
  return text.replaceAll(/[[\]:\\]/g, '\\$&');
}
