import { commandNames, namedCommands } from '../options/commands.ts';
import { type CompletedOperand, completedOperands, optionsOf, spelledOptions, valueSpellings } from './spelling.ts';

/** Makes the script for bash, from 3.2 on; it needs nothing of the package bash-completion. */
export function bashScript(): string {
  return `# Completes kvm-play in bash. Made by: kvm-play completion bash

# Adds what the word may become, one a line, to COMPREPLY.
_kvm_play_offer() {
  local line
  while IFS= read -r line; do
    COMPREPLY+=("$line")
  done < <(compgen "$@")
}

# Offers files; where none begins like the word, readline looks itself: it knows about quotes.
_kvm_play_files() {
  compopt -o filenames -o default 2>/dev/null
  _kvm_play_offer -f -- "$1"
}

_kvm_play_sites() {
  compopt -o filenames 2>/dev/null
  _kvm_play_offer -d -- "$1"
  _kvm_play_offer -f -X '!*.ts' -- "$1"
}

_kvm_play() {
  COMPREPLY=()
  local current=\${COMP_WORDS[COMP_CWORD]} command=run option= places=0 ended= word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ -n $option ]]; then
      # bash makes three words of --option=value.
      [[ $word == = ]] || option=
      continue
    fi
    if [[ -z $ended ]]; then
      case $word in
        --) ended=yes; continue ;;
        ${valueSpellings.join('|')}) option=$word; continue ;;
        -*) continue ;;
      esac
    fi
    case $command:$places:$word in
      ${namedCommands.map((command) => `run:0:${command}`).join('|')}) command=$word ;;
      *) places=$((places + 1)) ;;
    esac
  done
  [[ -n $option && $current == = ]] && current=

  case $option in
    '') ;;
${spelledOptions.flatMap(({ spellings, completes }) => (completes === undefined ? [] : [`    ${spellings.join('|')}) ${offer(completes)} ;;`])).join('\n')}
  esac
  [[ -n $option ]] && return

  if [[ -z $ended && $current == -* ]]; then
    case $command in
${commandNames.map((command) => `      ${command}) ${offer(optionsOf(command).flatMap(({ spellings }) => spellings))} ;;`).join('\n')}
    esac
    return
  fi
  case $command:$places in
${completedOperands.map(operandLine).join('\n')}
  esac
}

complete -F _kvm_play kvm-play
`;
}

/** Offers files, or words. */
function offer(what: 'files' | readonly string[]): string {
  return what === 'files' ? '_kvm_play_files "$current"' : `_kvm_play_offer -W '${what.join(' ')}' -- "$current"`;
}

/** Where no command is named yet, the first word may also be one. */
function operandLine({ command, place, completes }: CompletedOperand): string {
  const own = completes === 'sites' ? '_kvm_play_sites "$current"' : offer(Object.keys(completes));
  const commandWords = command === 'run' && place === 0 ? `; ${offer(namedCommands)}` : '';
  return `    ${command}:${place}) ${own}${commandWords} ;;`;
}
