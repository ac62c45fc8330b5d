/** What stands in the place of a secret. */
export const mask = '***';

/** Fewest characters of a text that is hidden wherever it stands. A shorter one is hidden only where it stands as a word by itself. */
const leastAnywhere = 4;
/** Fewest characters of a line of a secret that is hidden by itself. */
const leastLine = 4;
/** Fewest characters of a line of a secret that is hidden wherever it stands: a line may be an everyday word. */
const leastLineAnywhere = 8;
/** Fewest characters of base64 by which a secret is recognized. */
const leastBase64 = 8;

/** Texts that are hidden wherever they stand, and those that are hidden as words. */
const anywhere = new Set<string>();
const asWords = new Set<string>();

/** Finds what is hidden; undefined while nothing is. */
let pattern: RegExp | undefined;

/**
 * From now on a text is hidden wherever something is shown: as a whole, line by line, and in the forms that JSON, XML, shells, URLs
 * and base64 give it. A text of fewer than four characters is hidden where it stands as a word by itself; a blank one is not hidden.
 */
export function hide(text: string): void {
  for (const part of [text, text.trim()]) add(part, leastAnywhere);
  const lines = text.split(/\r?\n/).filter((line) => line.trim().length >= leastLine);
  if (lines.length > 1 || text.includes('\n')) {
    for (const line of lines.flatMap((each) => [each, each.trim()])) add(line, leastLineAnywhere);
  }
  // The longest first: it may hold a shorter one.
  const longestFirst = (texts: ReadonlySet<string>): string =>
    [...texts]
      .sort((one, other) => other.length - one.length)
      .map(escapeExpression)
      .join('|');
  const sources = [
    ...(anywhere.size > 0 ? [longestFirst(anywhere)] : []),
    ...(asWords.size > 0 ? [`(?<![\\p{L}\\p{N}_])(?:${longestFirst(asWords)})(?![\\p{L}\\p{N}_])`] : []),
  ];
  pattern = sources.length === 0 ? undefined : new RegExp(sources.join('|'), 'gu');
}

/**
 * Puts a mask in the place of everything that is hidden. A host may print what it was given. Errors mask their messages, reporters every
 * event (lib/reporters/shown_event.ts), plans what they keep (lib/review).
 */
export function masked(text: string): string {
  return pattern === undefined ? text : text.replaceAll(pattern, mask);
}

/**
 * Puts masks into data: texts, names of fields, and numbers whose digits are hidden. To be used before data is encoded, since an
 * encoding may change what is looked for.
 */
export function maskedData(value: unknown): unknown {
  if (pattern === undefined) return value;
  if (typeof value === 'string') return masked(value);
  if (typeof value === 'number' || typeof value === 'bigint') {
    const digits = String(value);
    return digits.length >= leastAnywhere && masked(digits) !== digits ? mask : value;
  }
  if (Array.isArray(value)) return value.map(maskedData);
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [masked(name), maskedData(part)]));
}

function add(text: string, least: number): void {
  if (text.trim() === '') return;
  if (text.length < least) asWords.add(text);
  else for (const form of [text, ...encodedForms(text)]) anywhere.add(form);
}

/** How other programs may write a text. */
function encodedForms(text: string): readonly string[] {
  const json = JSON.stringify(text).slice(1, -1);
  const forms = [
    json,
    asciiOnly(json),
    json.replaceAll('/', '\\/'),
    json.replaceAll(/[<>&']/g, unicodeEscape),
    JSON.stringify(json).slice(1, -1),
    ...xmlForms(text),
    ...shellForms(text),
    ...urlForms(text),
  ];
  return [...new Set(forms), ...base64Forms(text)];
}

/** What a JSON writer makes of it that writes ASCII alone. */
function asciiOnly(json: string): string {
  return json.replaceAll(/[\u007f-\uffff]/g, unicodeEscape);
}

function unicodeEscape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** In text, in attributes with either quote, and as different writers spell the quotes. */
function xmlForms(text: string): readonly string[] {
  const inText = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const quotes = ['"', '&quot;', '&#34;'];
  const apostrophes = ["'", '&apos;', '&#39;', '&#x27;'];
  return quotes.flatMap((quote) =>
    apostrophes.map((apostrophe) => inText.replaceAll('"', quote).replaceAll("'", apostrophe)),
  );
}

/** In single quotes, in double quotes, with backslashes, and as `$'…'`. */
function shellForms(text: string): readonly string[] {
  return [
    text.replaceAll("'", `'\\''`),
    text.replaceAll("'", `'"'"'`),
    text.replaceAll(/["$`\\]/g, '\\$&'),
    text.replaceAll(/[^\p{L}\p{N}_@%+=:,./-]/gu, '\\$&'),
    text.replaceAll(/['\\]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\t', '\\t').replaceAll('\r', '\\r'),
  ];
}

/** A lone surrogate has no form in a URL. */
function urlForms(text: string): readonly string[] {
  if (/\p{Cs}/u.test(text)) return [];
  const component = encodeURIComponent(text);
  const strict = component.replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  const inLowerCase = (form: string): string => form.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
  const forms = [component, strict, encodeURI(text)];
  return [...forms, ...forms.map((form) => form.replaceAll('%20', '+')), ...forms.map(inLowerCase)];
}

/** Base64 of a text that holds it, wherever in that it begins: what does not depend on its neighbours. */
function base64Forms(text: string): readonly string[] {
  const bytes = Buffer.from(text);
  return [0, 1, 2].flatMap((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replaceAll('=', '');
    const begins = [0, 2, 3][shift] ?? 0;
    const ends = (shift + bytes.length) % 3 === 0 ? encoded.length : encoded.length - 1;
    const core = encoded.slice(begins, ends);
    if (core.length < leastBase64) return [];
    return [core, core.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

function escapeExpression(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
