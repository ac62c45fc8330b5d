import { randomBytes } from 'node:crypto';
import { BugError, CommandError, ConnectionError } from '../../errors.ts';
import type { MergeRule } from '../../task/merge_rule.ts';
import { framed, frameEnd, splitFrames } from '../shell/framing.ts';
import { prologue } from '../shell/script.ts';
import { OutputLimitError, type RawOutput, type Transport } from '../shell/transport.ts';
import { type ActionPart, actionInput, actionScript } from './action.ts';
import type { Question } from './question.ts';
import { askAlone, groupQuestions, type QuestionGroup } from './question_group.ts';

/** Seconds that a batch may take beside its questions. */
const margin = 15;

interface Asked {
  /** Of equal questions the one that came with a rule for merging, where one did. */
  question: Question;
  /** True for one that cannot be asked together with others. */
  readonly alone: boolean;
  readonly answer: Promise<RawOutput>;
  resolve(output: RawOutput): void;
  reject(error: unknown): void;
}

/** What is to be done before the questions of its turn are asked. */
interface Action {
  readonly parts: readonly ActionPart[];
  resolve(outputs: readonly RawOutput[]): void;
  reject(error: unknown): void;
}

/**
 * Asks a host all that is asked for in one turn of the event loop in one request. Equal questions of a turn are asked once, and
 * those that one tool can answer together are asked together. While a request is under way, the next one gathers.
 * What is done to the host travels with the questions that are asked after it in the same turn, and comes before them.
 */
export class QueryBatch {
  readonly #transport: Transport;
  #gathered = new Map<string, Asked>();
  /** What got no answer among others, and is asked again by itself, whatever has been gathered meanwhile. */
  #again: readonly Asked[] = [];
  #action: Action | undefined;
  #isDue = false;
  #busy = false;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Asks one question. @throws ConnectionError; CommandError for an answer that is too long to be held */
  async ask(question: Question): Promise<RawOutput> {
    const key = keyOf(question);
    const known = this.#gathered.get(key);
    if (known !== undefined) {
      if (mergeRuleOf(known.question) === undefined) known.question = question;
      return known.answer;
    }
    const asked = newAsked(question);
    this.#gathered.set(key, asked);
    this.#sendSoon();
    return asked.answer;
  }

  /**
   * Does something to the host, part by part. Questions that were asked before it must have been answered.
   * @returns what became of each part; those after a failed one were not done
   * @throws ConnectionError, OutputLimitError
   */
  async act(parts: readonly ActionPart[]): Promise<readonly RawOutput[]> {
    if (this.#action !== undefined) throw new BugError('one action at a time can be done to a host');
    return new Promise((resolve, reject) => {
      this.#action = { parts, resolve, reject };
      this.#sendSoon();
    });
  }

  #sendSoon(): void {
    if (this.#busy || this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      void this.#send();
    });
  }

  async #send(): Promise<void> {
    this.#busy = true;
    while (this.#gathered.size + this.#again.length > 0 || this.#action !== undefined) {
      const questions = [...this.#gathered.values(), ...this.#again];
      const action = this.#action;
      this.#gathered = new Map();
      this.#again = [];
      this.#action = undefined;
      try {
        const { done, answers } = await request(this.#transport, action?.parts ?? [], questions);
        if (done instanceof Error) action?.reject(done);
        else action?.resolve(done);
        this.#again = questions.flatMap((asked) => settle(asked, answers.get(asked.question)));
      } catch (error) {
        action?.reject(error);
        for (const asked of questions) asked.reject(error);
      }
    }
    this.#busy = false;
  }
}

/** Hands the answer over. @returns the question, to be asked by itself, where it got none among others */
function settle(asked: Asked, answer: RawOutput | Error | undefined): readonly Asked[] {
  if (answer instanceof Error) asked.reject(answer);
  else if (answer !== undefined) asked.resolve(answer);
  else if (asked.alone) asked.reject(new ConnectionError('the answer was cut off'));
  else return [{ ...asked, alone: true }];
  return [];
}

