import { posix } from 'node:path';
import * as v from 'valibot';
import { defineModule, type Module } from '../lib/engine/define_module.ts';
import type { ModuleReading } from '../lib/engine/module_spec.ts';
import { holdsSecret } from '../lib/engine/secret_note.ts';
import { UnsupportedChangeError } from '../lib/errors.ts';
import type { SchemaEntries } from '../lib/task/argument_types.ts';
import { refuseIdle } from '../lib/task/arguments.ts';
import { type Once, once } from '../lib/task/diff.ts';
import type { Exposure, ReadonlyHost, TextFile } from '../lib/task/readonly_host.ts';
import { Secret } from '../lib/task/secret.ts';
import { command, makeDirectory, removeFile, type Step, writeFile } from '../lib/task/step.ts';
import type { Missing } from '../lib/task/task.ts';
import { absolutePath, found, line } from '../lib/validation/schemas.ts';
import { hindrances } from './common/hindrances.ts';
import { type FileStatus, missingOwners, ownerOf, readStatus } from './file/status.ts';
import { unitOfFile } from './systemd/systemd.ts';

/** Arguments of {@link file}. */
export interface FileArgs {
  /**
   * Its absolute path. A symbolic link is followed to what it names where no one but root, or the user who runs the task, could have
   * made it, and is refused elsewhere; with `absent` the link itself goes.
   */
  readonly path: string;
  /** The whole text, in UTF-8; it may be secret, or hold secrets (`secret.text`). Unless given the text is left as it is, and a new file is empty. */
  readonly content?: string | Secret;
  /** Its permissions as chmod(1) takes them, three or four octal digits: `'0640'`. Unless given they are left as they are; a new file gets `'0644'`, a new directory `'0755'`, and what is secret has `'0600'`. */
  readonly mode?: string;
  /** The user who owns it, by name or number. Left as it is unless given. */
  readonly owner?: string;
  /** Its group, by name or number. Left as it is unless given. */
  readonly group?: string;
  /** What is there: a `file` (the default), a `directory`, made with its parents, or nothing: `absent`. */
  readonly state?: 'file' | 'directory' | 'absent';
}

/** The state that {@link file} compares. */
export interface FileState {
  readonly path: string;
  readonly state: FileStatus['kind'] | 'absent';
  /** Whether the text is the one that is wanted; the text itself is shown as a diff. */
  readonly content?: 'as given' | 'another';
  /** Four octal digits. */
  readonly mode?: string;
  readonly owner?: string;
  readonly group?: string;
  /** The text that is wanted. */
  readonly text?: Once<string | Secret>;
}

interface FileFound {
  readonly status: FileStatus | undefined;
  readonly before: TextFile | undefined;
  /** What is there was written as a secret. */
  readonly isSecret: boolean;
  /** Who else can put something else in its place. */
  readonly exposure: string | undefined;
  /** The user who looks, by name. */
  readonly user: string;
  /** What is in a directory that is to be removed. */
  readonly names: readonly string[];
}

const account = (what: string): v.GenericSchema<string> =>
  v.pipe(line(what), v.regex(/^[^-:/\s][^:/]*$/, found(`${what} is a name or a number without ':' and '/'`)));

const modeWords = "a mode is a text of three or four octal digits, such as '0640'";

const args = v.strictObject({
  path: absolutePath("a file's path"),
  content: v.optional(v.union([v.string(), v.instance(Secret)], 'it is a text or a secret')),
  mode: v.optional(v.pipe(v.string(found(modeWords)), v.regex(/^[0-7]{3,4}$/, found(modeWords)))),
  owner: v.optional(account('an owner')),
  group: v.optional(account('a group')),
  state: v.optional(v.picklist(['file', 'directory', 'absent']), 'file'),
} satisfies SchemaEntries<FileArgs>);

