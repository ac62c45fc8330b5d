import { CommandError } from '../../lib/errors.ts';
import { type NamedFiles, parseNamedFiles } from '../../lib/formats/libvirt_files.ts';
import { type Pool, parsePool } from '../../lib/formats/libvirt_xml.ts';
import { shellProgram } from '../../lib/process/package_files.ts';
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

/** The queries of {@link surveyGuests}: virsh, where it may be asked, and libvirt's files; see `survey_virsh.sh` and `survey_files.sh`. */
export function surveyQueries({ uri, look }: Connection): readonly (readonly string[])[] {
  const byVirsh = look === 'virsh' ? [['sh', '-c', shellProgram('modules/libvirt/survey_virsh.sh'), 'sh', uri]] : [];
  if (!uri.startsWith('qemu:')) return byVirsh;
  return [...byVirsh, ['sh', '-c', shellProgram('modules/libvirt/survey_files.sh')]];
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
