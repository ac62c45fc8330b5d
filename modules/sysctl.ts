import { isDeepStrictEqual } from 'node:util';
import * as v from 'valibot';
import { defineModule, type Module } from '../lib/engine/define_module.ts';
import type { ModuleReading } from '../lib/engine/module_spec.ts';
import { ArgumentError, UnsupportedChangeError } from '../lib/errors.ts';
import {
  canonicalKey,
  canonicalValue,
  keyPath,
  lookUpSysctl,
  removeSysctl,
  setSysctl,
} from '../lib/formats/sysctl_conf.ts';
import type { SchemaEntries } from '../lib/task/argument_types.ts';
import { type Once, once } from '../lib/task/diff.ts';
import type { ReadonlyHost, TextFile } from '../lib/task/readonly_host.ts';
import { command, makeDirectory, type Step, writeFile } from '../lib/task/step.ts';
import type { Missing } from '../lib/task/task.ts';
import { nearest } from '../lib/validation/nearest.ts';
import { found, line } from '../lib/validation/schemas.ts';
import { hindrances } from './common/hindrances.ts';
import { missingTool } from './common/packages.ts';
import { type BootOrder, lastSetting, mainFile, ownDirectory, readBootOrder } from './sysctl/boot.ts';

/** Arguments of {@link sysctl}. */
export interface SysctlArgs {
  /**
   * Values by key, e.g. `{ 'net.ipv4.ip_forward': 1 }`. A dot inside an interface's name is written as a slash
   * (`net.ipv4.conf.eth0/100.forwarding`), or the whole key with slashes (`net/ipv4/conf/eth0.100/forwarding`).
   */
  readonly values: Readonly<Record<string, string | number>>;
  /** The file that keeps them: `/etc/sysctl.conf` (the default), or a `.conf` file directly below `/etc/sysctl.d`. */
  readonly file?: string;
  /** Whether they hold after the next boot. Default true. */
  readonly persist?: boolean;
  /** Whether they hold now. Default true. */
  readonly live?: boolean;
  /** `absent` takes the keys out of the file; the live values stay until the next boot. Default `present`. */
  readonly state?: 'present' | 'absent';
}

/** One wanted parameter: its key in canonical form, its value as the task writes it. */
export interface SysctlParameter {
  readonly key: string;
  readonly value: string;
}

/** The state that {@link sysctl} compares: canonical values by canonical key. */
export interface SysctlState {
  readonly file: string;
  readonly state: Once<'present' | 'absent'>;
  readonly parameters: Once<readonly SysctlParameter[]>;
  /** What holds after the next boot; `absent` where no line is wanted. */
  readonly persisted?: Readonly<Record<string, string>>;
  /** What holds now. */
  readonly live?: Readonly<Record<string, string>>;
}

/** The other things that planning needs. */
export interface SysctlFound {
  /** The file as it is; undefined when there is none. */
  readonly file: TextFile | undefined;
  readonly boot: BootOrder;
  readonly hasDirectory: boolean;
  /** Keys that the kernel lets nobody write. */
  readonly readOnly: readonly string[];
}

const absent = 'absent';

const args = v.strictObject({
  values: v.record(
    v.string(),
    v.union([v.string(), v.number()], found('the value of a kernel parameter is a text or a number')),
  ),
  file: v.optional(line('the file'), mainFile),
  persist: v.optional(v.boolean(), true),
  live: v.optional(v.boolean()),
  state: v.optional(v.picklist(['present', 'absent']), 'present'),
} satisfies SchemaEntries<SysctlArgs>);

/**
 * Sets kernel parameters, live and for the next boot; many in one task.
 * Values are compared as the kernel takes them: `1 2` and `1<tab>2`, `1` and `0x1` are the same.
 * The live values are set first: a value that the kernel refuses never reaches the file.
 * In the file, each key's last line is edited in place, or a line is added; every other line stays as it is.
 * A file that is read later at boot and says otherwise is an error that names it.
 *
 * @example
 * ```ts
 * sysctl({ values: { 'net.ipv4.ip_forward': 1 } });
 * ```
 */
export const sysctl: Module<SysctlArgs, SysctlState> = defineModule({
  name: 'sysctl',
  args,
  needsRoot: true,
  desired,
  subject: ({ parameters: { value: parameters } }) => {
    const [first] = parameters;
    const more = parameters.length - 1;
    return `${first?.key ?? ''}${more > 0 ? ` and ${more} more` : ''}`;
  },
  read,
  plan,
});

