import { posix } from 'node:path';
import { shellProgram } from '../../process/package_files.ts';
import { limited } from '../shell/script.ts';
import type { RawOutput } from '../shell/transport.ts';
import { absent } from './absence.ts';
import { trustedPath } from './trusted_path.ts';

/** A look at a path that goes only where nobody else can lead it: the text of a file, or who can write to its directory and what keeps from it. */
export interface PathLook {
  readonly look: 'file' | 'exposure' | 'entry-exposure';
  readonly at: string;
}

/** The letter of each look. */
const letters: Readonly<Record<PathLook['look'], string>> = { file: 'f', exposure: 'x', 'entry-exposure': 'e' };

/** Script text that takes many looks with two processes; see `read_files.sh`. */
export function readFilesScript(looks: readonly PathLook[], timeLimit: number): string {
  const paths = looks.map(({ at }) => at);
  const directories = [...new Set(paths.flatMap(parents))];
  const script = `${trustedPath()}\n${shellProgram('lib/hosts/files/read_files.sh')}`;
  const kinds = looks.map(({ look }) => letters[look]).join('');
  return limited(timeLimit, ['sh', '-c', script, kinds, String(directories.length), ...directories, ...paths]);
}

/** Tells whether a look can be taken together with others. */
export function canBeShared({ at }: PathLook): boolean {
  return posix.isAbsolute(at) && posix.normalize(at) === at && !at.includes('\n');
}

/** The directories on the way to a path. */
function parents(path: string): readonly string[] {
  const parent = posix.dirname(path);
  return parent === path ? [] : [...parents(parent), parent];
}

/** @returns what each look would have answered alone; undefined where that cannot be told */
export function parseFiles(
  { exitCode, stdout, stderr }: RawOutput,
  looks: readonly PathLook[],
): readonly RawOutput[] | undefined {
  const flags = stdout.toString('latin1', 0, looks.length);
  const texts = textsOf(stdout.toString('latin1', looks.length + 1));
  const together = looks.filter(({ look }, index) => flags[index] === '1' && look === 'file').length;
  const slow = [...flags].filter((flag) => flag === '2').length;
  if (exitCode !== 0 || stderr.length > 0 || flags.length !== looks.length) return undefined;
  if (texts.length !== together + slow) return undefined;
  const [fast, singly] = [texts.slice(0, together).values(), texts.slice(together).values()];
  return looks.map(({ look }, index) => {
    if (flags[index] === '0') return answer(absent, '');
    if (flags[index] === '1') return answer(0, look === 'file' ? (fast.next().value ?? '') : 'own\n');
    const [, text = '', status] = /^([\s\S]*)\n(\d+)\n$/.exec(singly.next().value ?? '') ?? [];
    return answer(Number(status), text);
  });
}

function answer(exitCode: number, text: string): RawOutput {
  return { exitCode, stdout: Buffer.from(text, 'latin1'), stderr: Buffer.alloc(0) };
}

function textsOf(printed: string): readonly string[] {
  const mark = printed.slice(0, printed.indexOf('\n') + 1);
  return mark === '' ? [] : printed.split(mark).slice(1, -1);
}
