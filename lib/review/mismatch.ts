import { isDeepStrictEqual } from 'node:util';
import { textDiff } from '../formats/text_diff.ts';
import { pasteable } from '../hosts/shell/quote.ts';
import { inWords } from '../task/diff.ts';
import type { PlanStep } from './plan.ts';

/** Characters of a hash that are shown. */
const shortHash = 12;

/** Says step by step how what would be done now differs from what was planned; empty when nothing does. */
export function stepDifferences(planned: readonly PlanStep[], now: readonly PlanStep[]): readonly string[] {
  const count = Math.max(planned.length, now.length);
  return Array.from({ length: count }).flatMap((_, index) => {
    const [before, after] = [planned[index], now[index]];
    if (isDeepStrictEqual(before, after)) return [];
    const name = `step ${index + 1}`;
    if (before === undefined || after === undefined || stepLine(before) !== stepLine(after)) {
      return [`${name}, planned: ${shownStep(before)}`, `${name}, now: ${shownStep(after)}`];
    }
    return fieldDifferences(before, after).map((words) => `${name}, ${stepLine(after)}: ${words}`);
  });
}

/** Compares two steps whose one-line forms are equal, field by field. */
function fieldDifferences(planned: PlanStep, now: PlanStep): readonly string[] {
  const [before, after] = [new Map(Object.entries(planned)), new Map(Object.entries(now))];
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((field) => {
    const [was, is] = [before.get(field), after.get(field)];
    if (isDeepStrictEqual(was, is)) return [];
    if (field === 'seal') return ['what is secret in it differs'];
    if (field === 'text') return textDifferences(String(was ?? ''), String(is ?? ''));
    if (field === 'replaces') return [`the file that is there: planned ${inHash(was)}, now ${inHash(is)}`];
    return [`${field}: planned ${inWords(was)}, now ${inWords(is)}`];
  });
}

function textDifferences(planned: string, now: string): readonly string[] {
  return [`its text differs\n${textDiff('planned', 'now', planned, now, { context: 0 })}`];
}

function inHash(value: unknown): string {
  return typeof value === 'string' ? `SHA-256 ${value.slice(0, shortHash)}…` : 'none';
}

function shownStep(step: PlanStep | undefined): string {
  return step === undefined ? 'nothing' : stepLine(step);
}

function stepLine(step: PlanStep): string {
  switch (step.kind) {
    case 'command':
      return step.title ?? pasteable(step.argv);
    case 'write':
      return `write ${step.path}`;
    case 'directory':
      return `mkdir -p ${pasteable([step.path])}`;
    case 'remove':
      return `rm ${pasteable([step.path])}`;
  }
}
