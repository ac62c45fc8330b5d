import { spawn } from 'node:child_process';
import type { Lab } from '../../lib/lab/index.ts';

/** Tries the host's SSH port from the LAN again and again, with a new connection each time, and says when it answered. */
const probe = `while :; do
  timeout 1 bash -c 'exec 3<>"/dev/tcp/$0/22" && read -r -t 1 <&3' "$0" 2>/dev/null && echo answered
  sleep 0.5
done`;

/** Watches whether a host answers. */
export class Watch {
  #last = performance.now();
  #longest = 0;
  readonly #child;

  constructor(lab: Lab) {
    const argv = [`--net=/run/netns/${lab.lanNamespace}`, 'bash', '-c', probe, lab.hostAddress];
    this.#child = spawn('nsenter', argv, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#child.stdout.on('data', () => this.#note());
  }

  /** @returns seconds of the longest time without an answer; attempts that follow each other count as none */
  end(): number {
    this.#child.kill('SIGKILL');
    this.#note();
    return this.#longest < 2500 ? 0 : Math.round(this.#longest / 1000);
  }

  #note(): void {
    const now = performance.now();
    this.#longest = Math.max(this.#longest, now - this.#last);
    this.#last = now;
  }
}
