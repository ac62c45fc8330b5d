import { KvmPlayError } from '../errors.ts';
import type { PlayEvent } from '../events/events.ts';
import { masked } from '../process/masking.ts';
import type { Step } from '../task/step.ts';
import type { TaskResult } from '../task/task.ts';
import { fileDiff } from './file_diff.ts';
import { jsonText } from './json_text.ts';
import { shownEvent } from './shown_event.ts';

/** Version of the stream; it grows when a field is removed or changes its meaning. */
const version = 1;

/**
 * Makes a reporter that writes a line with one JSON object for every event.
 * Secret arguments are replaced, what a command reads from its standard input is left out, and of files only the change is shown.
 * @param write gets each line, its end included
 */
export function jsonReporter(write: (text: string) => void): (event: PlayEvent) => void {
  return (event) => write(`${jsonText({ version, ...inJson(shownEvent(event)) })}\n`);
}

function inJson(event: PlayEvent): object {
  switch (event.type) {
    case 'task-end':
      return {
        ...event,
        ...(event.result && { result: inResult(event.result) }),
        ...(event.error && { error: inError(event.error) }),
      };
    case 'host-unreachable':
    case 'host-failed':
      return { ...event, error: inError(event.error) };
    default:
      return event;
  }
}

/** Leaves out the complete states before and after, which may be large; the stream has their differences. */
function inResult({ before: _before, after: _after, ...result }: TaskResult): object {
  return { ...result, steps: result.steps.map(inStep) };
}

function inError(error: Error): object {
  const { name, message } = error;
  const { task, host, location } = error instanceof KvmPlayError ? error.context : {};
  return {
    name,
    message: masked(message),
    ...(task !== undefined && { task: masked(task) }),
    ...(host !== undefined && { host }),
    ...(location && { location }),
  };
}

function inStep(step: Step): object {
  switch (step.kind) {
    case 'command': {
      const { stdin: _stdin, secret: _secret, ...rest } = step;
      return rest;
    }
    case 'write': {
      const { text: _text, before: _before, ...rest } = step;
      return { ...rest, diff: fileDiff(step) };
    }
    case 'remove': {
      const { before: _before, ...rest } = step;
      return { ...rest, diff: fileDiff(step) };
    }
    case 'directory':
      return step;
  }
}
