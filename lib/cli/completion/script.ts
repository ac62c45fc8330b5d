import type { Shell } from '../options/commands.ts';
import { bashScript } from './bash.ts';
import { fishScript } from './fish.ts';
import { zshScript } from './zsh.ts';

const scripts: Readonly<Record<Shell, () => string>> = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** Writes a script with which a shell completes the command: its options as the table has them, its words, and sites. */
export function completionScript(shell: Shell): string {
  return scripts[shell]();
}
