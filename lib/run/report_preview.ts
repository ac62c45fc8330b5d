import type { Inspection } from '../engine/inspect.ts';
import { resultOf } from '../engine/result.ts';
import type { Preview } from '../preview/preview.ts';
import { inWords } from '../task/diff.ts';
import type { Step } from '../task/step.ts';
import type { HostReport } from './host_report.ts';

/** Check mode: reports what a play would come to. */
export function reportPreview({ entries }: Preview, report: HostReport): void {
  for (const entry of entries) {
    switch (entry.kind) {
      case 'task': {
        const { node, inspection, steps, after } = entry;
        report.end(node.name, { result: resultOf(withAwaited(inspection, steps), steps), after });
        break;
      }
      case 'change':
        report.changePhase(entry.change.title, 'planned', { plan: entry.plan });
        break;
      case 'assertion':
        report.held(entry.node.name);
        break;
      case 'skipped':
        report.skip(entry.node.name, entry.reason);
        break;
      case 'failed':
        report.fail(entry.node.name, entry.error, entry.node.handling);
    }
  }
}

/** Warns where apply would wait for `until`: whether that comes cannot be known. */
function withAwaited(inspection: Inspection, steps: readonly Step[]): Inspection {
  const { isAwaited, isAwaitedAfter, state } = inspection.reading;
  if (!(steps.length > 0 ? isAwaitedAfter : isAwaited)) return inspection;
  const warning = `what 'until' waits for does not hold yet (${inWords(state)}): apply waits for it, and fails if it does not come`;
  return { ...inspection, warnings: [...inspection.warnings, warning] };
}