function desired({ values, file, persist, live, state }: v.InferOutput<typeof args>): SysctlState {
  if (file !== mainFile && !/^\/etc\/sysctl\.d\/[^/]+\.conf$/.test(file)) {
    throw new ArgumentError(
      `sysctl: 'file' is ${file}, which nothing reads at boot; it must be ${mainFile} or a .conf file directly below ${ownDirectory}`,
    );
  }
  const parameters = orderParameters(Object.entries(values).map(([key, value]) => readParameter(key, value)));
  refuseDuplicates(parameters);
  const by = (value: (parameter: SysctlParameter) => string) =>
    Object.fromEntries(parameters.map((parameter) => [parameter.key, value(parameter)]));
  const common = { file, state: once(state), parameters: once(parameters) };
  if (state === 'absent') {
    if (!persist || live === true) {
      throw new ArgumentError(`sysctl: a kernel parameter is absent from a file only; leave 'persist' and 'live' out`);
    }
    return { ...common, persisted: by(() => absent) };
  }
  if (!persist && live === false) throw new ArgumentError(`sysctl: neither 'persist' nor 'live' is left to be done`);
  const wanted = by(({ value }) => canonicalValue(value));
  return { ...common, ...(persist && { persisted: wanted }), ...(live !== false && { live: wanted }) };
}

function readParameter(key: string, value: string | number): SysctlParameter {
  if (!/^[A-Za-z0-9_/][A-Za-z0-9_./:@+-]*$/.test(key) || !isPath(keyPath(key))) {
    throw new ArgumentError(
      `sysctl: ${JSON.stringify(key)} is no kernel parameter's key; a key looks like net.ipv4.ip_forward`,
    );
  }
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new ArgumentError(`sysctl: the value of ${key} is ${value}; a number must be whole, other values are texts`);
  }
  const text = String(value).trim();
  if (text === '' || !/^[\t -~]+$/.test(String(value))) {
    throw new ArgumentError(
      `sysctl: the value of ${key} must be one line of printable ASCII that is not empty, and is ${JSON.stringify(value)}`,
    );
  }
  return { key: canonicalKey(key), value: text };
}

/** Every parameter is in a directory below `/proc/sys`, and none is reached through `..`. */
function isPath(path: string): boolean {
  const parts = path.split('/').slice(3);
  return parts.length > 1 && !parts.some((part) => part === '.' || part === '..');
}

/**
 * Puts those first that set others: `ip_forward` resets the parameters of all interfaces, `all` and `default`
 * reach single ones (ip-sysctl.rst in the kernel's documentation).
 */
function orderParameters(parameters: readonly SysctlParameter[]): readonly SysctlParameter[] {
  return parameters.toSorted((one, other) => reach(one.key) - reach(other.key));
}

function reaches(one: string, other: string): boolean {
  return reach(one) < reach(other) && other.startsWith('net.');
}

function reach(key: string): number {
  if (key === 'net.ipv4.ip_forward') return 0;
  if (/^net\.ipv[46]\.(conf|neigh)\.(all|default)\./.test(key)) return 1;
  return 2;
}

function refuseDuplicates(parameters: readonly SysctlParameter[]): void {
  if (parameters.length === 0) throw new ArgumentError(`sysctl: 'values' names no kernel parameter`);
  const keys = parameters.map(({ key }) => key);
  const twice = keys.find((key, index) => keys.indexOf(key) !== index);
  if (twice !== undefined) throw new ArgumentError(`sysctl: ${twice} is there twice, in two notations; name it once`);
}

