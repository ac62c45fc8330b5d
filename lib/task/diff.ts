import { isDeepStrictEqual } from 'node:util';
import { BugError } from '../errors.ts';
import { maskedData } from '../process/masking.ts';
import { Secret } from './secret.ts';

/** A path in a state whose value is not the wanted one. */
export interface Difference {
  /** Dotted path, e.g. `values.net.ipv4.ip_forward` or `memory`. */
  readonly path: string;
  readonly wanted: unknown;
  /** undefined if there is no value. */
  readonly actual: unknown;
}

/**
 * A wanted value that matters only when the object is created (an installation ISO): validated and planned, never compared.
 * Wrap it with {@link once}.
 */
export class Once<T> {
  readonly value: T;

  constructor(value: T) {
    this.value = value;
  }
}

/** Marks a wanted value as one that matters only when the object is created. */
export function once<T>(value: T): Once<T> {
  return new Once(value);
}

/**
 * Compares what is there with what is wanted: only what `wanted` names counts, `undefined` and {@link Once} name nothing.
 * Records are compared key by key, everything else (arrays included) as a whole.
 */
export function differences(wanted: unknown, actual: unknown, path = ''): readonly Difference[] {
  if (wanted === undefined || wanted instanceof Once) return [];
  if (wanted instanceof Secret) throw new BugError(`${path} is a secret, and would be shown; compare it in 'read'`);
  if (isRecord(wanted)) {
    const inside = isRecord(actual) ? actual : {};
    return Object.entries(wanted).flatMap(([key, value]) =>
      differences(value, inside[key], path === '' ? key : `${path}.${key}`),
    );
  }
  return isDeepStrictEqual(wanted, actual) ? [] : [{ path, wanted, actual }];
}

/**
 * Tells where two wants of the same thing cannot both hold: single values that both name, and differently. Lists are passed over,
 * for two tasks may each name a part of what there is.
 */
export function contradictions(wanted: unknown, wantedBefore: unknown): readonly Difference[] {
  return differences(wanted, wantedBefore).filter((each) => isSingle(each.wanted) && isSingle(each.actual));
}

/** What a state is once everything is as wanted: what is wanted for the making of a thing only is no part of it. */
export function expected<State extends object>(wanted: State, actual: Partial<State>): Partial<State> {
  const compared: Partial<State> = { ...wanted };
  for (const [key, value] of Object.entries(wanted)) {
    if (value === undefined || value instanceof Once) Reflect.deleteProperty(compared, key);
  }
  return { ...actual, ...compared };
}

/** Says in words what is not as wanted. */
export function describeDifferences(found: readonly Difference[]): string {
  return found.map(({ path, wanted, actual }) => `${path} is ${inWords(actual)}, wanted ${inWords(wanted)}`).join('; ');
}

/** Shows a value of a state to a person. Secrets are masked before it becomes JSON, which would change their quotes and backslashes. */
export function inWords(value: unknown): string {
  if (value === undefined) return 'absent';
  if (value === '') return '(empty)';
  const shown = maskedData(value);
  return typeof shown === 'string' ? shown : JSON.stringify(shown);
}

function isSingle(value: unknown): boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
