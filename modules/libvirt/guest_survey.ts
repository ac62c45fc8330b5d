import { CommandError } from '../../lib/errors.ts';
import { type NamedFiles, parseNamedFiles } from '../../lib/formats/libvirt_files.ts';
import { type Pool, parsePool } from '../../lib/formats/libvirt_xml.ts';
import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';
import type { Connection } from './libvirt.ts';

/**
 * Where a text about a guest was found: `running` is what it runs with now, `defined` what it starts with, `saved` what its
 * managed save goes on with.
 */
export type Standing = 'running' | 'defined' | 'saved' | 'snapshot' | 'checkpoint';

/** Something that names files: a guest in one of its standings, or a snapshot of it. */
export interface Holder extends NamedFiles {
  readonly standing: Standing;
  /** True for a guest of another connection: another user's, or the system's for a user. */
  readonly isForeign: boolean;
}

/** All guests and pools of a host, as far as they can be seen. */
export interface Survey {
  readonly holders: readonly Holder[];
  readonly pools: readonly Pool[];
}

/** Asks virsh for every text about a guest and for every pool; each is printed as its kind, what it is about, and the text, a NUL behind each. */
const virshScript = `uri=$1
ask() { virsh -c "$uri" "$@"; }
tell() { printf '%s\\0%s\\0' "$1" "$2"; shift 2; ask "$@"; printf '\\0'; }
guests=$(ask list --all --uuid) && running=$(ask list --uuid) && pools=$(ask pool-list --all --name) || exit
for guest in $running; do tell running "$uri" dumpxml "$guest"; done
for guest in $guests; do tell defined "$uri" dumpxml --inactive "$guest"; done
for guest in $(ask list --all --uuid --with-managed-save); do tell saved "$uri" managedsave-dumpxml "$guest"; done
for kind in snapshot checkpoint; do
  for guest in $(ask list --all --uuid --with-$kind 2>/dev/null); do
    ask $kind-list --name "$guest" | while IFS= read -r name; do
      [ -z "$name" ] || tell $kind "$uri" $kind-dumpxml "$guest" --"$kind"name "$name"
    done
  done
done
printf '%s\\n' "$pools" | while IFS= read -r pool; do [ -z "$pool" ] || tell pool "$uri" pool-dumpxml --pool "$pool"; done
exit 0`;

/**
 * Prints libvirt's own files about guests and pools in the same way: those of the system, and those of every user's session that
 * can be read. Plain files only, and no more of each than such a text is long.
 */
const filesScript = `tell() {
  kind=$1; shift
  for file; do
    [ -f "$file" ] && [ -r "$file" ] || continue
    printf '%s\\0%s\\0' "$kind" "$file"
    case $kind in
    saved) tail -c +93 "$file" | head -c 1048576 | tr '\\000' '\\n' ;;
    *) head -c 8388608 "$file" | tr '\\000' '\\n' ;;
    esac
    printf '\\0'
  done
}
tell running /run/libvirt/qemu/*.xml /run/user/*/libvirt/qemu/run/*.xml /home/*/.cache/libvirt/qemu/run/*.xml /root/.cache/libvirt/qemu/run/*.xml
tell defined /etc/libvirt/qemu/*.xml
tell pool /etc/libvirt/storage/*.xml /run/libvirt/storage/*.xml
for base in /var/lib/libvirt/qemu /home/*/.config/libvirt/qemu /root/.config/libvirt/qemu; do
  [ -d "$base" ] || continue
  tell saved "$base"/save/*.save
  tell snapshot "$base"/snapshot/*/*.xml
  tell checkpoint "$base"/checkpoint/*/*.xml
  case $base in /var/*) ;; *) tell defined "$base"/*.xml; tell pool "\${base%/qemu}"/storage/*.xml ;; esac
done
exit 0`;

/** The queries of {@link surveyGuests}: virsh, where it may be asked, and libvirt's files. */
export function surveyQueries({ uri, look }: Connection): readonly (readonly string[])[] {
  if (!uri.startsWith('qemu:')) return look === 'virsh' ? [['sh', '-c', virshScript, 'sh', uri]] : [];
  return [...(look === 'virsh' ? [['sh', '-c', virshScript, 'sh', uri]] : []), ['sh', '-c', filesScript]];
}

/**
 * Looks at every guest of a host, whether it runs or not, with its managed save, snapshots and checkpoints, and at every pool.
 * Wakes nothing.
 * @throws CommandError where virsh cannot tell
 */
export async function surveyGuests(host: ReadonlyHost, connection: Connection): Promise<Survey> {
  const answers = await Promise.all(
    surveyQueries(connection).map(async (argv) => {
      const { exitCode, stdout, stderr } = await host.query(argv, { timeLimit: 120 });
      if (exitCode === 0) return parseSurvey(stdout, connection.uri);
      throw new CommandError(`the guests of the host could not be listed: ${stderr.trim()}`, {
        argv,
        exitCode,
        stderr,
      });
    }),
  );
  return { holders: answers.flatMap(({ holders }) => holders), pools: answers.flatMap(({ pools }) => pools) };
}

const standings: ReadonlySet<string> = new Set<Standing>(['running', 'defined', 'saved', 'snapshot', 'checkpoint']);

function parseSurvey(printed: string, uri: string): Survey {
  const fields = printed.split('\0');
  const holders: Holder[] = [];
  const pools: Pool[] = [];
  for (let at = 0; at + 2 < fields.length; at += 3) {
    const [kind = '', from = '', text = ''] = fields.slice(at, at + 3);
    if (kind === 'pool') pools.push(...parsed(parsePool, text));
    if (!isStanding(kind)) continue;
    const isForeign = from !== uri && isOfSystem(from) !== (uri === 'qemu:///system');
    holders.push(
      ...parsed(parseNamedFiles, kind === 'saved' ? documentIn(text) : text).map((named) => ({
        ...named,
        standing: kind,
        isForeign,
      })),
    );
  }
  return { holders, pools };
}

function isStanding(kind: string): kind is Standing {
  return standings.has(kind);
}

function isOfSystem(file: string): boolean {
  return /^\/(etc|var\/lib|run)\/libvirt\//.test(file);
}

/** A guest's memory stands behind its XML in the file of a managed save. */
function documentIn(text: string): string {
  const end = text.indexOf('</domain>');
  return end < 0 ? text : text.slice(0, end + '</domain>'.length);
}

/** What vanishes while it is looked at, or what another user has put there, may be no XML: it names nothing. */
function parsed<T>(parse: (xml: string) => T, text: string): readonly T[] {
  // libvirt writes no such declarations, and the entities of somebody else's would be expanded.
  if (/<!(doctype|entity)/i.test(text)) return [];
  try {
    return [parse(text)];
  } catch {
    return [];
  }
}