async function read(host: ReadonlyHost, wanted: SysctlState): Promise<ModuleReading<SysctlState, SysctlFound>> {
  const parameters = wanted.parameters.value;
  const isLive = wanted.live !== undefined;
  const [file, exposure, boot, hasDirectory, tool, live, readOnly] = await Promise.all([
    host.readFile(wanted.file),
    host.exposure(wanted.file, { follow: true }),
    wanted.persisted === undefined ? notAsked : readBootOrder(host, wanted.file),
    host.exists(ownDirectory),
    isLive ? missingTool(host, 'sysctl') : undefined,
    Promise.all(parameters.map(async ({ key }) => [key, (await host.readFile(keyPath(key)))?.text] as const)),
    isLive ? findReadOnly(host, parameters) : [],
  ]);
  const found = { file, boot, hasDirectory, readOnly };
  const unknown = live.filter(([, value]) => value === undefined).map(([key]) => key);
  const missing = !isLive ? [] : await Promise.all(unknown.map((key) => missingParameter(host, key)));
  const persisted = wanted.persisted && readPersisted(wanted, wanted.persisted, found);
  const isKept = isDeepStrictEqual(persisted, wanted.persisted);
  return {
    state: {
      file: wanted.file,
      ...(persisted && { persisted }),
      ...(wanted.live && { live: record(live.map(([key, value]) => [key, value && canonicalValue(value)])) }),
    },
    found,
    missing: tool === undefined ? missing : [tool, ...missing],
    missingToChange: isKept ? [] : hindrances(wanted.file, exposure, 'name'),
    warnings: isRemoval(wanted) ? removalWarnings(parameters, found, new Map(live)) : unknownWarnings(wanted, unknown),
  };
}

/** sysctl says no more than a note, and exits with 0, where the kernel refuses because nobody may write the key. */
async function findReadOnly(host: ReadonlyHost, parameters: readonly SysctlParameter[]): Promise<readonly string[]> {
  const answers = await Promise.all(
    parameters.map(async ({ key }) => ({ key, ...(await host.query(['test', '-w', keyPath(key)])) })),
  );
  return answers.filter(({ exitCode }) => exitCode === 1).map(({ key }) => key);
}

/** Parameters that are not kept have no place in the boot. */
const notAsked: BootOrder = { isRead: true, earlier: [], later: [] };

/** Returns the value of each key after a boot; where another file would override it, the reason. */
function readPersisted(
  { parameters }: SysctlState,
  wanted: Readonly<Record<string, string>>,
  { file, boot }: SysctlFound,
): Readonly<Record<string, string>> {
  return record(
    parameters.value.map(({ key }) => {
      const line = lookUpSysctl(file?.text ?? '', key);
      if (line === undefined) return [key, wanted[key] === absent ? absent : undefined];
      if (wanted[key] === absent) return [key, canonicalValue(line)];
      const override = overriding(boot, key, wanted[key]);
      if (override !== undefined) return [key, `${override.value} by ${override.path}`];
      return [key, boot.isRead ? canonicalValue(line) : 'not read at boot'];
    }),
  );
}

function overriding(boot: BootOrder, key: string, wanted: string | undefined): ReturnType<typeof lastSetting> {
  const last = lastSetting(boot.later, key);
  return last?.value === wanted ? undefined : last;
}

async function missingParameter(host: ReadonlyHost, key: string): Promise<Missing> {
  const what = `there is no kernel parameter ${key}`;
  if (key.startsWith('net.bridge.')) {
    const remedy = `load the kernel module that brings it (modprobe br_netfilter), at boot too (/etc/modules-load.d)`;
    return { key: 'kernel-module:br_netfilter', what, remedy };
  }
  const [, link, rest = ''] = /^net\.ipv[46]\.(?:conf|neigh)\.([^.]+)\.(.*)$/.exec(key) ?? [];
  if (rest.includes('.')) {
    const remedy = `a dot in an interface's name is written as a slash, as in net.ipv4.conf.eth0/100.forwarding`;
    return { key: `file:${keyPath(key)}`, what, remedy };
  }
  const name = link?.replaceAll('/', '.');
  if (name !== undefined && !(await host.exists(`/proc/sys/net/ipv4/conf/${name}`))) {
    const remedy = `there is no interface ${name} on the host; make it first, or correct its name`;
    return { key: `link:${name}`, what, remedy };
  }
  return { key: `file:${keyPath(key)}`, what, remedy: await nameRemedy(host, keyPath(key)) };
}

async function nameRemedy(host: ReadonlyHost, path: string): Promise<string> {
  const directory = path.slice(0, path.lastIndexOf('/'));
  const close = nearest(path.slice(directory.length + 1), await host.listDirectory(directory));
  const guess =
    close === undefined ? '' : ` (did you mean ${canonicalKey(`${directory}/${close}`.replace('/proc/sys/', ''))}?)`;
  return `correct the name${guess}, or load the kernel module that brings it`;
}

function unknownWarnings(wanted: SysctlState, unknown: readonly string[]): readonly string[] {
  if (wanted.live !== undefined) return [];
  return unknown.map(
    (key) => `the running kernel has no parameter ${key}; it cannot be told whether the name is right`,
  );
}

