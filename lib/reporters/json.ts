import { KvmPlayError } from '../errors.ts';
import type { PlayEvent } from '../events.ts';
import type { Step } from '../step.ts';
import { shownArgv } from './steps.ts';

/** Version of the stream; it grows when something is taken away or changes its meaning. */
const version = 1;

/**
 * Makes a reporter that writes one JSON object a line for every event.
 * Secret arguments are replaced, and what a command reads from its standard input is left out.
 * @param write gets each line, its end included
 */
export function jsonReporter(write: (text: string) => void): (event: PlayEvent) => void {
  return (event) => write(`${JSON.stringify({ version, ...event }, shown)}\n`);
}

function shown(_key: string, value: unknown): unknown {
  if (value instanceof Error) return shownError(value);
  if (isStep(value)) return shownStep(value);
  return value;
}

function shownError(error: Error): object {
  const { name, message } = error;
  return error instanceof KvmPlayError ? { name, message, ...error.context } : { name, message };
}

function isStep(value: unknown): value is Step {
  return typeof value === 'object' && value !== null && 'kind' in value && Object.isFrozen(value);
}

function shownStep(step: Step): object {
  if (step.kind !== 'command') return { ...step };
  const { stdin: _stdin, secret: _secret, ...rest } = step;
  return { ...rest, argv: shownArgv(step) };
}
