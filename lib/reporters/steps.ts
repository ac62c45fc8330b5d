import { pasteable } from '../hosts/shell/quote.ts';
import { Secret } from '../task/secret.ts';
import { type Step, shownArgv } from '../task/step.ts';

/** Shows a step as one line. A command is quoted, so that it can be pasted into a shell; its standard input is not shown. */
export function stepLine(step: Step): string {
  switch (step.kind) {
    case 'command': {
      const line = pasteable(shownArgv(step));
      if (step.stdin === undefined) return line;
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
