import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectionError } from '../errors.ts';
import type { ReachOptions } from './host.ts';
import { observed, parseOutcome } from './outcome.ts';
import { runtimeDirectory } from './paths.ts';
import { quote } from './quote.ts';
import { reconnectTo, runAnywhere } from './reach.ts';
import { prologue } from './script.ts';
import type { RawOutput, Transport } from './transport.ts';

/** Seconds between two attempts to hear from a host whose network is being restarted. */
const attemptInterval = 0.5;
/** Seconds that one attempt over the old connection may take. */
const oldLimit = 3;
/** Seconds beyond the commands' own time limits in which the host must be heard from again. */
const returnLimit = 60;

/** Bytes of each command's output that are kept: its end. */
const outputLimit = 20_000;

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
 * The controller asks for the result over the old connection and over fresh ones; the first that answers wins.
 * @param options `within`: seconds in which the host must be heard from again; `at`: addresses to try besides its own
 * @returns what became of each command that was run; those after a failed one were not
 * @throws ConnectionError when the host is not heard from again in time
 */
export async function runDetached(
  transport: Transport,
  commands: readonly DetachedCommand[],
  options: ReachOptions = {},
): Promise<readonly RawOutput[]> {
  const journal = `${runtimeDirectory}/steps/${randomUUID()}`;
  const stdin = Buffer.from(detachedScript(journal, commands));
  const started = await transport.run(startScript(journal), { stdin, timeLimit: 30 });
  if (started.exitCode !== 0) return [started];
  const within = options.within ?? commands.reduce((sum, { timeLimit }) => sum + timeLimit, returnLimit);
  const result = await awaitResult(transport, journal, { at: [], ...options, within });
  await transport.run(`rm -rf -- ${journal}`, { timeLimit: 15 }).catch(() => {});
  return result.exitCode === 0 ? parseOutputs(result.stdout, commands) : [result];
}

/** Output and exit status of command N go to `N.output` and `N.status`; `done` stands there when the last one has ended. */
function detachedScript(journal: string, commands: readonly DetachedCommand[]): string {
  const pieces = commands.map(
    ({ script, mayFail }, index) => `${observed(`{ ${script}\n} >${journal}/${index}.output 2>&1`)}
echo "$kvm_play_outcome" > ${journal}/${index}.status
${mayFail ? '' : '[ "$kvm_play_status" -eq 0 ] || end'}`,
  );
  return `${prologue}
exec </dev/null
end() { : > ${journal}/done; exit 0; }
${pieces.join('\n')}
end
`;
}

/** systemd runs it as a unit of its own where it can, so that no end of a session ends it; else it gets a session of its own. */
function startScript(journal: string): string {
  const unit = `kvm-play-${journal.split('/').at(-1)}`;
  return `${prologue}
set -eu
umask 077
mkdir -p ${journal}
cat > ${journal}/script
if [ -d /run/systemd/system ] && command -v systemd-run >/dev/null
then systemd-run --quiet --unit=${unit} --description='kvm-play: steps that may cut the link' -- /bin/sh ${journal}/script
else command -v setsid >/dev/null || { echo 'this host has neither systemd-run nor setsid (util-linux)' >&2; exit 1; }
  setsid sh ${journal}/script </dev/null >/dev/null 2>&1 &
fi`;
}

/**
 * Answers with a line `OUTCOME LENGTH` for each command that was run, and the end of its output behind it. Two may ask at once,
 * over the old connection and over a fresh one.
 */
function askScript(journal: string): string {
  return `${prologue}
cd ${quote(journal)} 2>/dev/null || { echo 'the journal of the steps is gone: the host was rebooted meanwhile' >&2; exit 1; }
[ -e done ] || exit ${stillRunning}
n=0
while [ -e $n.status ]; do
  tail -c ${outputLimit} $n.output > tail.$$
  printf '%s %s\\n' "$(cat $n.status)" "$(($(wc -c < tail.$$)))"
  cat tail.$$
  n=$((n + 1))
done`;
}

async function awaitResult(
  transport: Transport,
  journal: string,
  { within, at }: Required<ReachOptions>,
): Promise<RawOutput> {
  const ask = askScript(journal);
  const deadline = performance.now() + within * 1000;
  let isHeard = false;
  while (performance.now() < deadline) {
    try {
      const old = transport.run(ask, { timeLimit: oldLimit }).then((result) => ({ result, fresh: undefined }));
      const heard = await Promise.any([old, runAnywhere(transport, ask, at)]);
      if (heard.result.exitCode !== stillRunning) {
        // Also where the old connection answered: its packets may be too large for what the links carry now.
        await reconnectTo(transport, heard.fresh ?? { at: undefined });
        return heard.result;
      }
      isHeard = true;
    } catch {
      // Neither was answered: the link is still down.
      isHeard = false;
    }
    await sleep(attemptInterval * 1000);
  }
  const seconds = Math.max(0, Math.round(within));
  const words = isHeard
    ? `the host answers, and after ${seconds} s the steps that cut the link are still running`
    : `the host has not been heard from for ${seconds} s since the steps that cut the link; look at its console`;
  throw new ConnectionError(`${words}; their output is in ${journal}`);
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
