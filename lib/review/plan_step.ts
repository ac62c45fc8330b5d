import { createHash } from 'node:crypto';
import { mask, masked } from '../process/masking.ts';
import type { TextFile } from '../task/readonly_host.ts';
import { Secret } from '../task/secret.ts';
import type { CommandStep, Step } from '../task/step.ts';
import type { PlanStep } from './plan.ts';
import type { Seals } from './secret_digests.ts';

/** Makes of a step what a plan holds of it. The secrets of the task have been read by then. */
export async function planStep(step: Step, seals: Seals): Promise<PlanStep> {
  const texts = new Texts();
  const shown = shownStep(step, texts);
  return texts.hidden.length === 0 ? shown : { ...shown, seal: await seals.of(texts.hidden) };
}

/** Shows texts, and keeps those of which something must not be seen. */
class Texts {
  readonly hidden: string[] = [];

  /** What may be seen of a text. */
  shown(text: string): string {
    const seen = masked(text);
    if (seen !== text) this.hidden.push(text);
    return seen;
  }

  /** Nothing of it may be seen. */
  hide(text: string | Secret): typeof mask {
    this.hidden.push(text instanceof Secret ? text.revealed : text);
    return mask;
  }

  /** Stands for a file that is replaced or removed. */
  digest({ text, encoding }: TextFile): string {
    if (masked(text) !== text) return this.hide(text);
    return createHash('sha256').update(Buffer.from(text, encoding)).digest('hex');
  }
}

function shownStep(step: Step, texts: Texts): PlanStep {
  switch (step.kind) {
    case 'command':
      return shownCommand(step, texts);
    case 'write': {
      const { path, text, before, ...rest } = step;
      const isSecret = rest.secret === true || text instanceof Secret;
      if (isSecret) texts.hide(text);
      return {
        ...rest,
        path: texts.shown(path),
        ...(!isSecret && { text: texts.shown(text) }),
        ...(before !== undefined && { replaces: texts.digest(before) }),
      };
    }
    case 'remove': {
      const { path, before, ...rest } = step;
      return { ...rest, path: texts.shown(path), ...(before !== undefined && { replaces: texts.digest(before) }) };
    }
    case 'directory':
      return { ...step, path: texts.shown(step.path) };
  }
}

function shownCommand(step: CommandStep, texts: Texts): PlanStep {
  const { argv, stdin, secret = [], units, undo, ...rest } = step;
  const { withNewFiles, withOldFiles } = undo ?? {};
  const all = (list: readonly string[]): string[] => list.map((text) => texts.shown(text));
  return {
    ...rest,
    argv: argv.map((argument, index) => (secret.includes(index) ? texts.hide(argument) : texts.shown(argument))),
    ...(stdin !== undefined && { stdin: texts.hide(stdin) }),
    ...(units !== undefined && { units: all(units) }),
    ...(undo !== undefined && {
      undo: {
        ...(withNewFiles && { withNewFiles: withNewFiles.map(all) }),
        ...(withOldFiles && { withOldFiles: withOldFiles.map(all) }),
      },
    }),
  };
}
