import { type ChildProcess, spawn } from 'node:child_process';
import { ConnectionError, InterruptedError } from '../../errors.ts';
import { environmentForOthers } from '../../task/secret.ts';
import type { HostSpec } from './host_spec.ts';
import { type SshConfiguration, sharing, socketPath, sshArguments } from './ssh_command.ts';
import { type SshSettings, sshSettings } from './ssh_settings.ts';

/** A shared connection that is open. */
export interface Preconnected {
  readonly settings: SshSettings;
  /** Seconds that opening it took; undefined where it was open already. */
  readonly took: number | undefined;
}

/**
 * Opens the shared connection to a host, unless it is open already. A handshake takes a dozen round trips: it is begun before the site
 * is loaded, so that both happen at the same time.
 * @throws ConnectionError with ssh's own words; InterruptedError when the signal ended it
 */
export async function preconnect(
  spec: HostSpec,
  configuration: SshConfiguration,
  signal: AbortSignal,
): Promise<Preconnected> {
  const socket = await socketPath(spec, configuration);
  const ssh = async (
    settings: SshSettings | undefined,
    options: readonly string[],
  ): Promise<{ exitCode: number | undefined; words: string }> => {
    signal.throwIfAborted();
    return ended(
      spawn('ssh', sshArguments(spec, configuration, settings, options), {
        stdio: ['ignore', 'ignore', 'pipe'],
        detached: true,
        env: environmentForOthers(),
        signal,
      }),
    );
  };
  try {
    const [check, settings] = await Promise.all([
      ssh(undefined, ['-o', `ControlPath=${socket}`, '-O', 'check']),
      sshSettings(spec, configuration),
    ]);
    if (check.exitCode === 0) return { settings, took: undefined };
    const started = performance.now();
    // -f -N: ssh goes into the background once it is authenticated, and runs no command. For each option ssh takes the first value.
    const { exitCode, words } = await ssh(settings, ['-f', '-N', ...sharing(socket)]);
    if (exitCode !== 0) throw new ConnectionError(words || `ssh ended with ${exitCode ?? 'a signal'}`);
    return { settings, took: (performance.now() - started) / 1000 };
  } catch (error) {
    throw signal.aborted ? new InterruptedError('interrupted while connecting') : error;
  }
}

/** Waits for the end of standard error after a failure only: an ssh that went into the background keeps it open. */
async function ended(child: ChildProcess): Promise<{ exitCode: number | undefined; words: string }> {
  let words = '';
  child.stderr?.on('data', (piece: Buffer) => {
    words += piece.toString();
  });
  return new Promise((resolve, reject) => {
    child.once('error', ({ message }) => reject(new ConnectionError(`ssh could not be run: ${message}`)));
    child.once('exit', (code) => {
      const conclude = (): void => {
        child.stderr?.destroy();
        resolve({ exitCode: code ?? undefined, words: words.trim() });
      };
      if (code === 0) conclude();
      else child.once('close', conclude);
    });
  });
}
