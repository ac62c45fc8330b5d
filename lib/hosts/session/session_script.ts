import { shellProgram } from '../../process/package_files.ts';
import { markWord } from '../shell/framing.ts';
import { quote } from '../shell/quote.ts';

/** Script functions that pass on exactly so many bytes of standard input; see `feed.sh`. */
export function feed(): string {
  return shellProgram('lib/hosts/session/feed.sh');
}

/** One script for the far end of a session. */
export interface SessionRequest {
  /** A random word that stands nowhere in what the script prints. */
  readonly mark: string;
  readonly script: string;
  /** Bytes of standard input that follow the request. */
  readonly inputLength: number;
}

/** The bytes that run a script in an open session; the script's own input follows. */
export function requestBytes({ mark, script, inputLength }: SessionRequest): Buffer {
  const bytes = Buffer.from(script);
  return Buffer.concat([Buffer.from(`${mark} ${bytes.length} ${inputLength}\n`), bytes]);
}

/** The bytes that end a session on purpose. @param last a script that is run then; its output is lost */
export function farewell(last = ''): Buffer {
  const bytes = Buffer.from(last);
  return Buffer.concat([Buffer.from(`end ${bytes.length}\n`), bytes]);
}

/** The program of the far end, which starts with a script of its own. */
export function sessionProgram({ mark, script, inputLength }: SessionRequest): string {
  const program = `${feed()}\n${shellProgram('lib/hosts/session/session.sh')}`;
  return `${program}\nkvm_play_start ${markWord(mark)} ${quote(script)} ${inputLength}\nkvm_play_serve`;
}