function removalWarnings(
  parameters: readonly SysctlParameter[],
  { file, boot }: SysctlFound,
  live: ReadonlyMap<string, string | undefined>,
): readonly string[] {
  return parameters.flatMap(({ key }) => {
    const value = live.get(key);
    const isThere = lookUpSysctl(file?.text ?? '', key) !== undefined;
    const other = lastSetting([...boot.earlier, ...boot.later], key);
    return [
      ...(isThere && value !== undefined
        ? [`the live value of ${key} stays ${canonicalValue(value)} until the next boot`]
        : []),
      ...(other === undefined ? [] : [`${other.path} sets ${key} to ${other.value} at boot`]),
    ];
  });
}

function plan(seen: ModuleReading<SysctlState, SysctlFound>, wanted: SysctlState): readonly Step[] {
  return [...planLive(seen, wanted), ...planFile(seen, wanted)];
}

/** One command for all. Where a parameter is set that sets others, all of the task's come after it. */
function planLive(
  { state, found }: ModuleReading<SysctlState, SysctlFound>,
  { parameters, live }: SysctlState,
): readonly Step[] {
  if (live === undefined) return [];
  const differs = ({ key }: SysctlParameter) => live[key] !== state.live?.[key];
  const first = parameters.value.find(differs);
  if (first === undefined) return [];
  const fixed = parameters.value.find((each) => differs(each) && found.readOnly.includes(each.key));
  if (fixed !== undefined && state.live?.[fixed.key] !== undefined) {
    throw new UnsupportedChangeError(
      `${fixed.key} is to be ${fixed.value}, is ${state.live[fixed.key]}, and the kernel does not let it be changed on the running system; leave it out, or set it where it is made (a boot parameter, a module's option)`,
    );
  }
  const due = parameters.value.filter((each) => differs(each) || reaches(first.key, each.key));
  const before = due.flatMap(({ key }) => (state.live?.[key] === undefined ? [] : [`${key}=${state.live[key]}`]));
  const set = due.map(({ key, value }) => `${key}=${value}`);
  return [
    command(
      ['sysctl', '-w', ...set],
      before.length === 0 ? {} : { undo: { withOldFiles: [['sysctl', '-w', ...before]] } },
    ),
  ];
}

function planFile({ found }: ModuleReading<SysctlState, SysctlFound>, wanted: SysctlState): readonly Step[] {
  if (wanted.persisted === undefined) return [];
  if (!isRemoval(wanted)) refuseWhatWouldNotHold(wanted, wanted.persisted, found);
  const before = found.file?.text ?? '';
  const text = wanted.parameters.value.reduce(
    (whole, { key, value }) => (isRemoval(wanted) ? removeSysctl(whole, key) : setSysctl(whole, key, value)),
    before,
  );
  if (text === before) return [];
  const directory = wanted.file === mainFile || found.hasDirectory ? [] : [makeDirectory(ownDirectory)];
  return [...directory, writeFile(wanted.file, text, found.file && { before: found.file })];
}

function refuseWhatWouldNotHold(
  { file, parameters }: SysctlState,
  wanted: Readonly<Record<string, string>>,
  { boot }: SysctlFound,
): void {
  for (const { key, value } of parameters.value) {
    const override = overriding(boot, key, wanted[key]);
    if (override === undefined) continue;
    throw new UnsupportedChangeError(
      `${key} = ${value} in ${file} would not hold after the next boot: ${override.path} is read later and sets it to ${override.value}; take its line out, or keep the value in a file of ${ownDirectory} that is read later still ('file')`,
    );
  }
  if (!boot.isRead) {
    throw new UnsupportedChangeError(
      `what ${file} says would not hold after the next boot: systemd does not read it on this host (no file in ${ownDirectory} links to it); name another one, e.g. file: '${ownDirectory}/90-kvm-play.conf'`,
    );
  }
  if (boot.masks !== undefined) {
    throw new UnsupportedChangeError(
      `${file} would switch off ${boot.masks} as a whole, because of two files of one name only the first is read; choose another name`,
    );
  }
}

function isRemoval({ state }: SysctlState): boolean {
  return state.value === absent;
}

/** Leaves out what is not there. */
function record(entries: readonly (readonly [string, string | undefined])[]): Readonly<Record<string, string>> {
  return Object.fromEntries(entries.flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])));
}