/**
 * Keeps one file: its text, permissions and owner; or a directory, or that there is nothing. A template is a function that makes
 * the text. What must be loaded by a daemon is reflected by a `service` task.
 *
 * @example
 * ```ts
 * const motd = (name: string) => `This is ${name}.\n`;
 *
 * file({ path: '/etc/motd', content: motd('kvm1'), mode: '0644' });
 * ```
 */
export const file: Module<FileArgs, FileState> = defineModule({
  name: 'file',
  args,
  desired,
  subject: ({ path }) => path,
  provides: ({ path, state }) => {
    if (state === 'absent') return [];
    if (state === 'directory') return withParents(path).map((each) => `file:${each}`);
    const unit = unitOfFile(path);
    return [`file:${path}`, ...(unit === undefined ? [] : [`unit-file:${unit}`])];
  },
  read,
  plan,
});

function desired({ path, content, owner, group, state, ...rest }: v.InferOutput<typeof args>): FileState {
  const mode = rest.mode ?? (content instanceof Secret && state === 'file' ? '0600' : undefined);
  if (state === 'directory') refuseIdle('file', { content }, "state: 'directory'");
  if (state === 'absent') refuseIdle('file', { content, mode, owner, group }, "state: 'absent'");
  return {
    path,
    state,
    ...(content !== undefined && { content: 'as given', text: once(content) }),
    ...(mode !== undefined && { mode: mode.padStart(4, '0') }),
    ...(owner !== undefined && { owner }),
    ...(group !== undefined && { group }),
  };
}

/** A directory is made with its parents. */
function withParents(path: string): readonly string[] {
  return path === '/' ? [] : [path, ...withParents(posix.dirname(path))];
}

async function read(host: ReadonlyHost, wanted: FileState): Promise<ModuleReading<FileState, FileFound>> {
  const { path, text } = wanted;
  const parent = posix.dirname(path);
  const follow = wanted.state !== 'absent';
  const isRead = text !== undefined || !follow;
  const [exposure, status, before, hasParent, isSecret, writable, user] = await Promise.all([
    host.exposure(path, { follow }),
    readStatus(host, path, { follow }),
    isRead ? readText(host, path) : undefined,
    wanted.state === 'file' ? host.exists(parent) : true,
    holdsSecret(host, path),
    host.query(['test', '-w', parent]),
    host.user(),
  ]);
  const isClosed = hasParent && writable.exitCode !== 0 && wanted.state !== 'directory';
  if (status === undefined) {
    return {
      state: { path, state: 'absent' },
      found: { status, before: undefined, isSecret, exposure: exposure.by, user, names: [] },
      needsRoot: isClosed || isForeign(wanted.owner, user),
      missing: [
        ...(hasParent ? [] : [missingDirectory(parent)]),
        ...missingOnTheWay(wanted, exposure),
        ...(await missingOwners(host, wanted)),
      ],
      missingToChange: hindrances(path, exposure, 'name'),
    };
  }
  // What is removed is shown where it can be.
  if (before instanceof Error && status.kind === 'file' && follow) throw before;
  const kept = before instanceof Error || status.kind !== 'file' ? undefined : before;
  const state: FileState = {
    path,
    state: status.kind,
    ...(text !== undefined && { content: isSame(kept, text.value) ? 'as given' : 'another' }),
    mode: status.mode,
    ...ownerOf(status, wanted),
  };
  return {
    state,
    found: {
      status,
      before: kept,
      isSecret,
      exposure: exposure.by,
      user,
      names: wanted.state === 'absent' && status.kind === 'directory' ? await host.listDirectory(path) : [],
    },
    missing: await missingOwners(host, wanted, state),
    missingToChange: hindrances(path, exposure, isRewritten(wanted, state) ? 'name' : 'attributes'),
    needsRoot:
      isForeign(wanted.owner, user, state.owner) || (isRewritten(wanted, state) ? isClosed : status.user !== user),
  };
}

/** Only root can give a file to another user. */
function isForeign(owner: string | undefined, user: string, actual?: string): boolean {
  return owner !== undefined && owner !== user && owner !== actual;
}

