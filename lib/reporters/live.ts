import { styleText } from 'node:util';
import type { PlayEvent } from '../events/events.ts';
import { cut, oneLine, padded, widthOf } from './columns.ts';
import { type Activity, type LiveHost, LiveHosts } from './live_hosts.ts';
import { shownEvent } from './shown_event.ts';

type Style = Parameters<typeof styleText>[0];

/** How the view is drawn. */
export interface LiveOptions {
  readonly color: boolean;
  /** Draw `━` and `…`; else `#` and `...`. */
  readonly unicode: boolean;
}

/** The size of a window. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** Seconds after which the view points out a host that does not answer. */
const slowAfter = 10;
/** The most and the fewest columns of the bar; in fewer there is no bar. */
const barWidths = { most: 30, least: 5 } as const;
/** The smallest window in which the view is drawn: a smaller one has no room for the report and the view. */
const leastSize: Size = { columns: 20, rows: 6 };

/** The live view of a run: takes events, and gives the lines that show the state of the run at a moment in a window. */
export class LiveView {
  readonly #options: LiveOptions;
  readonly #hosts = new LiveHosts();
  #began = 0;

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  /** Takes an event. @param now milliseconds of a clock that never goes back */
  add(all: PlayEvent, now: number): void {
    const event = shownEvent(all);
    if (event.type === 'run-start') this.#began = now;
    this.#hosts.add(event, now);
  }

  /**
   * Draws the view: an empty line, one for each host that is at work, and one for all. It takes half of the window at most, and
   * leaves the last column empty.
   * @param now milliseconds of the same clock
   * @returns the lines; none where there is nothing to show, or no room
   */
  lines(now: number, { columns, rows }: Size): readonly string[] {
    const hosts = this.#hosts.all();
    const fits = columns >= leastSize.columns && rows >= leastSize.rows;
    if (hosts.length === 0 || !fits) return [];
    const width = columns - 1;
    const room = Math.floor(rows / 2) - 2;
    const working = hosts.filter(({ hasEnded }) => !hasEnded);
    const shown = working.length > room ? mostUrgent(working, room - 1) : working;
    const rest = working.filter((host) => !shown.includes(host));
    return [
      '',
      ...this.#hostLines(shown, now, width),
      ...(rest.length === 0 ? [] : [this.#styled(this.#cut(moreWords(rest), width), 'dim')]),
      this.#total(hosts, now, width),
    ];
  }

  #hostLines(hosts: readonly LiveHost[], now: number, width: number): readonly string[] {
    const rows = hosts.map(({ name, activity, done, known }) => ({
      activity,
      cells: [oneLine(name), `${done}/${known}`, clock(now - activity.since)] as const,
    }));
    const widest = (cell: 0 | 1 | 2): number => Math.max(...rows.map(({ cells }) => widthOf(cells[cell])));
    const nameWidth = Math.min(widest(0), Math.floor(width / 3));
    const [countWidth, clockWidth] = [widest(1), widest(2)];
    return rows.map(({ cells: [name, count, time], activity }) => {
      const columns = [
        padded(this.#cut(name, nameWidth), nameWidth),
        count.padStart(countWidth),
        time.padStart(clockWidth),
        activityWords(activity, now),
      ];
      return this.#styled(this.#cut(columns.join('  '), width), styleOf(activity, now));
    });
  }

  /** How much of the play is done, by all hosts together. */
  #total(hosts: readonly LiveHost[], now: number, width: number): string {
    const sum = (count: (host: LiveHost) => number): number => hosts.reduce((total, host) => total + count(host), 0);
    const [done, known] = [sum((host) => host.done), sum((host) => host.known)];
    const failed = sum(({ hasFailed }) => Number(hasFailed));
    const words = [
      `${done} of ${known} tasks`,
      ...(hosts.length > 1 ? [`${sum(({ hasEnded }) => Number(hasEnded))} of ${hosts.length} hosts`] : []),
      ...(failed > 0 ? [`${failed} failed`] : []),
      clock(now - this.#began),
    ].join(', ');
    const barWidth = Math.min(barWidths.most, width - widthOf(words) - 2);
    if (barWidth < barWidths.least) return this.#cut(words, width);
    const [full, empty] = this.#options.unicode ? ['━', '─'] : ['#', '-'];
    const filled = known === 0 ? 0 : Math.floor((barWidth * done) / known);
    const bar = this.#styled(full.repeat(filled), 'green') + this.#styled(empty.repeat(barWidth - filled), 'dim');
    return `${bar}  ${words}`;
  }

  #cut(line: string, columns: number): string {
    return cut(line, columns, this.#options.unicode ? '…' : '...');
  }

  #styled(line: string, style: Style | undefined): string {
    if (style === undefined || line === '' || !this.#options.color) return line;
    return styleText(style, line, { validateStream: false });
  }
}

/** Sorts hosts: those whose network is being changed first, then those whose current task has taken longest, then in the order of the play. */
function mostUrgent(hosts: readonly LiveHost[], count: number): readonly LiveHost[] {
  const ranks: Readonly<Record<Activity['kind'], number>> = { change: 0, connecting: 1, other: 1, waiting: 2 };
  const chosen = hosts
    .toSorted(
      ({ activity: one }, { activity: other }) => ranks[one.kind] - ranks[other.kind] || one.since - other.since,
    )
    .slice(0, Math.max(0, count));
  return hosts.filter((host) => chosen.includes(host));
}

function moreWords(hosts: readonly LiveHost[]): string {
  const count = (...kinds: readonly Activity['kind'][]): number =>
    hosts.filter(({ activity }) => kinds.includes(activity.kind)).length;
  const parts = [
    [count('other', 'change'), 'at work'],
    [count('connecting'), 'connecting'],
    [count('waiting'), 'waiting'],
  ] as const;
  const named = parts.filter(([number]) => number > 0).map(([number, words]) => `${number} ${words}`);
  return `and ${hosts.length} more: ${named.join(', ')}`;
}

/** What is left until the host goes back stands where it is not cut off. */
function activityWords({ words, deadline }: Activity, now: number): string {
  const left = deadline === undefined ? '' : `(rolls back in ${Math.max(0, Math.ceil((deadline - now) / 1000))} s) `;
  return left + oneLine(words);
}

function styleOf({ kind, since, isUndoing }: Activity, now: number): Style | undefined {
  if (isUndoing) return 'red';
  if (kind === 'waiting') return 'dim';
  return kind === 'connecting' && now - since > slowAfter * 1000 ? 'yellow' : undefined;
}

/** Shows a time as a clock does: `12 s`, `1:05`, `1:00:05`. */
function clock(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const two = (number: number): string => String(number).padStart(2, '0');
  return hours === 0 ? `${minutes}:${two(seconds % 60)}` : `${hours}:${two(minutes)}:${two(seconds % 60)}`;
}
