/** One assignment of a file in the form of sysctl.conf(5). */
export interface SysctlAssignment {
  /** The key in canonical form, see {@link canonicalKey}. */
  readonly key: string;
  /** The value as it stands there, without the blanks around it. */
  readonly value: string;
}

/** A line's parts; joined together they are the line, byte for byte. */
interface Line {
  /** The line without its ending. */
  readonly body: string;
  /** `\n`, `\r\n`, or nothing at the end of a file without a newline. */
  readonly ending: string;
  readonly assignment?: {
    readonly before: string;
    readonly key: string;
    readonly value: string;
    readonly after: string;
  };
}

/**
 * Makes a key canonical: dots between its parts, a slash for a dot inside a part (`net.ipv4.conf.eth0/100.forwarding`).
 * The first separator decides how a key is meant, as in systemd's sysctl.d(5) and in procps: after a slash first
 * (`net/ipv4/conf/eth0.100/forwarding`), slashes separate and dots are dots; after a dot first, the other way round.
 */
export function canonicalKey(key: string): string {
  return keyParts(key)
    .map((part) => part.replaceAll('.', '/'))
    .join('.');
}

/** Names the file below `/proc/sys` that holds a key's live value. */
export function keyPath(key: string): string {
  return `/proc/sys/${keyParts(key).join('/')}`;
}

/**
 * Makes a value comparable: runs of blanks are one blank (the kernel prints tabs), numbers are decimal
 * (the kernel reads `0x1` and, with a leading zero, octal), and a note after numbers is ignored,
 * for the kernel stops reading there (`1 # note` sets 1).
 */
export function canonicalValue(value: string): string {
  const folded = value.trim().replace(/\s+/g, ' ');
  const tokens = folded.replace(/ [#;].*$/, '').split(' ');
  const numbers = tokens.map(decimal);
  return numbers.every((number) => number !== undefined) ? numbers.join(' ') : folded;
}

/**
 * Lists the assignments of a file in their order. Lines that sysctl would not take for one are skipped.
 *
 * The package `ini` cannot read this format: it cuts `kernel.core_pattern = |/usr/bin/dump # %p` at the `#`, where sysctl takes the
 * whole line, and keeps neither order nor comments, which an edited file must keep.
 */
export function parseSysctlConf(text: string): readonly SysctlAssignment[] {
  return splitLines(text).flatMap(({ assignment }) =>
    assignment === undefined ? [] : [{ key: canonicalKey(assignment.key), value: assignment.value }],
  );
}

/** Says which value a file gives a key: the last assignment counts, and wildcards do not (an explicit key wins over them). */
export function lookUpSysctl(text: string, key: string): string | undefined {
  const wanted = canonicalKey(key);
  return parseSysctlConf(text).findLast((assignment) => assignment.key === wanted)?.value;
}

/**
 * Sets a key. The assignment that counts, the last one, is edited in place; without one a line is added at the end.
 * A value that says the same in another notation stays as it is. Every other line stays as it was, byte for byte.
 */
export function setSysctl(text: string, key: string, value: string): string {
  const wanted = canonicalKey(key);
  const lines = splitLines(text);
  const index = lines.findLastIndex((line) => keyOf(line) === wanted);
  const line = lines[index];
  if (line?.assignment === undefined) return `${withNewline(text)}${wanted} = ${value}\n`;
  if (canonicalValue(line.assignment.value) === canonicalValue(value)) return text;
  const { before, after } = line.assignment;
  return join(lines.with(index, { ...line, body: `${before}${value}${after}` }));
}

/** Removes every assignment of a key, and nothing else. */
export function removeSysctl(text: string, key: string): string {
  const wanted = canonicalKey(key);
  return join(splitLines(text).filter((line) => keyOf(line) !== wanted));
}

function keyParts(key: string): readonly string[] {
  const swapped = /^[^./]*\./.test(key) ? key.replace(/[./]/g, (separator) => (separator === '.' ? '/' : '.')) : key;
  return swapped.split('/').filter((part) => part !== '');
}

function decimal(token: string): string | undefined {
  const match = /^(-?)(?:(0x[0-9a-f]+)|0*(0[0-7]+)|(0|[1-9][0-9]*))$/i.exec(token);
  if (match === null) return undefined;
  const [, sign = '', hex, octal, plain = '0'] = match;
  const magnitude = BigInt(hex ?? (octal === undefined ? plain : `0o${octal}`));
  return String(sign === '' ? magnitude : -magnitude);
}

function keyOf({ assignment }: Line): string | undefined {
  return assignment === undefined ? undefined : canonicalKey(assignment.key);
}

function splitLines(text: string): Line[] {
  return (text.match(/[^\n]*\n|[^\n]+$/g) ?? []).map((line) => {
    const ending = /\r?\n$/.exec(line)?.[0] ?? '';
    return readLine(line.slice(0, line.length - ending.length), ending);
  });
}

/** A leading `-` says that a failure does not matter, and is no part of the key; without a value it excludes from wildcards. */
function readLine(body: string, ending: string): Line {
  const lead = /^\s*(?:-\s*)?/.exec(body)?.[0] ?? '';
  const separator = body.indexOf('=', lead.length);
  const key = body.slice(lead.length, separator).trimEnd();
  if (separator === -1 || key === '' || /^[#;-]/.test(key)) return { body, ending };
  const rest = body.slice(separator + 1).trimStart();
  const value = rest.trimEnd();
  const before = body.slice(0, body.length - rest.length);
  return { body, ending, assignment: { before, key, value, after: rest.slice(value.length) } };
}

function join(lines: readonly Line[]): string {
  return lines.map(({ body, ending }) => body + ending).join('');
}

function withNewline(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}
