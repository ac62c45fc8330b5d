import { beforeAll, describe, expect, test } from '@jest/globals';
import { print } from '../../../lib/cli/output/print.ts';
import { ConvergenceError, KvmPlayError } from '../../../lib/errors.ts';
import { nothingCounted, type PlayEvent } from '../../../lib/events/events.ts';
import { hide, mask, masked, maskedData } from '../../../lib/process/masking.ts';
import { fileDiff } from '../../../lib/reporters/file_diff.ts';
import { githubReporter } from '../../../lib/reporters/github.ts';
import { JunitReport } from '../../../lib/reporters/junit.ts';
import { LiveView } from '../../../lib/reporters/live.ts';
import { terminalReporter } from '../../../lib/reporters/terminal.ts';
import { shownLines } from '../../../lib/reporters/words.ts';
import { describeDifferences } from '../../../lib/task/diff.ts';
import { command, writeFile } from '../../../lib/task/step.ts';
import { isBounded } from '../../support/growth.ts';
import { jsonEvents, jsonStream } from '../../support/json_stream.ts';

/** Events in which a host's text stands wherever a host's text can stand. */
function eventsWith(text: string): readonly PlayEvent[] {
  const host = 'kvm1';
  const task = { index: 0, title: 'Look', module: 'query', location: { file: '/site.ts', line: 1 } };
  const steps = [
    // No argument can hold a NUL.
    command(['echo', text.replaceAll('\0', '')]),
    writeFile('/etc/a', `one\n${text}\n`, { before: { path: '/etc/a', text: `one\n${text}old\n`, encoding: 'utf8' } }),
  ];
  const differences = [
    { path: 'stdout', wanted: 'x', actual: text },
    { path: 'deep', wanted: { [text]: [text] }, actual: undefined },
  ];
  const result = { changed: true, differences, steps, warnings: [text], before: { text }, after: { text } };
  const waiting = new ConvergenceError(
    `what 'until' waits for does not hold: ${describeDifferences([{ path: 'a', wanted: 1, actual: { stdout: text } }])}`,
  );
  return [
    { type: 'run-start', check: true },
    { type: 'play-start', play: 'Play', hosts: [host], tasks: [task] },
    { type: 'host-phase', host, phase: 'looking' },
    { type: 'task-end', host, task, status: 'changed', result, seconds: 0 },
    { type: 'task-end', host, task, status: 'skipped', reason: text, seconds: 0 },
    { type: 'task-end', host, task, status: 'failed', error: new Error(text), seconds: 0 },
    { type: 'task-end', host, task, status: 'failed', error: waiting, handling: 'rescued', seconds: 0 },
    { type: 'network-change', host, title: 'move', phase: 'rolling-back', reason: text },
    { type: 'host-failed', host, error: new KvmPlayError(text) },
  ];
}

const end: PlayEvent = {
  type: 'run-end',
  summary: { check: true, hosts: { kvm1: { ...nothingCounted, ok: 1 } }, interrupted: false },
};

/** What each reporter writes, and what the command itself prints. */
function shownBy(text: string): Readonly<Record<string, string>> {
  const events = [...eventsWith(text), end];
  const written: Record<string, string> = { terminal: '', github: '', print: '', json: jsonStream(events) };
  const to = (name: string) => (more: string) => {
    written[name] += more;
    return true;
  };
  const junit = new JunitReport({ mayChange: () => true });
  const live = new LiveView({ color: false, unicode: true });
  const reporters = [
    terminalReporter({
      write: to('terminal'),
      color: false,
      unicode: true,
      steps: true,
      skipped: true,
      width: 80,
      fileDiff,
    }),
    githubReporter({ write: to('github'), workspace: '/', mayChange: () => true }),
    (event: PlayEvent) => junit.add(event),
    (event: PlayEvent) => live.add(event, 0),
  ];
  for (const event of events) for (const report of reporters) report(event);
  print({ write: to('print') }, `kvm1: ${text}`);
  return { ...written, junit: junit.xml(), live: live.lines(0, { columns: 400, rows: 40 }).join('\n') };
}

/** Characters that steer a terminal, hide something or turn the reading direction. */
const steering = [
  ...['\u0000', '\u0007', '\b', '\r', '\u001b', '\u007f', '\u0085', '\u009b', '\u00ad', '\u061c', '\u180e'],
  ...['\u200b', '\u200c', '\u200d', '\u200e', '\u200f', '\u2028', '\u2029', '\u202a', '\u202b', '\u202c', '\u202d'],
  ...['\u202e', '\u2060', '\u2066', '\u2067', '\u2068', '\u2069', '\ufeff', '\ufff9', '\ud800', '\udfff'],
  ...['\u{e0001}', '\u{e007f}', '\u{1d173}'],
];

