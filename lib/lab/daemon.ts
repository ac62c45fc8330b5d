import { execa } from 'execa';

/**
 * Starts a program that outlives this process, in a session of its own. It is found and ended by what it does,
 * not by this process's memory of it.
 * @param log the file that its output is appended to
 * @param argv the program and its arguments
 * @param env variables on top of this process's own
 */
export function startDaemon(log: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}): void {
  const daemon = execa('sh', ['-c', 'exec "$@" >>"$0" 2>&1', log, ...argv], {
    detached: true,
    cleanup: false,
    reject: false,
    buffer: false,
    stdio: 'ignore',
    env,
  });
  daemon.unref();
}
