import { describe, expect, test } from '@jest/globals';
import * as v from 'valibot';
import { defineModule, type Module } from '../../../lib/engine/define_module.ts';
import type { Seen } from '../../../lib/engine/module_spec.ts';
import { once } from '../../../lib/task/diff.ts';
import { command } from '../../../lib/task/step.ts';
import { FakeHost } from '../../../lib/testing/index.ts';
import { line } from '../../../lib/validation/schemas.ts';

/** True where two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const isSame = <A, B>(same: Same<A, B>): void => expect(same).toBe(true);

const hostname = defineModule({
  name: 'hostname',
  args: v.strictObject({ name: line('the name') }),
  subject: ({ name }) => name,
  read: async (host) => ({ state: { name: await host.text(['hostname']) } }),
  plan: (_seen, { name }) => [command(['hostnamectl', 'set-hostname', name])],
});

/** A host whose name `hostnamectl` sets. */
const namedHost = (name: string): FakeHost =>
  new FakeHost({
    commands: { hostname: { stdout: `${name}\n` } },
    onStep: ([, , wanted], { commands }) => {
      commands.set('hostname', { stdout: `${wanted}\n` });
      return {};
    },
  });

describe('a module whose state is its arguments', () => {
  test('is checked and applied', async () => {
    const host = namedHost('old');
    expect(await hostname.check(host, { name: 'kvm1' })).toMatchObject({
      changed: true,
      differences: [{ path: 'name', wanted: 'kvm1', actual: 'old' }],
    });
    expect(await hostname.apply(host, { name: 'kvm1' })).toMatchObject({ changed: true, after: { name: 'kvm1' } });
    expect(await hostname.apply(host, { name: 'kvm1' })).toMatchObject({ changed: false });
  });

  test('refuses wrong arguments, at the line of the site', () => {
    // @ts-expect-error: the schema has no such argument
    expect(() => hostname({ nam: 'kvm1' })).toThrow(
      "hostname: the argument 'name' is missing; there is no argument 'nam'; did you mean 'name'?",
    );
    expect(() => hostname({ name: 'kvm\n1' })).toThrow(/the name must be one line/);
  });

  test('has the types of its schema', () => {
    isSame<typeof hostname, Module<{ readonly name: string }, { readonly name: string }>>(true);
    hostname({ name: 'kvm1', until: ({ name }) => name === 'kvm1' });
    // @ts-expect-error: the state has no such key
    hostname({ name: 'kvm1', until: ({ title }) => title === 'kvm1' });
  });

  test('knows the defaults of its schema, and may find more than the state', () => {
    const module = defineModule({
      name: 'ports',
      args: v.strictObject({ name: line('the name'), ports: v.optional(v.array(v.number()), [22]) }),
      subject: ({ name }) => name,
      read: async () => ({ state: { name: 'x' }, found: { spare: 3 } }),
      plan: ({ found }, { ports }) => [command(['open', ...[...ports, found.spare].map(String)])],
    });
    isSame<
      typeof module,
      Module<
        { readonly name: string; readonly ports?: readonly number[] | undefined },
        { readonly name: string; readonly ports: readonly number[] }
      >
    >(true);
    expect(module({ name: 'x', ports: [80] as const }).desired.ports).toEqual([80]);
    expect(module({ name: 'x' }).desired.ports).toEqual([22]);
  });
});

describe('a module that makes its state of the arguments', () => {
  const labelled = defineModule({
    name: 'labelled',
    args: v.strictObject({ name: line('the name'), text: v.optional(line('the text'), 'none') }),
    desired: ({ name, text }, { disrupts = [] }) => ({
      label: `${name}=${text}`,
      mayCut: once(disrupts.includes('link')),
    }),
    subject: ({ label }) => label,
    read: async () => ({ state: { label: 'old' } }),
    plan: ({ state }, { label, mayCut }) => [command(['label', state.label ?? '', label, String(mayCut.value)])],
  });

  test('gets the validated arguments and the options of the task', async () => {
    const { steps } = await labelled.check(new FakeHost(), { name: 'x', disrupts: ['link'] });
    expect(steps).toEqual([command(['label', 'old', 'x=none', 'true'])]);
  });

  test('may not read a state in other terms', () => {
    defineModule({
      name: 'other',
      args: v.strictObject({ name: line('the name') }),
      desired: ({ name }) => ({ length: name.length }),
      subject: ({ length }) => String(length),
      // @ts-expect-error: the length is a number
      read: async () => ({ state: { length: 'three' } }),
      plan: () => [],
    });
  });
});

describe('the old form, without a schema', () => {
  const old = defineModule<{ name: string }, { name: string }, { at: number }>({
    name: 'old',
    desired: (args) => ({ name: args.name }),
    subject: (desired) => desired.name,
    read: async (): Promise<Seen<{ name: string }, { at: number }>> => ({
      state: {},
      found: { at: 7 },
      links: [{ link: 'eth0', ipv4: 'dhcp' }],
      strands: ['it is cut off'],
    }),
    plan: ({ found }, desired) => [command(['name', desired.name, String(found.at)])],
  });

  test('goes on working', async () => {
    const host = new FakeHost();
    expect((await old.check(host, { name: 'x' })).steps).toEqual([command(['name', 'x', '7'])]);
    expect((await old({ name: 'x' }).read(host.reader)).network).toEqual({
      links: [{ link: 'eth0', ipv4: 'dhcp' }],
      lockout: ['it is cut off'],
    });
  });
});

describe('defineModule refuses', () => {
  const body = { name: 'm', subject: () => 's', read: async () => ({ state: {} }), plan: () => [] };

  test.each<[string, unknown, string]>([
    ['neither schema nor desired', body, "defineModule: 'desired' is missing, and must be a function"],
    ['a schema that is none', { ...body, args: { name: 'text' } }, "defineModule: 'args' must be a schema of valibot"],
    [
      'a schema that waits',
      { ...body, args: v.strictObjectAsync({}) },
      "defineModule: 'args' must be a schema of valibot",
    ],
    [
      'a schema that passes over what is mistyped',
      { ...body, args: v.object({ text: v.string() }) },
      'defineModule: the schema of m passes over unknown arguments, so that a mistyped one would be lost; write v.strictObject',
    ],
    [
      'an argument with the name of an option',
      { ...body, args: v.strictObject({ retry: v.number() }) },
      "defineModule: m has an argument 'retry', which is an option of every task; take another name",
    ],
  ])('%s', (_what, definition, words) => {
    expect(() => Reflect.apply(defineModule, undefined, [definition])).toThrow(words);
  });
});
