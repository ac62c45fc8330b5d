import stringWidth from 'string-width';
import { withoutControls } from './words.ts';

const graphemes = new Intl.Segmenter();

/** Makes one line of a text, without control characters and tabs, so that its columns can be counted. */
export function oneLine(text: string): string {
  return withoutControls(text.replaceAll(/\s+/g, ' '));
}

/** Cuts a line to a number of columns. @param mark replaces what was cut off */
export function cut(line: string, columns: number, mark: string): string {
  if (stringWidth(line) <= columns) return line;
  let [kept, left] = ['', columns - stringWidth(mark)];
  for (const { segment } of graphemes.segment(line)) {
    left -= stringWidth(segment);
    if (left < 0) break;
    kept += segment;
  }
  return columns < stringWidth(mark) ? '' : kept + mark;
}

/** Pads a line with blanks to a number of columns. */
export function padded(line: string, columns: number): string {
  return line + ' '.repeat(Math.max(0, columns - stringWidth(line)));
}

/** Counts the columns of a line. */
export function widthOf(line: string): number {
  return stringWidth(line);
}
