import { KvmPlayError, type Location } from '../errors.ts';
import type { PlayEvent } from '../events/events.ts';
import { masked } from '../process/masking.ts';
import { shownEvent } from './shown_event.ts';
import { errorLines, linesOf, nearPath } from './words.ts';

/** How annotations are written. */
export interface GithubOptions {
  /** Gets whole lines. */
  write(text: string): void;
  /** The checked-out repository: paths of annotations are relative to it. */
  readonly workspace: string;
  /** A word that no host can guess. Between two lines with it, the runner executes no command that other output contains. Default: no other output shares the stream. */
  readonly stopToken?: string;
  /** Tells whether tasks may change something in a run, counted from 1. In a run in which they may not, a change is an error. */
  mayChange(run: number): boolean;
}

/**
 * Makes a reporter of annotations for GitHub Actions: failures and warnings at the lines of the site, written at the end of a run.
 * Until then the runner is told to execute no commands, because a line that a host prints may look like one.
 */
export function githubReporter(options: GithubOptions): (event: PlayEvent) => void {
  const { write, workspace, stopToken } = options;
  const annotations: string[] = [];
  let runs = 0;
  return (all) => {
    const event = shownEvent(all);
    switch (event.type) {
      case 'run-start':
        runs += 1;
        if (stopToken !== undefined) write(`::stop-commands::${stopToken}\n`);
        break;
      case 'task-end': {
        const { host, task, error, handling, result, status } = event;
        const add = (kind: 'error' | 'warning', message: string): void => {
          annotations.push(annotation(kind, `${task.title} on ${host}`, message, task.location, workspace));
        };
        if (error !== undefined && handling === undefined) annotations.push(errorAnnotation(error, workspace, host));
        if (error !== undefined && handling !== undefined)
          add('warning', `${errorLines(error).join('\n')}\n${handling}`);
        if (status === 'changed' && !options.mayChange(runs)) add('error', 'changed, and nothing was to change');
        for (const warning of result?.warnings ?? []) add('warning', warning);
        break;
      }
      case 'host-unreachable':
      case 'host-failed':
        annotations.push(errorAnnotation(event.error, workspace, event.host));
        break;
      case 'run-end':
        if (stopToken !== undefined) write(`::${stopToken}::\n`);
        for (const line of annotations.splice(0)) write(line);
        break;
      default:
    }
  };
}

/** Writes an error as an annotation. @param host where it happened, if on a host */
export function errorAnnotation(error: Error, workspace: string, host?: string): string {
  const { task, location }: { task?: string | undefined; location?: Location | undefined } =
    error instanceof KvmPlayError ? error.context : {};
  const title = [masked(task ?? 'kvm-play'), ...(host === undefined ? [] : [`on ${host}`])].join(' ');
  return annotation('error', title, errorLines(error).join('\n'), location, workspace);
}

function annotation(
  kind: 'error' | 'warning',
  title: string,
  message: string,
  location: Location | undefined,
  workspace: string,
): string {
  const place = location && { file: nearPath(location.file, workspace), line: location.line };
  const properties = Object.entries({ ...place, title }).map(
    ([name, value]) => `${name}=${escapedProperty(linesOf(String(value)).join(' '))}`,
  );
  return `::${kind} ${properties.join(',')}::${escapedData(linesOf(message).join('\n'))}\n`;
}

/** Escapes a message as the runner's own toolkit does. */
function escapedData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapedProperty(text: string): string {
  return escapedData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
