import { shellProgram } from '../../process/package_files.ts';
import type { MergeRule } from '../../task/merge_rule.ts';
import { trustedPath } from '../files/trusted_path.ts';
import { noted, ownPlaces } from '../shell/paths.ts';
import { quote } from '../shell/quote.ts';
import { limited } from '../shell/script.ts';

/**
 * A kind of look that costs next to nothing: `file` reads one, `directory` lists the names in one (none in what is no directory),
 * `exists` and `writable` say so of a path, `target` follows its links, `command` finds a command in the PATH, `exposure` says who
 * can write to a path's directory (`entry-exposure` of the path itself, where it is a link), `note` looks for a note of our own,
 * `NAME` or `NAME` and the path that it is about, `user` says who looks. `file`, `directory` and `exists` end with `absent` where
 * there is nothing, and with a complaint where that cannot be told.
 */
export type LookKind =
  | 'file'
  | 'exposure'
  | 'entry-exposure'
  | 'directory'
  | 'exists'
  | 'writable'
  | 'target'
  | 'command'
  | 'note'
  | 'user';

/** Script functions for looks: `kvm_play_look LOOK AT` takes one; see `looks.sh`. */
function looking(): string {
  return [ownPlaces(), noted(), trustedPath(), shellProgram('lib/hosts/batch/looks.sh')].join('\n');
}

/** What a host is asked: a command that only looks, or a cheap look at one thing. */
export type Question =
  | {
      readonly kind: 'argv';
      readonly argv: readonly string[];
      readonly timeLimit: number;
      readonly mergeRule?: MergeRule | undefined;
    }
  | { readonly kind: 'look'; readonly look: LookKind; readonly at: string; readonly timeLimit: number };

/** Commands that are cheap looks in other words. */
const commandLooks: readonly { readonly words: readonly string[]; readonly look: LookKind }[] = [
  { words: ['test', '-w'], look: 'writable' },
  { words: ['readlink', '-f', '--'], look: 'target' },
];

/** Makes a question of a command. */
export function questionOf(argv: readonly string[], timeLimit: number, mergeRule?: MergeRule): Question {
  const at = argv.at(-1);
  const same = commandLooks.find(
    ({ words }) => words.length === argv.length - 1 && words.every((word, index) => word === argv[index]),
  );
  if (same === undefined || at === undefined) return { kind: 'argv', argv, timeLimit, mergeRule };
  return { kind: 'look', look: same.look, at, timeLimit };
}

/** Script text that asks one question by itself. */
export function askScript(question: Question): string {
  if (question.kind === 'argv') return limited(question.timeLimit, question.argv);
  const { look, at, timeLimit } = question;
  return limited(timeLimit, ['sh', '-c', `${looking()}\nkvm_play_look "$1" "$2"`, 'sh', look, at]);
}

/**
 * Script text that takes many looks in one shell, under one time limit.
 * @param ended script text that follows each look
 */
export function lookScript(
  questions: readonly Extract<Question, { kind: 'look' }>[],
  ended: string,
  timeLimit: number,
): string {
  const script = `${looking()}
[ -n "$(kvm_play_unsure "$@")" ] || kvm_play_sure=yes
while [ $# -gt 0 ]; do kvm_play_look "$1" "$2"
${ended}; shift 2; done`;
  const names = questions.map(({ look, at }) => `${look} ${quote(at)}`).join(' ');
  return `limited ${timeLimit} sh -c ${quote(script)} sh ${names}`;
}
