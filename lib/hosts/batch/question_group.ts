import type { MergeRule } from '../../task/merge_rule.ts';
import { canBeShared, type PathLook, parseFiles, readFilesScript } from '../files/read_files.ts';
import { framed, frameEnd, splitFrames } from '../shell/framing.ts';
import { quoteAll } from '../shell/quote.ts';
import { limited } from '../shell/script.ts';
import type { RawOutput } from '../shell/transport.ts';
import { askScript, lookScript, type Question } from './question.ts';

/** Most looks that one shell takes: their names must fit on a command line. */
const looksAtOnce = 400;

type ArgvQuestion = Extract<Question, { kind: 'argv' }>;
type LookQuestion = Extract<Question, { kind: 'look' }>;

/** Questions that are asked with one frame of a batch. */
export interface QuestionGroup<Q extends Question = Question> {
  readonly questions: readonly Q[];
  /** Seconds that asking may take. */
  readonly timeLimit: number;
  /** Script text that asks them. */
  readonly script: string;
  /** The answers in the order of the questions; undefined for one that has to be asked by itself. */
  answers(output: RawOutput): readonly (RawOutput | undefined)[];
}

/**
 * Puts questions together that one shell or one call of their tool can answer.
 * @param mark a random word for what is between the answers of a group
 */
export function groupQuestions(questions: readonly Question[], mark: string): readonly QuestionGroup[] {
  const looks = questions.filter((question) => question.kind === 'look');
  const files = looks.filter(isSharedPathLook);
  const others = files.length < 2 ? looks : looks.filter((look) => !isSharedPathLook(look));
  const commands = questions.filter((question) => question.kind === 'argv');
  const rules = new Set(commands.flatMap(({ mergeRule }) => mergeRule ?? []));
  const merged = [...rules].flatMap((rule) => mergeable(rule, commands).map((group) => askMerged(rule, group, mark)));
  const taken = new Set<Question>(merged.flatMap((group) => group.questions));
  return [
    ...(files.length < 2 ? [] : chunks(files, looksAtOnce).map(askFiles)),
    ...chunks(others, looksAtOnce).map((chunk) => askLooks(chunk, mark)),
    ...merged,
    ...commands.filter((question) => !taken.has(question)).map(askAlone),
  ];
}

/** Asks one question by itself. */
export function askAlone(question: Question): QuestionGroup {
  return {
    questions: [question],
    timeLimit: question.timeLimit,
    script: askScript(question),
    answers: (output) => [output],
  };
}

function isSharedPathLook(question: LookQuestion): question is LookQuestion & PathLook {
  const { look, at } = question;
  return (look === 'file' || look === 'exposure' || look === 'entry-exposure') && canBeShared({ look, at });
}

/** Where there was any trouble with one of the files, nobody could tell whose it was: they are asked one by one. */
function askFiles(questions: readonly (LookQuestion & PathLook)[]): QuestionGroup {
  const timeLimit = longest(questions);
  return {
    questions,
    timeLimit,
    script: readFilesScript(questions, timeLimit),
    answers: (output) => parseFiles(output, questions) ?? questions.map(() => undefined),
  };
}

/** A look that hangs ends the shell; those that it did not come to are then asked by themselves. */
function askLooks(questions: readonly LookQuestion[], mark: string): QuestionGroup {
  const timeLimit = longest(questions);
  return {
    questions,
    timeLimit,
    script: lookScript(questions, frameEnd(mark), timeLimit),
    answers: (output) => {
      const { outputs } = splitFrames(output, mark);
      return questions.map((_, index) => outputs[index]);
    },
  };
}

/** A tool that complains of anything is asked one by one, in the same request: nobody could tell whose complaint it is. */
function askMerged(rule: MergeRule, questions: readonly ArgvQuestion[], mark: string): QuestionGroup {
  const argvs = questions.map(({ argv }) => argv);
  const timeLimit = longest(questions);
  return {
    questions,
    timeLimit: questions.reduce((sum, question) => sum + question.timeLimit, timeLimit),
    script: `{ complaint=$(${limited(timeLimit, rule.merge(argvs))} 2>&1 >&9 9>&-); } 9>&1; ${frameEnd(mark)}
[ -z "$complaint" ] || {
${singlyScript(argvs, timeLimit, mark)}
}`,
    answers: (output) => {
      const [together, ...single] = splitFrames(output, mark).outputs;
      if (single.length > 0 || together === undefined) return questions.map((_, index) => single[index]);
      const answers = rule.split(together.stdout.toString('latin1'), argvs, together.exitCode) ?? [];
      return questions.map((_, index) => {
        const answer = answers[index];
        if (answer === undefined) return undefined;
        return {
          exitCode: answer.exitCode,
          stdout: Buffer.from(answer.stdout, 'latin1'),
          stderr: Buffer.alloc(0),
        };
      });
    },
  };
}

/** Asks one after the other; what all commands begin with stands there once. */
function singlyScript(argvs: readonly (readonly string[])[], timeLimit: number, mark: string): string {
  const [first = []] = argvs;
  const end = first.findIndex((word, index) => argvs.some((argv) => argv[index] !== word));
  const common = first.slice(0, end === -1 ? 1 : end);
  const rest = argvs.map((argv) => `singly ${quoteAll(argv.slice(common.length))}`);
  return `singly() { ${framed(`${limited(timeLimit, common)} "$@"`, mark, timeLimit)}; }\n${rest.join('\n')}`;
}

function mergeable(rule: MergeRule, questions: readonly ArgvQuestion[]): readonly (readonly ArgvQuestion[])[] {
  const groups = new Map<string, ArgvQuestion[]>();
  for (const question of questions) {
    const name = question.mergeRule === rule ? rule.group(question.argv) : undefined;
    if (name !== undefined) groups.set(name, [...(groups.get(name) ?? []), question]);
  }
  return [...groups.values()].filter((group) => group.length >= rule.least);
}

function longest(questions: readonly Question[]): number {
  return Math.max(...questions.map(({ timeLimit }) => timeLimit));
}

function chunks<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