/** Tells whether the directory gets a new entry. Permissions alone are changed in place. */
function isRewritten(wanted: FileState, state: Partial<FileState>): boolean {
  return wanted.state !== state.state || wanted.content !== state.content;
}

/** Returns the error where the path can't be read: it may be no file, which is asked at the same time. */
async function readText(host: ReadonlyHost, path: string): Promise<TextFile | Error | undefined> {
  return host.readFile(path).catch((error: unknown) => {
    if (error instanceof Error) return error;
    throw error;
  });
}

/** Bytes that are no UTF-8 are never those of the wanted text, whatever they look like. */
function isSame(before: TextFile | undefined, wanted: string | Secret): boolean {
  const text = wanted instanceof Secret ? wanted.revealed : wanted;
  return before !== undefined && before.encoding === 'utf8' && before.text === text;
}

function missingDirectory(path: string): Missing {
  return {
    key: `file:${path}`,
    what: `there is no directory ${path}`,
    remedy: `make it, e.g. with a task file({ path: '${path}', state: 'directory' }) before this one`,
  };
}

/** Directories on the way are made where only root can write; elsewhere somebody could take their place. */
function missingOnTheWay({ path, state }: FileState, { by, missing }: Exposure): readonly Missing[] {
  if (state !== 'directory' || by === undefined || missing === undefined) return [];
  return [
    {
      key: `file:${missing}`,
      what: `${missing} is not made on the way to ${path}, since others can write to its directory (${by})`,
      remedy: `make it by a task of its own, with its owner: file({ path: '${missing}', state: 'directory', owner: … })`,
    },
  ];
}

function plan({ state, found }: ModuleReading<FileState, FileFound>, wanted: FileState): readonly Step[] {
  const { status } = found;
  if (status === undefined) return planNew(wanted);
  if (wanted.state === 'absent') return planRemoval(status, found, wanted);
  if (status.kind !== wanted.state) {
    throw new UnsupportedChangeError(
      `${wanted.path} is a ${status.kind}, wanted is a ${wanted.state}; move away what is there, or take another path`,
    );
  }
  return planChange(state, status, found, wanted);
}

function planNew(wanted: FileState): readonly Step[] {
  const { path, text } = wanted;
  const attributes = attributesOf(wanted);
  if (wanted.state === 'file') return [writeFile(path, text?.value ?? '', attributes)];
  return [makeDirectory(path, attributes)];
}

function planRemoval(status: FileStatus, { names, isSecret, before }: FileFound, { path }: FileState): readonly Step[] {
  if (status.kind !== 'directory') return [removeFile(path, isSecret ? { secret: true } : before && { before })];
  if (names.length > 0) {
    const some = names.slice(0, 3).join(', ');
    throw new UnsupportedChangeError(
      `${path} is a directory, and not empty (${some}${names.length > 3 ? ', …' : ''}): only an empty one is removed`,
    );
  }
  const undo = { withOldFiles: [['mkdir', '-m', status.mode, path]] };
  return [command(['rmdir', path], { operand: 'entry', undo })];
}

