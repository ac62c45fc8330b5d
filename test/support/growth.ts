/** Characters of the shorter and of the longer text that work is given: sixteen times as many. */
const [short, long] = [2_500, 40_000] as const;
/** Work that is linear takes 16 times as long for the longer text, work that is quadratic 256 times: the bound is as far from the one as from the other. */
const allowedRatio = 64;
/** Milliseconds of computing below which nothing can be told. */
const noise = 30;
/** Measurements of the longer text before work counts as too slow. */
const most = 12;
/** Milliseconds of computing after which no further measurement is made: nothing that disturbs a measurement takes nearly as long. */
const enough = 1_500;

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

/** Tells whether work grows no faster than its text does. An error that the work throws is an answer too. */
export function isBounded(work: (text: string) => unknown, text: (length: number) => string): boolean {
  const [shorter, longer] = [text(short), text(long)];
  let slow = cost(work, longer);
  if (slow < noise) return true;
  if (slow / Math.max(1, cost(work, shorter)) <= allowedRatio) return true;
  const quick = Math.max(1, leastCost(work, shorter));
  // Further measurements can only lower the ratio. A busy machine disturbs several in a row: what is quadratic stays slow in all.
  let spent = slow;
  for (let count = 1; count < most && spent < enough && slow / quick > allowedRatio; count += 1) {
    const again = cost(work, longer);
    spent += again;
    slow = Math.min(slow, again);
  }
  return slow < noise || slow / quick <= allowedRatio;
}

/** The least of several measurements is what the work itself takes. */
function leastCost(work: (text: string) => unknown, text: string): number {
  return Math.min(cost(work, text), cost(work, text), cost(work, text));
}

/** Milliseconds that this process has computed for; others on the machine are none of them. */
function cost(work: (text: string) => unknown, text: string): number {
  const before = process.cpuUsage();
  try {
    work(text);
  } catch {
    // A refusal is an answer.
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
