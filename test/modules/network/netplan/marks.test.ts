import { describe, expect, test } from '@jest/globals';
import { editWithMarks, removeMarks } from '../../../../modules/network/netplan/marks.ts';

describe('marks', () => {
  test.each([
    ['lines', 'a\nbb\ncc\n', { start: 2, end: 5, text: '' }, 'a\n# before br0: bb\ncc\n'],
    [
      'a part of a line',
      'a\nbb\ncc\n',
      { start: 3, end: 4, text: 'x' },
      'a\n# before br0: bb\nbx # since br0, by kvm-play\ncc\n',
    ],
    ['the last line without a break', 'a\nbb', { start: 2, end: 4, text: '' }, 'a\n# before br0: bb'],
    ['a new line', 'a\nbb\n', { start: 2, end: 2, text: 'x\n' }, 'a\nx # since br0, by kvm-play\nbb\n'],
    ['line breaks of Windows', 'a\r\nbb\r\n', { start: 3, end: 7, text: '' }, 'a\r\n# before br0: bb\r\n'],
    [
      'a part of a line with a break of Windows',
      'a\r\nbb\r\n',
      { start: 4, end: 5, text: 'x' },
      'a\r\n# before br0: bb\r\nbx # since br0, by kvm-play\r\n',
    ],
  ])('%s', (_what, text, edit, marked) => {
    expect(editWithMarks('br0', text, [edit])).toBe(marked);
    expect(removeMarks('br0', marked)).toBe(text);
  });
});
