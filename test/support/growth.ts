/** Characters of the shorter and of the longer text that work is given. */
const [short, long] = [5_000, 20_000] as const;
/** Work that is linear takes four times as long for four times the text, work that is quadratic sixteen times. */
const allowedRatio = 8;
/** Milliseconds of computing below which nothing can be told. */
const noise = 30;

/** Texts that make a pattern try again and again, at any length. */
export const hostileTexts: Readonly<Record<string, (length: number) => string>> = {
  'blanks before a word': (length) => `${' '.repeat(length)}x`,
  'blanks in a line': (length) => `x${' '.repeat(length)}x`,
  'blanks in a value': (length) => `x=y${' '.repeat(length)}y`,
  'blanks behind an equals sign': (length) => `x=${' '.repeat(length)}y\nx =${'\t'.repeat(length)}`,
  'an open quote': (length) => `x="${' a'.repeat(length / 2)}`,
  'an open single quote': (length) => `x='${' a'.repeat(length / 2)}`,
  backslashes: (length) => `x="${'\\'.repeat(length)}`,
  'many open quotes': (length) => 'x="'.repeat(length / 3),
  'quotes of both kinds': (length) => `x=${`"'`.repeat(length / 2)}`,
  'equals signs': (length) => '='.repeat(length),
  words: (length) => 'x y '.repeat(length / 4),
  assignments: (length) => 'x=y '.repeat(length / 4),
  lines: (length) => 'x=y\n'.repeat(length / 4),
  'carriage returns': (length) => '\r'.repeat(length),
  'comment signs': (length) => ' #'.repeat(length / 2),
  'dashes and blanks': (length) => ' -'.repeat(length / 2),
  'open brackets': (length) => '['.repeat(length),
  brackets: (length) => '[1:2]'.repeat(length / 5),
  'open parentheses': (length) => `~${'('.repeat(length)}`,
  colons: (length) => 'a:'.repeat(length / 2),
  dots: (length) => 'a.'.repeat(length / 2),
  slashes: (length) => 'a/'.repeat(length / 2),
  digits: (length) => '1'.repeat(length),
  zeros: (length) => '0'.repeat(length),
  'open tags': (length) => '<a'.repeat(length / 2),
  exponents: (length) => `1e${'1'.repeat(length)}x`,
};

/** Tells by how much more work for a text four times as long takes; 1 where it takes next to nothing. What it throws is an answer too. */
export function growth(work: (text: string) => unknown, text: (length: number) => string): number {
  const [shorter, longer] = [text(short), text(long)];
  // What is slow for the longer text has shown it; the best of several is what the work itself takes.
  const slow = cost(work, longer);
  if (slow < noise) return 1;
  const best = Math.min(slow, cost(work, longer), cost(work, longer));
  return best < noise ? 1 : best / Math.max(1, cost(work, shorter), cost(work, shorter));
}

/** Tells whether work for hostile texts grows no faster than the texts do. */
export function isBounded(work: (text: string) => unknown, text: (length: number) => string): boolean {
  return growth(work, text) <= allowedRatio;
}

/** Milliseconds that this process has computed for; others on the machine are none of them. */
function cost(work: (text: string) => unknown, text: string): number {
  const before = process.cpuUsage();
  try {
    work(text);
  } catch {
    // To refuse such a text is well.
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