type Answers = ReadonlyMap<Question, RawOutput | Error | undefined>;

interface Reply {
  readonly done: readonly RawOutput[] | OutputLimitError;
  readonly answers: Answers;
}

async function request(transport: Transport, parts: readonly ActionPart[], all: readonly Asked[]): Promise<Reply> {
  const [mark, inner] = [randomMark(), randomMark()];
  const groups = [
    ...groupQuestions(
      all.filter(({ alone }) => !alone).map(({ question }) => question),
      inner,
    ),
    ...all.filter(({ alone }) => alone).map(({ question }) => askAlone(question)),
  ];
  const action = parts.length === 0 ? [] : [`( ${actionScript(parts, inner)}\n); ${frameEnd(mark)}`];
  const script = [
    prologue(),
    ...action,
    ...groups.map((group) => framed(group.script, mark, group.timeLimit)),
    'exit 0',
  ].join('\n');
  const timeLimit = [...parts, ...groups].reduce((sum, part) => sum + part.timeLimit, margin);
  const stdin = actionInput(parts);
  const read = (output: RawOutput): Reply => {
    const frames = splitFrames(output, mark);
    const [first] = action.length === 0 ? [] : [frames.outputs[0] ?? frames.rest];
    return {
      done: first === undefined ? [] : splitFrames(first, inner).outputs,
      answers: answersOf(groups, frames.outputs.slice(action.length)),
    };
  };
  try {
    return read(await transport.run(script, { timeLimit, ...(stdin.length > 0 && { stdin }) }));
  } catch (error) {
    if (!(error instanceof OutputLimitError)) throw error;
    const { outputs } = splitFrames(error.partial, mark);
    const { done, answers } = read(error.partial);
    const endless = groups[outputs.length - action.length];
    return {
      done: outputs.length < action.length ? error : done,
      answers: new Map([...answers, ...(endless === undefined ? [] : tooLong(endless, error))]),
    };
  }
}

function answersOf(groups: readonly QuestionGroup[], outputs: readonly RawOutput[]): Answers {
  return new Map(
    groups.flatMap((group, index) => {
      const own = outputs[index];
      const answers = own === undefined ? [] : group.answers(own);
      return group.questions.map((question, place) => [question, answers[place]] as const);
    }),
  );
}

/** Among several nobody can tell whose answer it was: they are asked one by one. */
function tooLong({ questions }: QuestionGroup, { message }: OutputLimitError): readonly (readonly [Question, Error])[] {
  const [question, ...others] = questions;
  if (question === undefined || others.length > 0) return [];
  const argv = question.kind === 'argv' ? question.argv : [question.look, question.at];
  return [[question, new CommandError(`'${argv.join(' ')}': ${message}`, { argv, exitCode: 1, stderr: '' })]];
}

/** Equal questions have equal keys, whatever rule they came with. */
function keyOf(question: Question): string {
  return JSON.stringify({ ...question, mergeRule: undefined });
}

function mergeRuleOf(question: Question): MergeRule | undefined {
  return question.kind === 'argv' ? question.mergeRule : undefined;
}

function randomMark(): string {
  return randomBytes(16).toString('hex');
}

function newAsked(question: Question): Asked {
  let resolve: (output: RawOutput) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  // What Promise.withResolvers does from Node 22 on.
  const answer = new Promise<RawOutput>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { question, alone: false, answer, resolve, reject };
}

/** Says that a command was ended because its time was over. */
export function timeoutError(
  argv: readonly string[],
  { exitCode, stderr }: RawOutput,
  timeLimit: number,
  title: string = argv.join(' '),
): CommandError {
  const failure = { argv, exitCode, stderr: stderr.toString() };
  return new CommandError(`'${title}' took longer than ${timeLimit} s, and was ended`, failure);
}
