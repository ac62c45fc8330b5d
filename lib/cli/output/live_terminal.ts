import type { PlayEvent } from '../../events/events.ts';
import { type LiveOptions, LiveView, type Size } from '../../reporters/live.ts';

/** A terminal to draw on. */
export interface Screen extends Size {
  write(text: string): unknown;
  on(event: 'resize', listener: () => void): unknown;
  off(event: 'resize', listener: () => void): unknown;
}

/** The shortest time between two frames, in milliseconds. */
const frameInterval = 100;
/** Milliseconds after which the clocks in the view are redrawn. */
const clockInterval = 1000;

const csi = '\u001b[';
const hideCursor = `${csi}?25l`;
const showCursor = `${csi}?25h`;
/** Synchronized output: between these, a terminal that knows them shows nothing; others ignore them. */
const [holdFrame, showFrame] = [`${csi}?2026h`, `${csi}?2026l`];
const [clearLine, clearBelow] = [`${csi}K`, `${csi}J`];

/** Signals that end the process at once. */
const fatalSignals = ['SIGQUIT', 'SIGHUP'] as const;

/**
 * Keeps a live view below a report that scrolls, from the beginning of a run to its end, and then removes it.
 *
 * Between two frames the cursor is on the empty line above the view. A line that other code prints therefore stays, and the view is
 * redrawn below it. If the window was made narrower, wrapped lines are below the cursor too, and are cleared with the rest.
 */
export class LiveTerminal {
  readonly #screen: Screen;
  readonly #view: LiveView;
  /** Text of the report that is written with the next frame. */
  #text = '';
  /** The view on the screen; undefined while it is hidden. */
  #drawn: string | undefined;
  #drawnAt = 0;
  #isOpen = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(screen: Screen, options: LiveOptions) {
    this.#screen = screen;
    this.#view = new LiveView(options);
  }

  /** Takes an event, before the report does. */
  readonly report = (event: PlayEvent): void => {
    if (event.type === 'run-start') this.#open();
    this.#view.add(event, performance.now());
    if (event.type === 'run-end') this.close();
    else if (this.#isOpen) this.#drawSoon();
  };

  /** Writes whole lines of the report. */
  readonly write = (text: string): void => {
    if (!this.#isOpen) {
      this.#screen.write(text);
      return;
    }
    this.#text += text;
    this.#drawSoon();
  };

  /** Removes the view. */
  readonly close = (): void => {
    if (!this.#isOpen) return;
    this.#hide();
    this.#isOpen = false;
    clearTimeout(this.#timer);
    this.#screen.off('resize', this.#drawSoon);
    process.off('SIGINT', this.#makeWay).off('SIGTERM', this.#makeWay);
    process.off('SIGTSTP', this.#suspend).off('SIGCONT', this.#makeWay).off('exit', this.close);
    for (const signal of fatalSignals) process.off(signal, this.#end);
  };

  #open(): void {
    this.#isOpen = true;
    this.#drawnAt = performance.now();
    this.#screen.on('resize', this.#drawSoon);
    // First of all listeners: the others print about the signal.
    process.prependListener('SIGINT', this.#makeWay).prependListener('SIGTERM', this.#makeWay);
    process.on('SIGTSTP', this.#suspend).on('SIGCONT', this.#makeWay).on('exit', this.close);
    for (const signal of fatalSignals) process.on(signal, this.#end);
  }

  readonly #drawSoon = (): void => {
    this.#drawWithin(Math.max(0, this.#drawnAt + frameInterval - performance.now()));
  };

  /** The timer does not keep the process alive. */
  #drawWithin(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#draw, milliseconds).unref();
  }

  readonly #draw = (): void => {
    const now = performance.now();
    const lines = this.#view.lines(now, this.#screen);
    const view = lines.map((line) => line + clearLine).join('\n') + clearBelow;
    if (this.#text !== '' || view !== this.#drawn) {
      // Lines of the report may be longer than the window is wide; those of the view are cleared behind their ends.
      const clear = this.#text === '' ? '' : clearBelow;
      const back = lines.length > 1 ? `${csi}${lines.length - 1}A\r` : '\r';
      const cursor = lines.length > 0 ? hideCursor : showCursor;
      this.#screen.write(`${holdFrame}${cursor}\r${clear}${this.#text}${view}${back}${showFrame}`);
      this.#text = '';
      this.#drawn = view;
    }
    this.#drawnAt = now;
    this.#drawWithin(clockInterval);
  };

  /** Hides the view, so that other code can print; the next frame draws it below that. */
  readonly #makeWay = (): void => {
    this.#hide();
    this.#drawSoon();
  };

  /** Clears the view, and writes the waiting text of the report. */
  #hide(): void {
    const clear = this.#drawn === undefined ? '' : `\r${clearBelow}`;
    const show = this.#drawn === undefined ? '' : showCursor;
    if (this.#text !== '' || clear !== '') this.#screen.write(clear + this.#text + show);
    this.#text = '';
    this.#drawn = undefined;
  }

  /** On Ctrl-Z: hides the view, then stops the process. */
  readonly #suspend = (): void => {
    this.#hide();
    process.kill(process.pid, 'SIGSTOP');
  };

  readonly #end = (signal: NodeJS.Signals): void => {
    this.close();
    process.kill(process.pid, signal);
  };
}