describe('what a host says', () => {
  test.each(steering.map((character) => [character.codePointAt(0)?.toString(16) ?? '', character]))(
    'with U+%s is harmless in every output',
    (_code, character) => {
      for (const [reporter, output] of Object.entries(shownBy(`a${character}b`))) {
        expect([reporter, output.includes(character)]).toEqual([reporter, false]);
      }
    },
  );

  test.each([
    '##[add-mask]x',
    'x ##[set-output name=a]b',
    '::add-mask::x',
    '  ::set-output name=a::b',
    '\u00a0::stop-commands::t',
    '##vso[task.setvariable variable=a]b',
    "##teamcity[publishArtifacts 'x']",
    'first\n::error::second',
    '###[group]x',
    '\u001b[0Ksection_start:1:a[collapsed=true]\r\u001b[0Kx',
  ])('%j is a command to no runner', (text) => {
    for (const [reporter, output] of Object.entries(shownBy(text))) {
      const lines = output.split(/[\r\n]/).filter((line) => !/^::(?:error|warning) file=|^::error title=/.test(line));
      const obeyed = lines.filter((line) => /##\w*\[/.test(line) || /^\s*::.*::/.test(line));
      expect([reporter, obeyed]).toEqual([reporter, []]);
      expect(output).not.toMatch(/\u001b|\r/);
    }
    // What is escaped in JSON is read as it was.
    const [, , , read] = jsonEvents(shownBy(text).json ?? '');
    expect(read).toMatchObject({ result: { warnings: [text] } });
  });

  test('looks like no line of the report', () => {
    const { terminal = '' } = shownBy('x\nok: [kvm1]\nPLAY RECAP ****');
    expect(terminal.match(/^PLAY RECAP/gm)).toHaveLength(1);
    expect(terminal).not.toMatch(/^ok:/m);
  });

  test('is left as it is where it does no harm', () => {
    for (const text of ['::1 localhost', '## [x]', 'größe\t→ 👍', '#[x] ## x', 'a::b::c']) {
      expect(shownLines(text)).toEqual([text]);
    }
  });
});

describe('a secret', () => {
  const secrets = [
    `kp"quoted'\\back`,
    'kp$(dollar) `tick` <tag> & "amp"',
    'kp/slash+plus=equals?x',
    'kpünïcode→x',
    'kp-line-one\nkp"line"two\nkp\tline\\three',
    '  kp-trimmed-blank  ',
    'kp-pin-20481234',
    'kp!hist {b} [x] *?~#',
  ];
  beforeAll(() => {
    for (const text of secrets) hide(text);
  });

  const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
  const encodings: Readonly<Record<string, (text: string) => string>> = {
    'as it is': (text) => text,
    JSON: (text) => JSON.stringify({ text }),
    'JSON in JSON': (text) => JSON.stringify(JSON.stringify({ text })),
    'ASCII JSON': (text) =>
      JSON.stringify(text).replaceAll(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`),
    'a shell': quoted,
    'printf %q': (text) => text.replaceAll(/[^\p{L}\p{N}_@%+=:,./\n-]/gu, '\\$&'),
    'double quotes': (text) => `"${text.replaceAll(/["$`\\]/g, '\\$&')}"`,
    XML: (text) =>
      text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;'),
    'an attribute': (text) =>
      text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll("'", '&apos;'),
    'a URL': encodeURIComponent,
    'a form': (text) => encodeURIComponent(text).replaceAll('%20', '+'),
    base64: (text) => Buffer.from(text).toString('base64'),
    'base64 behind one character': (text) => Buffer.from(`x${text}yz`).toString('base64'),
    'base64 behind two characters': (text) => Buffer.from(`xy${text}z`).toString('base64'),
    base64url: (text) => Buffer.from(text).toString('base64url'),
  };
  const cases = secrets.flatMap((text) => Object.keys(encodings).map((encoding) => [text, encoding] as const));

  test.each(cases)('%j written as %s shows in no output', (text, encoding) => {
    const encoded = encodings[encoding]?.(text) ?? '';
    const telling = /kp[-"$/ü!]|line|dollar|slash|trimmed|2048|hist|[A-Za-z0-9+/_-]{12,}/;
    expect(masked(encoded).replaceAll('kp\\', '')).not.toMatch(encoding.startsWith('base64') ? telling : /kp/);
    for (const [reporter, output] of Object.entries(shownBy(encoded))) {
      const place = output.indexOf('kp');
      expect([reporter, place < 0 ? '' : output.slice(place - 40, place + 40)]).toEqual([reporter, '']);
    }
  });

  test('that was made a number, or the name of a field, is masked in data', () => {
    hide('73519');
    expect(maskedData({ a: 73519, 73519: [73519n, '73519'], b: 7 })).toEqual({ '***': [mask, mask], a: mask, b: 7 });
  });

  test('of a few characters masks where it stands by itself, and no word of our own', () => {
    for (const text of ['ok', 'a', '1', '=', 'changed', 'write', 'true', '0.000']) hide(text);
    expect(masked('ok, a cat is a book')).toBe('***, *** cat is *** book');
    const { terminal = '', json = '', junit = '' } = shownBy('the password is ok');
    expect(terminal).toContain('kvm1 : ok=1  changed=0  unreachable=0');
    expect(terminal).toMatch(/^changed: \[kvm1\]$/m);
    expect(jsonEvents(json)[3]).toMatchObject({ status: 'changed', result: { changed: true } });
    expect(junit).toMatch(/<testsuite name="Play on kvm1" tests="5"/);
  });

  test('that is blank hides nothing', () => {
    hide('    ');
    expect(masked('      x')).toBe('      x');
  });
});

test('hiding a long key and a hundred tokens takes time that grows as the text does', () => {
  for (let index = 0; index < 100; index += 1) hide(`token-${index}-${'x'.repeat(30)}"'`);
  hide(Array.from({ length: 60 }, (_, index) => Buffer.alloc(48, index).toString('base64')).join('\n'));
  const line = 'some ordinary line of some file, token-5 included, and more of it\n';
  const text = (length: number): string => line.repeat(length / line.length);
  expect(masked(text(40_000))).toBe(text(40_000));
  expect(isBounded(masked, text)).toBe(true);
});
