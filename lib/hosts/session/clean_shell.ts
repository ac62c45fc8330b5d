import { rootPath } from '../shell/script.ts';
import { loginLines } from './login.ts';
import type { SudoWords } from './sudo_dialog.ts';

/** Bytes that one argument of a remote command may have (the kernel's MAX_ARG_STRLEN is 128 KiB), with room to spare. */
const argumentLimit = 100 * 1024;

/** The environment of everything that is run on a host. Nothing else of the login's environment is kept. */
const fixed = `PATH=${rootPath} LC_ALL=C SHELL=/bin/sh`;
/** What a user who logs in keeps: a home, a name, the connection that the session serves, and the way to the user's own services. */
const ofUser = ['HOME', 'USER', 'LOGNAME', 'SSH_CONNECTION', 'XDG_RUNTIME_DIR'].map(kept).join(' ');
/** What root has behind sudo: who logged in, and the connection. sudo drops it; a network change must know it. */
const ofRoot = `HOME="$root" USER=root LOGNAME=root SUDO_USER="$user" ${kept('SSH_CONNECTION')}`;

/** How a shell is started on a machine. */
export interface ShellStart {
  /** Become root by `sudo` where the user is not root. */
  readonly become: boolean;
  /**
   * The words of the talk with sudo, where it may want a password (`sudo -S`: it reads the password from standard input, a byte at
   * a time, and nothing beyond its line). Default: `sudo -n`.
   */
  readonly words?: SudoWords | undefined;
  /** The POSIX shell of the machine. Default: `sh`. */
  readonly sh?: string | undefined;
}

/**
 * The command line that starts a script of so many bytes, which comes first on standard input, followed by the script's own input.
 * It survives csh and fish as login shells (one line, no `!`, no single quote inside), shows nothing in process lists, and reads
 * exactly its bytes: `sh -s` would read ahead in dash and busybox.
 * @param length the script's length in bytes
 */
export function bootstrap(length: number, start: ShellStart): string {
  const load = `eval "$(dd bs=${length} count=1 iflag=fullblock 2>/dev/null || dd bs=1 count=${length} 2>/dev/null)"`;
  if (!start.become) return throughLogin(asUser(load, start));
  const { words } = start;
  const begin = words === undefined ? load : `echo ${words.ready}; ${load}`;
  const options = words === undefined ? '-n' : `-S -p ${words.prompt}`;
  return throughLogin(
    `if [ "$(id -u)" = 0 ]; then ${asUser(begin, start)}; else root=~root user=$(id -un); exec $kvm_play_reset sudo ${options} -- ${cleanly(ofRoot, `${loginLines('raise_limits', 'refuse_files')}; ${begin}`, start)}; fi`,
  );
}

/**
 * The command line that runs a program, for any login shell: one line, without `!` (csh) and with no single quote and no `\\\\`
 * inside the single quotes (fish). All other characters are spelled in octal, which printf(1) reads back.
 * @returns undefined for a program that is too long for a command line
 */
export function commandOf(program: string, start: Pick<ShellStart, 'sh'> = {}): string | undefined {
  const text = Buffer.from(program)
    .toString('latin1')
    .replaceAll(/[^A-Za-z0-9 _./=:,@+;()|<>&*?[\]{}~^#-]/g, (character) => `\\${octal(character)}`);
  const command = throughLogin(asUser(`eval "$(printf "${text}")"`, start));
  return command.length > argumentLimit ? undefined : command;
}

/**
 * A line for the login shell, whichever that is. What the user's profile exports (TMOUT, ENV, LD_PRELOAD, functions of bash, …)
 * still holds in this first shell, so it only starts the next one. sudo reads no other language than this one's.
 */
function throughLogin(script: string): string {
  return `exec sh -c 'PATH=${rootPath} LC_ALL=C; export PATH LC_ALL; ${loginLines('raise_limits', 'refuse_processes', 'reset_signals')}; ${script}'`;
}

function asUser(script: string, start: Pick<ShellStart, 'sh'>): string {
  return `${loginLines('refuse_files', 'find_home')}; exec $kvm_play_reset ${cleanly(ofUser, script, start)}`;
}

/** Words of a command that runs a script in a shell with an environment of its own. */
function cleanly(environment: string, script: string, { sh = 'sh' }: Pick<ShellStart, 'sh'>): string {
  return `env -i ${fixed} ${environment} ${sh} -c "${nested(`${loginLines('lift_limits')}; ${script}`)}"`;
}

/** Script text between double quotes. It holds no backslash but those before digits, which a shell leaves alone there. */
function nested(script: string): string {
  return script.replaceAll(/["$]/g, '\\$&');
}

/** A variable that is handed on where it has a value: csh would refuse to name one that it does not know, so this is for sh. */
function kept(name: string): string {
  return `\${${name}:+"${name}=$${name}"}`;
}

function octal(character: string): string {
  return character.charCodeAt(0).toString(8).padStart(3, '0');
}
