import { createHash } from 'node:crypto';
import { mask, masked } from '../process/masking.ts';
import type { TextFile } from '../task/readonly_host.ts';
import { Secret } from '../task/secret.ts';
import type { CommandStep, Step } from '../task/step.ts';
import type { PlanStep } from './plan.ts';
import type { SecretDigests } from './secret_digests.ts';

/** Converts a step into its form in a plan. The secrets of the task must have been read before. */
export async function planStep(step: Step, digests: SecretDigests): Promise<PlanStep> {
  const texts = new Texts();
  const shown = shownStep(step, texts);
  return texts.hidden.length === 0 ? shown : { ...shown, seal: await digests.of(texts.hidden) };
}

/** Masks texts, and collects those that were masked, for their digest. */
class Texts {
  readonly hidden: string[] = [];

  /** Masks the secrets in a text. */
  shown(text: string): string {
    const seen = masked(text);
    if (seen !== text) this.hidden.push(text);
    return seen;
  }

  /** Masks a whole text. */
  hide(text: string | Secret): typeof mask {
    this.hidden.push(text instanceof Secret ? text.revealed : text);
    return mask;
  }

  /** Makes the SHA-256 of a file that is replaced or removed; masks it if the file contains a secret. */
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
  const { argv, title, stdin, secret = [], units, undo, ...rest } = step;
  const { withNewFiles, withOldFiles, atBoot, before } = undo ?? {};
  const all = (list: readonly string[]): string[] => list.map((text) => texts.shown(text));
  return {
    ...rest,
    argv: argv.map((argument, index) => (secret.includes(index) ? texts.hide(argument) : texts.shown(argument))),
    ...(title !== undefined && { title: texts.shown(title) }),
    ...(stdin !== undefined && { stdin: texts.hide(stdin) }),
    ...(units !== undefined && { units: all(units) }),
    ...(undo !== undefined && {
      undo: {
        ...(withNewFiles && { withNewFiles: withNewFiles.map(all) }),
        ...(withOldFiles && { withOldFiles: withOldFiles.map(all) }),
        ...(atBoot && { atBoot: atBoot.map(all) }),
        ...(before && { before: all(before) }),
      },
    }),
  };
}
