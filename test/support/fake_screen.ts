import stringWidth from 'string-width';
import type { Screen } from '../../lib/cli/output/live_terminal.ts';

/** A terminal's window that keeps what is written on it; it knows as much as a report and the view below it use. */
export class FakeScreen implements Screen {
  columns: number;
  rows: number;
  hasCursor = true;
  /** Every write, as it came. */
  readonly writes: string[] = [];
  readonly #listeners = new Set<() => void>();
  /** All lines, from the first that has scrolled away. */
  #lines: string[] = [''];
  #row = 0;
  #column = 0;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  /** What the window shows and what has scrolled out of it, as far as anything is there. */
  get text(): string {
    return this.#lines.join('\n').trimEnd();
  }

  /** The lines that the window shows. */
  get lines(): readonly string[] {
    return this.#lines.slice(this.#top);
  }

  write(text: string): void {
    this.writes.push(text);
    for (const [piece] of text.matchAll(/\u001b\[[\d;?]*[A-Za-z]|[^\u001b]/gu)) this.#take(piece);
  }

  on(_event: 'resize', listener: () => void): void {
    this.#listeners.add(listener);
  }

  off(_event: 'resize', listener: () => void): void {
    this.#listeners.delete(listener);
  }

  /** How many want to know of another size. */
  get listeners(): number {
    return this.#listeners.size;
  }

  /** Gives the window another size; a line that is too long then is wrapped by what it already has, as terminals do. */
  resize(columns: number, rows: number): void {
    const wrap = (line: string): string[] => line.match(new RegExp(`.{1,${columns}}`, 'gu')) ?? [''];
    const above = this.#lines.slice(0, this.#row).flatMap(wrap);
    this.#lines = [...above, ...this.#lines.slice(this.#row).flatMap(wrap)];
    this.#row = above.length;
    Object.assign(this, { columns, rows });
    for (const listener of this.#listeners) listener();
  }

  get #top(): number {
    return Math.max(0, this.#lines.length - this.rows);
  }

  #take(piece: string): void {
    if (piece === '\n') this.#moveTo(this.#row + 1, 0);
    else if (piece === '\r') this.#column = 0;
    else if (piece.startsWith('\u001b')) this.#obey(piece.slice(2, -1), piece.slice(-1));
    else this.#put(piece);
  }

  #obey(argument: string, code: string): void {
    const line = this.#lines[this.#row] ?? '';
    switch (code) {
      case 'A':
        // No further than the window's first line.
        this.#row = Math.max(this.#top, this.#row - Number(argument));
        break;
      case 'J':
        this.#lines.splice(this.#row + 1);
        this.#lines[this.#row] = line.slice(0, this.#column);
        break;
      case 'K':
        this.#lines[this.#row] = line.slice(0, this.#column);
        break;
      case 'h':
      case 'l':
        if (argument === '?25') this.hasCursor = code === 'h';
        break;
      case 'm':
        break;
      default:
        throw new Error(`a sequence that this screen does not know: ${argument}${code}`);
    }
  }

  #put(character: string): void {
    const before = (this.#lines[this.#row] ?? '').slice(0, this.#column);
    if (stringWidth(before + character) > this.columns) {
      this.#moveTo(this.#row + 1, 0);
      this.#put(character);
      return;
    }
    const line = this.#lines[this.#row] ?? '';
    this.#lines[this.#row] = before + character + line.slice(this.#column + character.length);
    this.#column += character.length;
  }

  #moveTo(row: number, column: number): void {
    if (row >= this.#lines.length) this.#lines.push('');
    this.#row = row;
    this.#column = column;
  }
}
