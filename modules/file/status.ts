import { CommandError } from '../../lib/errors.ts';
import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';
import type { Missing } from '../../lib/task/task.ts';
import { statRule } from './merge_rule.ts';

/** The object at a path. */
export interface FileStatus {
  /** In stat(1)'s words where it is neither: `fifo`, `socket`, `symbolic link`. */
  readonly kind: 'file' | 'directory' | (string & {});
  /** Four octal digits. */
  readonly mode: string;
  readonly uid: string;
  readonly gid: string;
  /** `UNKNOWN` for a number without a name. */
  readonly user: string;
  readonly group: string;
  /** How many names (hard links) it has. */
  readonly names: number;
}

/** An owner and a group, by name or number. */
export interface Owners {
  readonly owner?: string;
  readonly group?: string;
}

/** Names hold no colon: passwd(5) and group(5) separate by it. */
const format = '%F:%a:%u:%g:%U:%G:%h';

/**
 * Looks at what stands at a path; undefined when there is nothing, or a link that leads nowhere.
 * @param options `follow`: look at what a link names, and not at the link
 * @throws CommandError where nobody can tell
 */
export async function readStatus(
  host: ReadonlyHost,
  path: string,
  { follow }: { readonly follow: boolean },
): Promise<FileStatus | undefined> {
  const argv = ['stat', ...(follow ? ['-L'] : []), '-c', format, '--', path];
  const { exitCode, stdout, stderr } = await host.query(argv, { mergeRule: statRule });
  if (exitCode !== 0) {
    if (/No such file or directory|Not a directory/.test(stderr)) return undefined;
    throw new CommandError(`${argv.join(' ')} failed with exit code ${exitCode}: ${stderr.trim()}`, {
      argv,
      exitCode,
      stderr,
    });
  }
  const [kind = '', mode = '', uid = '', gid = '', user = '', group = '', names = '1'] = stdout.trimEnd().split(':');
  return { kind: kindOf(kind), mode: mode.padStart(4, '0'), uid, gid, user, group, names: Number(names) };
}

/** Returns owner and group in the form of the desired ones: numbers where those are numbers. */
export function ownerOf(status: FileStatus, wanted: Owners): Required<Owners> {
  return {
    owner: isNumber(wanted.owner) ? status.uid : status.user,
    group: isNumber(wanted.group) ? status.gid : status.group,
  };
}

/**
 * Lists owners that are wanted, are not there, and that the host does not know.
 * @param state who owns it now; nobody where it is not there
 */
export async function missingOwners(
  host: ReadonlyHost,
  wanted: Owners,
  state: Owners = {},
): Promise<readonly Missing[]> {
  const asked = [
    { kind: 'user', database: 'passwd', name: wanted.owner, actual: state.owner },
    { kind: 'group', database: 'group', name: wanted.group, actual: state.group },
  ];
  const found = await Promise.all(
    asked.map(async ({ kind, database, name, actual }) => {
      if (name === undefined || name === actual || isNumber(name)) return [];
      const { exitCode } = await host.query(['getent', database, name]);
      // getent(1): 2 is for a name that is not there. A host without getent is told by chown.
      if (exitCode !== 2) return [];
      return [
        { key: `${kind}:${name}`, what: `there is no ${kind} '${name}' on the host`, remedy: `make that ${kind}` },
      ];
    }),
  );
  return found.flat();
}

function isNumber(name: string | undefined): boolean {
  return name !== undefined && /^\d+$/.test(name);
}

function kindOf(words: string): FileStatus['kind'] {
  return words === 'regular file' || words === 'regular empty file' ? 'file' : words;
}
