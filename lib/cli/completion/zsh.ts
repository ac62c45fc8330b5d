import { quote } from '../../hosts/shell/quote.ts';
import { type CommandName, commandNames, commandTable, namedCommands, type Operand } from '../options/commands.ts';
import { isRepeatable } from '../options/option_table.ts';
import { optionsOf, type SpelledOption, valueSpellings } from './spelling.ts';

/** Makes the script for zsh. It can be sourced after compinit, and it can be a file `_kvm-play` in one of the directories of `fpath`. */
export function zshScript(): string {
  return `#compdef kvm-play
# Completes kvm-play in zsh. Made by: kvm-play completion zsh

_kvm_play_sites() {
  _files -g '*.ts'
}

_kvm_play_first() {
  local -a commands=(
${namedCommands.map((command) => `    ${quote(`${command}:${commandTable[command].help}`)}`).join('\n')}
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
      ${namedCommands.join('|')}) command=$word; break ;;
      *) break ;;
    esac
  done

  local -a arguments
  case $command in
${commandNames.map(caseOf).join('\n')}
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

function caseOf(command: CommandName): string {
  const specs = [...optionsOf(command).flatMap(optionSpecs), ...operandSpecs(command)];
  return `    ${command}) arguments=(\n${specs.map((spec) => `      ${quote(spec)}`).join('\n')}\n    ) ;;`;
}

/** The words of a command as `_arguments` takes them; no further word is completed. */
function operandSpecs(command: CommandName): readonly string[] {
  if (command === 'run') return ['1:site or command:_kvm_play_first', '*: :'];
  const operands: readonly Operand[] = commandTable[command].operands;
  return [`: :(${command})`, ...operands.map(operandSpec), '*: :'];
}

function operandSpec({ name, completes }: Operand): string {
  if (completes === undefined) return `:${name}: `;
  return `:${name}:${completes === 'sites' ? '_kvm_play_sites' : described(Object.entries(completes))}`;
}

/** An option as `_arguments` takes it, once for each of its spellings; unless it is repeatable, one spelling excludes the others. */
function optionSpecs(option: SpelledOption): readonly string[] {
  const { spellings, value, completes, help } = option;
  const before =
    isRepeatable(option) && option.kind !== 'flag' ? '*' : spellings.length > 1 ? `(${spellings.join(' ')})` : '';
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
