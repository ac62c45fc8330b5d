import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectionError } from '../errors.ts';
import { shellProgram } from '../process/package_files.ts';
import { waitUntil } from '../process/wait_until.ts';
import { trustedPath } from './files/trusted_path.ts';
import type { ReachOptions } from './host.ts';
import type { Reach } from './reach.ts';
import { observed, parseOutcome } from './shell/outcome.ts';
import { ownPlaces, runtimeDirectory, userRuntime } from './shell/paths.ts';
import { prologue } from './shell/script.ts';
import type { RawOutput, Transport } from './shell/transport.ts';

/** Seconds between two questions to a host that answers. */
const questionInterval = 0.5;
/** Seconds for which the open connection may be silent before another one is tried besides. */
const silenceLimit = 2;
/** Seconds that one question over the open connection may take: once the link is there again, TCP delivers it late. */
const answerLimit = 60;
/** Seconds beyond the commands' own time limits in which the host must be heard from again. */
const returnLimit = 60;

/** Exit status of the asking script while the commands are still running. */
const stillRunning = 75;

/** One of the commands that run one after the other outside of the session. */
export interface DetachedCommand {
  /** Script text. */
  readonly script: string;
  /** Seconds that it may take. */
  readonly timeLimit: number;
  /** Go on with the next command though this one failed. */
  readonly mayFail: boolean;
}

/**
 * Runs commands that may cut the link, one after the other: on the host they run outside of this session, their output and exit
 * statuses go to a journal there. All of them run as one, because after the first nobody may be there to start the second.
 * The controller asks for the result over the open connection, and over another one where that stays silent. Once the commands have
 * ended, it opens one more: what was open before says nothing of connections to come.
 * @param options `within`: seconds in which the host must be heard from again; `at`: addresses to try besides its own
 * @returns what became of each command that was run; those after a failed one were not
 * @throws ConnectionError when the host is not heard from again in time
 */
export async function runDetached(
  transport: Transport,
  reach: Reach,
  commands: readonly DetachedCommand[],
  options: ReachOptions = {},
): Promise<readonly RawOutput[]> {
  const id = randomUUID();
  const journal = journalOf(id);
  const stdin = Buffer.from(detachedScript(journal, commands));
  const started = await transport.run(startScript(id), { stdin, timeLimit: 30 });
  if (started.exitCode !== 0) return [started];
  const within = options.within ?? commands.reduce((sum, { timeLimit }) => sum + timeLimit, returnLimit);
  const result = await awaitResult(transport, reach, id, { at: [], ...options, within });
  await transport.run(`${ownPlaces()}\nrm -rf -- ${journal}`, { timeLimit: 15 }).catch(() => {});
  return result.exitCode === 0 ? parseOutputs(result.stdout, commands) : [result];
}

/** The directory of a journal as a word of a script that begins with the prologue: where it is depends on who runs it. */
function journalOf(id: string): string {
  return `"$kvm_play_run"/steps/${id}`;
}

/** Output and exit status of command N go to `N.output` and `N.status`; `done` stands there when the last one has ended. */
function detachedScript(journal: string, commands: readonly DetachedCommand[]): string {
  const parts = commands.map(
    ({ script, mayFail }, index) => `${observed(`{ ${script}\n} >${journal}/${index}.output 2>&1`)}
echo "$kvm_play_outcome" > ${journal}/${index}.status
${mayFail ? '' : '[ "$kvm_play_status" -eq 0 ] || end'}`,
  );
  return `${prologue()}
exec </dev/null
end() { : > ${journal}/done; exit 0; }
${parts.join('\n')}
end
`;
}

/** Script text that starts what is on standard input; see `start_detached.sh`. */
function startScript(id: string): string {
  return [prologue(), trustedPath(), `id=${id}`, shellProgram('lib/hosts/start_detached.sh')].join('\n');
}

/** Script text that asks for the result; see `ask_detached.sh`. */
function askScript(id: string): string {
  return [prologue(), `id=${id}`, shellProgram('lib/hosts/ask_detached.sh')].join('\n');
}

async function awaitResult(
  transport: Transport,
  reach: Reach,
  id: string,
  { within, at }: Required<ReachOptions>,
): Promise<RawOutput> {
  const ask = askScript(id);
  const deadline = performance.now() + within * 1000;
  let asked: Promise<RawOutput | undefined> | undefined;
  let isHeard = true;
  /** @returns undefined where the host stayed silent: then another connection has been tried */
  const answerOnce = async (): Promise<RawOutput | undefined> => {
    asked ??= transport.runOverOpen(ask, { timeLimit: answerLimit }).catch(() => undefined);
    const answer = await Promise.race([asked, sleep(silenceLimit * 1000, 'silence' as const, { ref: false })]);
    if (answer !== 'silence') asked = undefined;
    if (answer === undefined || answer === 'silence') {
      isHeard = false;
      if (await isReachedAnew(reach, asked, { at, deadline })) asked = undefined;
      return undefined;
    }
    if (!isHeard) reach.heardAgain();
    isHeard = true;
    return answer;
  };
  const hasEnded = (answer: RawOutput | undefined): answer is RawOutput =>
    answer !== undefined && answer.exitCode !== stillRunning;
  const answer = await waitUntil(answerOnce, hasEnded, {
    within,
    // A host that is silent has been waited for already.
    interval: (last) => (last === undefined ? 0 : questionInterval),
  });
  if (hasEnded(answer)) {
    await reach.again({ within: (deadline - performance.now()) / 1000, at });
    return answer;
  }
  const seconds = Math.max(0, Math.round(within));
  const words = isHeard
    ? `the host answers, and after ${seconds} s the steps that cut the link are still running`
    : `the host has not been heard from for ${seconds} s since the steps that cut the link; look at its console`;
  throw new ConnectionError(
    `${words}; their output is in ${runtimeDirectory}/steps/${id}, or, without root, in ~/${userRuntime}/steps/${id}`,
  );
}

/** Tries another connection until the open one answers. @returns true where the other one has taken its place */
async function isReachedAnew(
  reach: Reach,
  asked: Promise<RawOutput | undefined> | undefined,
  options: { readonly at: readonly string[]; readonly deadline: number },
): Promise<boolean> {
  const heard = new AbortController();
  void asked?.then((answer) => {
    if (answer !== undefined) heard.abort();
  });
  const { isOpen } = await reach.attempt({ ...options, signal: heard.signal });
  return isOpen;
}

function parseOutputs(answer: Buffer, commands: readonly DetachedCommand[]): readonly RawOutput[] {
  const outputs: RawOutput[] = [];
  for (let at = 0; at < answer.length; ) {
    const lineEnd = answer.indexOf('\n', at);
    const [, ending, length] = /^(\d+ \S+ \S+) (\d+)$/.exec(answer.toString('latin1', at, lineEnd)) ?? [];
    const command = commands[outputs.length];
    if (lineEnd === -1 || ending === undefined || command === undefined) {
      throw new ConnectionError('the journal of the steps cannot be read');
    }
    at = lineEnd + 1 + Number(length);
    const stderr = answer.subarray(lineEnd + 1, at);
    outputs.push({ ...parseOutcome(ending, command.timeLimit), stdout: Buffer.alloc(0), stderr });
  }
  return outputs;
}
