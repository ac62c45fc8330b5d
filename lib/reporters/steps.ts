import { pasteable } from '../hosts/shell/quote.ts';
import { Secret } from '../task/secret.ts';
import { type Step, shownArgv, shownTitle } from '../task/step.ts';

/** Tells whether the line of a step is a command that can be pasted into a shell. */
export function isPasteable(step: Step): boolean {
  return step.kind === 'command' && step.title === undefined;
}

/**
 * Shows a step as one line: a command by its title, or quoted, so that it can be pasted into a shell. Its standard input is not shown.
 */
export function stepLine(step: Step): string {
  switch (step.kind) {
    case 'command': {
      const line = shownTitle(step) ?? pasteable(shownArgv(step));
      if (step.stdin === undefined || step.title !== undefined) return line;
      return `${line}  # with ${step.stdin instanceof Secret ? 'a secret' : 'text'} on its standard input`;
    }
    case 'write':
      return `write ${step.path}`;
    case 'directory':
      return `mkdir -p ${pasteable([step.path])}`;
    case 'remove':
      return `rm ${pasteable([step.path])}`;
  }
}
