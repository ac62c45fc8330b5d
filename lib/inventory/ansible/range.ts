import { PlaybookError } from '../../errors.ts';

/** The most hosts that one range may stand for. */
const rangeLimit = 10_000;

/**
 * Expands ranges in a host's name: `web[01:03].example.org`, `db-[a:c]`, with a step `[0:10:2]`. Zeros in front stay.
 * @throws PlaybookError for one that cannot be read
 */
export function expandRange(pattern: string): readonly string[] {
  const [whole, before = '', range = '', after = ''] = /^([^[]*)\[([^\]]*)\](.*)$/.exec(pattern) ?? [];
  if (whole === undefined) return [pattern];
  const values = rangeValues(range);
  if (values === undefined)
    throw new PlaybookError(`'[${range}]' in ${pattern} is no range; one looks like [01:20] or [a:f]`);
  const rest = expandRange(after);
  if (values.length * rest.length > rangeLimit) {
    throw new PlaybookError(`${pattern} stands for more than ${rangeLimit} hosts`);
  }
  return values.flatMap((value) => rest.map((end) => `${before}${value}${end}`));
}

function rangeValues(range: string): readonly string[] | undefined {
  const [, first, last, step = '1'] = /^(\d+|[a-zA-Z]):(\d+|[a-zA-Z])(?::(\d+))?$/.exec(range) ?? [];
  if (first === undefined || last === undefined || Number(step) < 1) return undefined;
  const isNumber = /^\d+$/.test(first);
  if (isNumber !== /^\d+$/.test(last)) return undefined;
  const [from, to] = isNumber ? [Number(first), Number(last)] : [first.charCodeAt(0), last.charCodeAt(0)];
  if (to < from || to - from > rangeLimit) return undefined;
  const count = Math.floor((to - from) / Number(step)) + 1;
  return Array.from({ length: count }, (_, index) => {
    const value = from + index * Number(step);
    if (!isNumber) return String.fromCharCode(value);
    return first.startsWith('0') ? String(value).padStart(first.length, '0') : String(value);
  });
}
