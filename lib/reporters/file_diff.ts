import { textDiff } from '../formats/text_diff.ts';
import { masked } from '../process/masking.ts';
import type { Step } from '../task/step.ts';

/** Lines of a file that are shown around each change. */
const contextLines = 3;

/** Shows what a step does to a file as a unified diff, in which secrets are masked; undefined for a step that does not change a file's text. */
export function fileDiff(step: Step): string | undefined {
  if (step.kind !== 'write' && step.kind !== 'remove') return undefined;
  if (step.secret === true) return `${step.kind === 'write' ? '+++' : '---'} ${step.path}\n(secret)`;
  // Masked before they are compared: a secret of several lines is no longer whole in a diff.
  const before = masked(step.before?.text ?? '');
  const after = step.kind === 'write' ? masked(String(step.text)) : '';
  const from = step.kind === 'write' && step.before === undefined ? '/dev/null' : step.path;
  const to = step.kind === 'write' ? step.path : '/dev/null';
  const shown = textDiff(from, to, before, after, { context: contextLines });
  // What differs has been masked.
  const isMasked = step.kind === 'write' && before === after && step.before?.text !== step.text;
  return isMasked ? `${shown}\n(secret)` : shown;
}
