import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import * as v from 'valibot';
import type { Module } from '../../lib/engine/define_module.ts';
import type { DeepReadonly, SchemaEntries } from '../../lib/task/argument_types.ts';
import type * as modules from '../../modules/index.ts';

type Modules = Omit<typeof modules, 'kvmHost'>;
type ArgsOf<M> = M extends Module<infer Args, infer _State> ? Args : never;
/** True where two types are the same, `readonly` included. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

test('the arguments of every module, and all their parts, are readonly', () => {
  const areReadonly: {
    readonly [Name in keyof Modules]: Same<ArgsOf<Modules[Name]>, DeepReadonly<ArgsOf<Modules[Name]>>>;
  } = {
    bridge: true,
    command: true,
    file: true,
    ifcfgBridge: true,
    network: true,
    packages: true,
    query: true,
    service: true,
    sysctl: true,
    virshNetwork: true,
    virshPool: true,
    virshVolume: true,
    virtInstall: true,
  };
  expect(Object.values(areReadonly)).toEqual(Array.from({ length: 13 }, () => true));
  const isMutable: Same<{ list: string[] }, DeepReadonly<{ list: string[] }>> = false;
  expect(isMutable).toBe(false);
});

test('the schema of every module is held against its documented interface', () => {
  const folder = fileURLToPath(new URL('../../modules/', import.meta.url));
  const texts = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(`${folder}${name}`, 'utf8'));
  const documented = texts.flatMap((text) =>
    [...text.matchAll(/^export interface ((?!Parsed)\w+Args) /gm)].map(([, name]) => name),
  );
  const held = texts.flatMap((text) =>
    [...text.matchAll(/\} satisfies SchemaEntries<(\w+)>/g)].map(([, name]) => name),
  );
  expect(documented.length).toBe(14);
  expect(held.sort()).toEqual(documented.sort());
});

test('a schema that differs from the interface does not compile', () => {
  interface Args {
    readonly name: string;
    readonly size?: number;
  }
  const same = { name: v.string(), size: v.optional(v.number()) } satisfies SchemaEntries<Args>;
  // @ts-expect-error: an argument is missing
  const fewer = { name: v.string() } satisfies SchemaEntries<Args>;
  // @ts-expect-error: the interface has no such argument
  const more = { ...same, mode: v.string(), size: v.number() } satisfies SchemaEntries<Args>;
  // @ts-expect-error: the interface says that it is a number
  const other = { name: v.string(), size: v.optional(v.string()) } satisfies SchemaEntries<Args>;
  // @ts-expect-error: the interface says that it is required
  const optional = { name: v.optional(v.string()), size: v.optional(v.number()) } satisfies SchemaEntries<Args>;
  expect([same, fewer, more, other, optional]).toHaveLength(5);
});
