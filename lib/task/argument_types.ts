import type * as v from 'valibot';
import type { Secret } from './secret.ts';
import type { Task } from './task.ts';

/** Values that have no parts of their own: their types are left as they are. */
type Whole = Secret | Task | ((...args: never) => unknown);

/** A type of which nothing can be changed, neither itself nor its parts. */
export type DeepReadonly<T> = T extends Whole ? T : { readonly [Key in keyof T]: DeepReadonly<T[Key]> };

/** The types that a schema accepts and returns, as nobody may change them. */
export type ReadonlyArguments<Args extends object> = { readonly [Key in keyof Args]: DeepReadonly<Args[Key]> };

/** Arguments as a schema accepts them: one that may be left out may also be undefined. */
export type GivenArguments<Args extends object> = {
  readonly [Key in keyof Args]: Args[Key] | OptionalUndefined<Args, Key>;
};

type OptionalUndefined<T, Key extends keyof T> = object extends Pick<T, Key> ? undefined : never;

/**
 * The entries of the schema of a documented interface: the same keys, and for each a schema that accepts no more than the
 * interface. `v.strictObject({ ... } satisfies SchemaEntries<Args>)` so keeps the two in agreement.
 */
export type SchemaEntries<Args extends object> = {
  readonly [Key in keyof Args]-?: v.GenericSchema<Args[Key] | OptionalUndefined<Args, Key>, unknown>;
};