/** A new text gets its mode and its owner before it can be seen. */
function planChange(
  state: Partial<FileState>,
  status: FileStatus,
  { before, isSecret, exposure, user }: FileFound,
  wanted: FileState,
): readonly Step[] {
  const { path, mode, text } = wanted;
  refuseOtherNames(status, wanted);
  const isOwned = [
    [wanted.owner, state.owner],
    [wanted.group, state.group],
  ].every(([want, actual]) => want === undefined || want === actual);
  const own = isOwned ? undefined : ownership(wanted);
  if (text !== undefined && state.content !== wanted.content) {
    const kept = isSecret ? { secret: true as const } : asUtf8(before);
    // Of a file that another user may have put there all is said anew.
    const isOthers = exposure !== undefined && status.uid !== '0' && status.user !== user;
    if (isOthers) refusePlanted(status, exposure, wanted);
    const owner = isOthers ? ownership(wanted) : own;
    const isKept = mode === undefined || (mode === status.mode && !isOthers);
    const differing = isKept ? {} : { chmod: Number.parseInt(mode, 8) };
    return [writeFile(path, text.value, { ...kept, ...differing, ...(owner !== undefined && { owner }) })];
  }
  refuseExposed(status, exposure, own !== undefined, wanted);
  // Another owner takes bits such as setuid off.
  const left = own !== undefined && isSpecial(status.mode) ? undefined : status.mode;
  const undo = {
    withOldFiles: [
      ['chown', `${status.uid}:${status.gid}`, path],
      ['chmod', status.mode, path],
    ],
  };
  return [
    ...(own === undefined ? [] : [command(['chown', own, path], { operand: 'object', undo })]),
    ...(mode === undefined || mode === left ? [] : [chmod(mode, wanted, status.mode)]),
  ];
}

/** A new file would take one of the names, and the others would keep the old text. */
function refuseOtherNames({ kind, names }: FileStatus, { path, text }: FileState): void {
  if (kind !== 'file' || names < 2 || text === undefined) return;
  throw new UnsupportedChangeError(
    `${path} has ${names} names (hard links), and only this one would get the new text; find the others with find / -xdev -samefile ${path}, and remove them or make them symbolic links`,
  );
}

/** Where several users can write, one of them may have put a file there to become the owner of the text that is written into it. */
function refusePlanted({ user }: FileStatus, exposure: string, { path, owner }: FileState): void {
  if (owner !== undefined || exposure.startsWith('user ')) return;
  throw new UnsupportedChangeError(
    `${path} belongs to ${user}, who may have put it there to get what is written, since several users can write to its directory; name its owner (owner: 'root', or '${user}' if it is to stay that user's), or remove it first`,
  );
}

/**
 * Below a directory that others can write to, a text is written into a new file of which all is known. Permissions and owner alone
 * would go to whatever stands there at that moment: only its user's own things are changed, and not given to others.
 */
function refuseExposed({ uid }: FileStatus, exposure: string | undefined, isGiven: boolean, wanted: FileState): void {
  const isUsers = exposure === `user ${uid}` || (exposure === 'sticky' && uid === '0');
  if (exposure === undefined || (isUsers && !isGiven)) return;
  throw new UnsupportedChangeError(
    `the permissions of ${wanted.path} are not changed, since others can write to its directory, and could put another user's file in its place; ${wanted.state === 'file' ? 'name its content too, so that a new file takes its place, or ' : ''}let only root write to the directory`,
  );
}

/** The old file as UTF-8, the encoding in which the new text is written. */
function asUtf8(before: TextFile | undefined): { before?: TextFile } {
  return before === undefined ? {} : { before: { ...before, encoding: 'utf8' } };
}

/** chmod(1) leaves a directory's setuid and setgid as they are unless there are more than four digits. */
function chmod(mode: string, { path, state }: FileState, old: string): Step {
  const spelled = (digits: string): string => (state === 'directory' ? `0${digits}` : digits);
  const undo = { withOldFiles: [['chmod', spelled(old), path]] };
  return command(['chmod', spelled(mode), path], { operand: 'object', undo });
}

function attributesOf(wanted: FileState): { mode?: number; owner?: string } {
  const owner = ownership(wanted);
  return {
    ...(wanted.mode !== undefined && { mode: Number.parseInt(wanted.mode, 8) }),
    ...(owner !== undefined && { owner }),
  };
}

/** As chown(1) takes it. */
function ownership({ owner, group }: FileState): string | undefined {
  if (owner === undefined && group === undefined) return undefined;
  return `${owner ?? ''}${group === undefined ? '' : `:${group}`}`;
}

/** Setuid and setgid, which a change of the owner takes off. */
function isSpecial(mode: string): boolean {
  return (Number.parseInt(mode, 8) & 0o6000) !== 0;
}
