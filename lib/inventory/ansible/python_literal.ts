/** Digits with single underscores between them. */
const digits = String.raw`\d(?:_?\d)*`;
const exponent = `[eE][+-]?${digits}`;
const floatPattern = new RegExp(
  String.raw`(?:${digits}\.(?:${digits})?(?:${exponent})?|\.${digits}(?:${exponent})?|${digits}${exponent})(?![\w.])`,
  'y',
);
const integerPattern =
  /(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|0(?:_?0)*|[1-9](?:_?\d)*)(?![\w.])/y;
const namePattern = /(?:True|False|None)(?!\w)/y;
const stringPattern =
  /([uUbBrR]|[bB][rR]|[rR][bB])?(?:"""((?:[^\\]|\\[\s\S])*?)"""|'''((?:[^\\]|\\[\s\S])*?)'''|"(?!"")((?:[^"\\\n]|\\[\s\S])*)"|'(?!'')((?:[^'\\\n]|\\[\s\S])*)')/y;

const names: Readonly<Record<string, boolean | null>> = { True: true, False: false, None: null };
/** What a backslash and a character stand for in a text of Python's. */
export const characterEscapes: Readonly<Record<string, string>> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};
/** In a literal, a backslash at the end of a line joins it with the next one. */
const simpleEscapes: Readonly<Record<string, string>> = { '\n': '', ...characterEscapes };

/** Nesting that is read at most. */
const mostNested = 50;

/**
 * Reads a value as Ansible does in an INI inventory: a literal of Python's is what it says, everything else is text.
 * Tuples and sets become lists. An integer that no number can hold stays text.
 */
export function pythonLiteral(text: string): unknown {
  try {
    return new Reader(text).all();
  } catch (error) {
    if (error instanceof NoLiteral) return text;
    throw error;
  }
}

/** It is no literal. */
class NoLiteral extends Error {}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Values with commas between them are a tuple, also without parentheses. */
  all(): unknown {
    const values = [this.#value(0)];
    let commas = 0;
    for (this.#skip(); this.#at < this.#text.length; this.#skip()) {
      if (values.length > commas) {
        if (!this.#takes(',')) throw new NoLiteral();
        commas += 1;
      } else values.push(this.#value(0));
    }
    return commas === 0 ? values[0] : values;
  }

  #value(depth: number): unknown {
    if (depth > mostNested) throw new NoLiteral();
    this.#skip();
    const next = this.#text[this.#at] ?? '';
    if (next === '(' || next === '[' || next === '{') return this.#collection(next, depth + 1);
    if (next === '+' || next === '-') return this.#signed();
    const name = this.#match(namePattern);
    if (name !== undefined) return names[name[0]];
    return this.#strings() ?? this.#number();
  }

  #signed(): number {
    const sign = this.#takes('-') ? -1 : 1;
    if (sign > 0) this.#takes('+');
    this.#skip();
    return sign * this.#number();
  }

  #number(): number {
    const float = this.#match(floatPattern);
    if (float !== undefined) {
      const value = Number(float[0].replaceAll('_', ''));
      if (!Number.isFinite(value)) throw new NoLiteral();
      return value;
    }
    const integer = Number((this.#match(integerPattern)?.[0] ?? 'none').replaceAll('_', ''));
    if (!Number.isSafeInteger(integer)) throw new NoLiteral();
    return integer;
  }

  /** Strings that stand beside each other are one. */
  #strings(): string | undefined {
    let all: string | undefined;
    for (;;) {
      const found = this.#match(stringPattern);
      if (found === undefined) return all;
      const [, prefix = '', ...bodies] = found;
      const body = bodies.find((each) => each !== undefined) ?? '';
      all = (all ?? '') + (/r/i.test(prefix) ? body : unescaped(body));
      this.#skip();
    }
  }

  #collection(open: '(' | '[' | '{', depth: number): unknown {
    const close = { '(': ')', '[': ']', '{': '}' }[open];
    this.#at += 1;
    const values: unknown[] = [];
    const pairs: [string, unknown][] = [];
    let commas = 0;
    for (;;) {
      this.#skip();
      if (this.#takes(close)) break;
      if (values.length + pairs.length > commas) throw new NoLiteral();
      const value = this.#value(depth);
      this.#skip();
      if (open === '{' && this.#takes(':')) pairs.push([keyOf(value), this.#value(depth)]);
      else values.push(value);
      this.#skip();
      if (this.#takes(',')) commas += 1;
    }
    if (pairs.length > 0 && values.length > 0) throw new NoLiteral();
    if (open === '{' && values.length === 0) return Object.fromEntries(pairs);
    // Parentheses around one value are no tuple.
    return open === '(' && values.length === 1 && commas === 0 ? values[0] : values;
  }

  #takes(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) return undefined;
    this.#at = pattern.lastIndex;
    return found;
  }

  /** Blanks and comments. */
  #skip(): void {
    this.#match(/(?:[ \t\f\n]|#[^\n]*)*/y);
  }
}

function keyOf(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  if (typeof value === 'boolean' || value === null) return { true: 'true', false: 'false', null: 'null' }[`${value}`];
  throw new NoLiteral();
}

function unescaped(body: string): string {
  return body.replaceAll(
    /\\(?:([0-7]{1,3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([xuUN])|([\s\S]))/g,
    (whole, octal?: string, ...rest: (string | undefined)[]) => {
      const [hex = rest[1] ?? rest[2], , , invalid, other = ''] = rest;
      if (invalid !== undefined) throw new NoLiteral();
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
      if (hex === undefined) return simpleEscapes[other] ?? whole;
      const code = Number.parseInt(hex, 16);
      if (code > 0x10ffff) throw new NoLiteral();
      return String.fromCodePoint(code);
    },
  );
}
