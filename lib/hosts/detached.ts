import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pRetry from 'p-retry';
import { ConnectionError } from '../errors.ts';
import { runtimeDirectory } from './paths.ts';
import { quote } from './quote.ts';
import { prologue } from './script.ts';
import type { RawOutput, Transport } from './transport.ts';

/** Seconds between two attempts to hear from a host whose network is being restarted. */
const attemptInterval = 0.5;
/** Seconds that one attempt over the old connection, and over a fresh one, may take. */
const oldLimit = 3;
const freshLimit = 6;
/** Seconds beyond the step's own time limit in which the host must be heard from again. */
const returnLimit = 60;

/** Exit status of the asking script while the step is still running. */
const stillRunning = 75;

/**
 * Runs a step that may cut the link: on the host it runs outside of this session, its output and exit status go to a journal there.
 * The controller asks for the result over the old connection and over fresh ones; the first that answers wins.
 * @param commands script text of the step
 * @param timeLimit seconds that the step may take
 * @throws ConnectionError when the host is not heard from again in time
 */
export async function runDetached(transport: Transport, commands: string, timeLimit: number): Promise<RawOutput> {
  const journal = `${runtimeDirectory}/steps/${randomUUID()}`;
  const script = `${prologue}\nexec >${journal}/output 2>&1 </dev/null\n${commands}\necho "$?" > ${journal}/status.new\nmv ${journal}/status.new ${journal}/status\n`;
  const started = await transport.run(startScript(journal), { stdin: Buffer.from(script), timeLimit: 30 });
  if (started.exitCode !== 0) return started;
  const { result, fresh } = await awaitResult(transport, journal, timeLimit + returnLimit);
  if (fresh) await pRetry(() => transport.reconnect(), { retries: 10, minTimeout: 500, maxTimeout: 500 });
  await transport.run(`rm -rf -- ${journal}`, { timeLimit: 15 }).catch(() => {});
  return result;
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
then systemd-run --quiet --unit=${unit} --description='kvm-play: a step that may cut the link' -- /bin/sh ${journal}/script
else command -v setsid >/dev/null || { echo 'this host has neither systemd-run nor setsid (util-linux)' >&2; exit 1; }
  setsid sh ${journal}/script </dev/null >/dev/null 2>&1 &
fi`;
}

async function awaitResult(
  transport: Transport,
  journal: string,
  seconds: number,
): Promise<{ result: RawOutput; fresh: boolean }> {
  const ask = `${prologue}
[ -e ${quote(journal)} ] || { echo 'the journal of the step is gone: the host was rebooted meanwhile' >&2; exit 1; }
[ -e ${quote(journal)}/status ] || exit ${stillRunning}
cat ${quote(journal)}/output >&2; exit "$(cat ${quote(journal)}/status)"`;
  const deadline = performance.now() + seconds * 1000;
  while (performance.now() < deadline) {
    try {
      const heard = await Promise.any([
        transport.run(ask, { timeLimit: oldLimit }).then((result) => ({ result, fresh: false })),
        transport.runFresh(ask, { timeLimit: freshLimit }).then((result) => ({ result, fresh: true })),
      ]);
      if (heard.result.exitCode !== stillRunning) return heard;
    } catch {
      // Neither was answered: the link is still down.
    }
    await sleep(attemptInterval * 1000);
  }
  throw new ConnectionError(
    `the host has not been heard from for ${seconds} s since the step that cut the link; look at its console, the step's output is in ${journal}/output`,
  );
}
