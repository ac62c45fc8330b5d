import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatCapacity, parseCapacity, scaled } from '../../../lib/formats/capacity.ts';

describe('parseCapacity', () => {
  test.each([
    ['8G', 8 * 2 ** 30],
    ['8GiB', 8 * 2 ** 30],
    ['8gib', 8 * 2 ** 30],
    ['8GB', 8e9],
    ['512M', 512 * 2 ** 20],
    ['1K', 1024],
    ['1KB', 1000],
    ['7B', 7],
    ['100bytes', 100],
    ['0', 0],
    [1000, 1000],
  ])('reads %s as %d bytes', (text, bytes) => {
    expect(parseCapacity(text)).toBe(bytes);
  });

  test.each(['8 G', '-1', '1.5G', '', 'G', '8X', '8GBB', '8\n', '1e9', '9000E', -1, 1.5, Number.NaN])(
    'refuses %j',
    (text) => {
      expect(parseCapacity(text)).toBeUndefined();
    },
  );
});

describe('formatCapacity', () => {
  test.each([
    [8 * 2 ** 30, '8G'],
    [1.5 * 2 ** 30, '1536M'],
    [1_000_000_512, '976563K'],
    [1_000_000_001, '1000000001B'],
    [512, '512B'],
    [0, '0B'],
  ])('writes %d as %s', (bytes, text) => {
    expect(formatCapacity(bytes)).toBe(text);
  });

  test('is read back as the same number', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        expect(parseCapacity(formatCapacity(bytes))).toBe(bytes);
      }),
    );
  });
});

test('scaled takes the unit of an XML attribute', () => {
  expect(scaled('524288', 'KiB')).toBe(512 * 2 ** 20);
  expect(scaled('1', 'parsec')).toBeUndefined();
});
