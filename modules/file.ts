import { posix } from 'node:path';
import * as v from 'valibot';
import { absolutePath, found, line, parseArguments, refuseIdle } from '../lib/arguments.ts';
import { type Once, once } from '../lib/diff.ts';
import { UnsupportedChangeError } from '../lib/errors.ts';
import type { ReadonlyHost, TextFile } from '../lib/hosts/readonly_host.ts';
import { defineModule, type Missing, type Module, type Seen } from '../lib/module.ts';
import { Secret } from '../lib/secret.ts';
import { secretNote } from '../lib/secret_note.ts';
import { command, makeDirectory, removeFile, type Step, writeFile } from '../lib/step.ts';
import { type FileStatus, missingOwners, ownerOf, readStatus } from './backends/file_status.ts';

/** Arguments of {@link file}. */
export interface FileArgs {
  /** Its absolute path. A symbolic link is followed to what it names; with `absent` the link itself goes. */
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

/** What {@link file} compares. */
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
  /** What is in a directory that is to be removed. */
  readonly names: readonly string[];
}

const account = (what: string): v.GenericSchema<string> =>
  v.pipe(line(what), v.regex(/^[^-:/\s][^:/]*$/, found(`${what} is a name or a number without ':' and '/'`)));

const schema = v.strictObject({
  path: absolutePath("a file's path"),
  content: v.optional(v.union([v.string(), v.instance(Secret)], 'it is a text or a secret')),
  mode: v.optional(
    v.pipe(v.string(), v.regex(/^[0-7]{3,4}$/, found("a mode is three or four octal digits, such as '0640'"))),
  ),
  owner: v.optional(account('an owner')),
  group: v.optional(account('a group')),
  state: v.optional(v.picklist(['file', 'directory', 'absent']), 'file'),
});

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
export const file: Module<FileArgs, FileState> = defineModule<FileArgs, FileState, FileFound>({
  name: 'file',
  desired,
  subject: ({ path }) => path,
  provides: ({ path, state }) =>
    state === 'absent' ? [] : (state === 'directory' ? withParents(path) : [path]).map((each) => `file:${each}`),
  read,
  plan,
});

function desired(args: FileArgs): FileState {
  const { path, content, owner, group, state, ...rest } = parseArguments('file', schema, args);
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

async function read(host: ReadonlyHost, wanted: FileState): Promise<Seen<FileState, FileFound>> {
  const { path, text } = wanted;
  const parent = posix.dirname(path);
  const [status, before, hasParent, isSecret] = await Promise.all([
    readStatus(host, path, { follow: wanted.state !== 'absent' }),
    text === undefined ? undefined : readText(host, path),
    wanted.state === 'file' ? host.exists(parent) : true,
    host.exists(secretNote(path)),
  ]);
  if (status === undefined) {
    return {
      state: { path, state: 'absent' },
      found: { status, before: undefined, isSecret, names: [] },
      missing: [...(hasParent ? [] : [missingDirectory(parent)]), ...(await missingOwners(host, wanted))],
    };
  }
  if (before instanceof Error && status.kind === 'file') throw before;
  const kept = before instanceof Error ? undefined : before;
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
      names: wanted.state === 'absent' && status.kind === 'directory' ? await host.listDirectory(path) : [],
    },
    missing: await missingOwners(host, wanted, state),
  };
}

/** What is no file cannot be read: whether it is one is asked at the same time. */
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

function plan({ state, found }: Seen<FileState, FileFound>, wanted: FileState): readonly Step[] {
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

/** A new file has its mode before its text can be seen; another owner takes bits such as setuid off again. */
function planNew(wanted: FileState): readonly Step[] {
  const { path, mode, text } = wanted;
  const options = mode === undefined ? {} : { mode: Number.parseInt(mode, 8) };
  const own = ownership(wanted);
  return [
    wanted.state === 'directory' ? makeDirectory(path, options) : writeFile(path, text?.value ?? '', options),
    ...(own === undefined ? [] : [command(['chown', own, path])]),
    ...(own === undefined || mode === undefined || !isSpecial(mode) ? [] : [chmod(mode, wanted)]),
  ];
}

function planRemoval(status: FileStatus, { names, isSecret }: FileFound, { path }: FileState): readonly Step[] {
  if (status.kind !== 'directory') return [removeFile(path, isSecret ? { secret: true } : {})];
  if (names.length > 0) {
    const some = names.slice(0, 3).join(', ');
    throw new UnsupportedChangeError(
      `${path} is a directory, and not empty (${some}${names.length > 3 ? ', …' : ''}): only an empty one is removed`,
    );
  }
  return [command(['rmdir', path], { undo: { withOldFiles: [['mkdir', '-m', status.mode, path]] } })];
}

/** Who may not see the new text, or may no longer, sees neither it nor the old one: bits go before it is written, and come after. */
function planChange(
  state: Partial<FileState>,
  status: FileStatus,
  { before, isSecret }: FileFound,
  wanted: FileState,
): readonly Step[] {
  const { path, mode, text } = wanted;
  const isWritten = text !== undefined && state.content !== wanted.content;
  const isOwned = [
    [wanted.owner, state.owner],
    [wanted.group, state.group],
  ].every(([want, actual]) => want === undefined || want === actual);
  const own = isOwned ? undefined : ownership(wanted);
  const narrow = mode === undefined ? status.mode : common(mode, status.mode);
  const isNarrowed = isWritten && narrow !== status.mode;
  const left = own !== undefined && isSpecial(narrow) ? undefined : isNarrowed ? narrow : status.mode;
  const undoOwner = {
    withOldFiles: [
      ['chown', `${status.uid}:${status.gid}`, path],
      ['chmod', status.mode, path],
    ],
  };
  return [
    ...(isNarrowed ? [chmod(narrow, wanted, status.mode)] : []),
    ...(own === undefined ? [] : [command(['chown', own, path], { undo: undoOwner })]),
    ...(isWritten ? [writeFile(path, text.value, isSecret ? { secret: true } : asUtf8(before))] : []),
    ...(mode === undefined || mode === left ? [] : [chmod(mode, wanted, status.mode)]),
  ];
}

/** What is written is UTF-8, whatever it was. */
function asUtf8(before: TextFile | undefined): { before?: TextFile } {
  return before === undefined ? {} : { before: { ...before, encoding: 'utf8' } };
}

/** chmod(1) leaves a directory's setuid and setgid as they are unless there are more than four digits. */
function chmod(mode: string, { path, state }: FileState, old?: string): Step {
  const spelled = (digits: string): string => (state === 'directory' ? `0${digits}` : digits);
  const undo = old === undefined ? {} : { undo: { withOldFiles: [['chmod', spelled(old), path]] } };
  return command(['chmod', spelled(mode), path], undo);
}

/** As chown(1) takes it. */
function ownership({ owner, group }: FileState): string | undefined {
  if (owner === undefined && group === undefined) return undefined;
  return `${owner ?? ''}${group === undefined ? '' : `:${group}`}`;
}

function common(one: string, other: string): string {
  const bits = Number.parseInt(one, 8) & Number.parseInt(other, 8);
  return bits.toString(8).padStart(4, '0');
}

/** Setuid and setgid, which a change of the owner takes off. */
function isSpecial(mode: string): boolean {
  return (Number.parseInt(mode, 8) & 0o6000) !== 0;
}
