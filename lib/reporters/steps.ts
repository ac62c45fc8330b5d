import { quote } from '../hosts/quote.ts';
import { type Step, shownArgv } from '../step.ts';

/** Shows a step as one line; a command can be pasted into a shell. What it reads from its standard input is not shown. */
export function stepLine(step: Step): string {
  switch (step.kind) {
    case 'command': {
      const line = shownArgv(step).map(pasteable).join(' ');
      return step.stdin === undefined ? line : `${line}  # with text on its standard input`;
    }
    case 'write':
      return `write ${step.path}`;
    case 'directory':
      return `mkdir -p ${pasteable(step.path)}`;
    case 'remove':
      return `rm ${pasteable(step.path)}`;
  }
}

function pasteable(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : quote(argument);
}
