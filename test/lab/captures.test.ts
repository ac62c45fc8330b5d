import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from '@jest/globals';
import type { Lab } from '../../lib/lab/index.ts';
import { type Arrangement, arrangements, clean, prepare } from './capture_cases.ts';
import { type Capture, canonical, type Look, look, parseCaptures } from './capture_format.ts';
import { withTwoLabs } from './support.ts';

const captures = parseCaptures(await readFile(new URL('./captures/network-scripts-el7.md', import.meta.url), 'utf8'));

/** Cases of several hosts side by side; each result is there when its case was played. */
const results = new Map(captures.map(({ id }) => [id, deferred<readonly Look[]>()]));

const title = 'the stand-in for the network scripts leaves the state that the real ones left';
withTwoLabs(title, ['one', 'two'], (...machines) => {
  beforeAll(() => {
    const queue = [...captures];
    for (const { lab } of machines) void playAll(lab, queue);
  });

  test.each(captures)('case $id: $title', async ({ id, looks }) => {
    expect(await results.get(id)?.promise).toEqual(looks);
  });
});

async function playAll(lab: Lab, queue: Capture[]): Promise<void> {
  await lab.run(['bash', '-c', prepare]);
  for (let capture = queue.shift(); capture !== undefined; capture = queue.shift()) {
    const result = results.get(capture.id);
    await play(lab, capture).then(result?.resolve, result?.reject);
  }
}

async function play(lab: Lab, capture: Capture): Promise<readonly Look[]> {
  const arrangement: Arrangement | undefined = arrangements[capture.id];
  if (arrangement === undefined) throw new Error(`nothing arranges case ${capture.id}`);
  await lab.run(['bash', '-c', clean], { reject: false });
  await lab.run(['bash', '-c', arrangement.before ?? ':'], { reject: false });
  const looks: Look[] = [];
  let commands = 0;
  for (const wanted of capture.looks) {
    let exitCode = 0;
    if (wanted.command !== undefined) {
      await lab.run(['bash', '-c', arrangement.beforeCommand?.[commands] ?? ':']);
      ({ exitCode } = await lab.run(['bash', '-c', wanted.command], { reject: false }));
      commands += 1;
    }
    looks.push({ command: wanted.command, exitCode, facts: await settledFacts(lab, wanted.facts) });
  }
  await lab.run(['bash', '-c', arrangement.after ?? ':'], { reject: false });
  return looks;
}

/** Looks until the state is the wanted one: a carrier or an address may come a second late. Then what is, is. */
async function settledFacts(lab: Lab, wanted: readonly string[]): Promise<readonly string[]> {
  // The captures of some cases tell one thing only, or nothing.
  if (wanted.length === 0) return [];
  const kinds = new Set(wanted.map((fact) => fact.split(' ')[0]));
  const deadline = Date.now() + 12_000;
  for (;;) {
    const { stdout } = await lab.run(['bash', '-c', look]);
    const all = canonical(stdout.split('\n').filter((line) => line !== ''));
    const facts = wanted.length === 1 ? all.filter((fact) => kinds.has(fact.split(' ')[0])) : all;
    if (Date.now() > deadline || JSON.stringify(facts) === JSON.stringify(wanted)) return facts;
    await sleep(200);
  }
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
