import { createTwoFilesPatch } from 'diff';
import { quote } from '../hosts/quote.ts';
import type { CommandStep, Step } from '../step.ts';

/** Replaces what nobody may see in a command's argument vector. */
export function shownArgv({ argv, secret = [] }: CommandStep): readonly string[] {
  return argv.map((argument, index) => (secret.includes(index) ? '***' : argument));
}

/** Shows a step as one line; a command can be pasted into a shell. */
export function stepLine(step: Step): string {
  switch (step.kind) {
    case 'command':
      return shownArgv(step).map(pasteable).join(' ');
    case 'write':
      return `write ${step.path}`;
    case 'directory':
      return `mkdir -p ${pasteable(step.path)}`;
    case 'remove':
      return `rm ${pasteable(step.path)}`;
  }
}

/** Shows what a step does to a file as a unified diff; undefined for a step that is not about a file's text. */
export function stepDiff(step: Step): string | undefined {
  if (step.kind !== 'write' && step.kind !== 'remove') return undefined;
  const before = step.before?.text ?? '';
  const after = step.kind === 'write' ? step.text : '';
  const from = step.before === undefined ? '/dev/null' : step.path;
  const to = step.kind === 'write' ? step.path : '/dev/null';
  const patch = createTwoFilesPatch(from, to, before, after, undefined, undefined, { context: 3 });
  return patch.slice(patch.indexOf('---')).trimEnd();
}

function pasteable(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : quote(argument);
}
