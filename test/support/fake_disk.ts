import { FakeHost, type FakeHostOptions } from '../../lib/testing/index.ts';

/** What stands at a path, as stat(1) says it; what is left out is what root makes. */
export interface Node {
  kind?: string;
  mode?: string;
  owner?: string;
  group?: string;
  /** Hard links. */
  names?: number;
  /** Of a file. */
  text?: string;
}

const ids: Readonly<Record<string, number>> = { root: 0, libvirt: 116, qemu: 64055, admin: 1000 };
/** Makes a host whose files have kinds, modes and owners; it knows stat, getent, chmod, chown, rmdir and what writes and makes directories. */
export function fakeDisk(found: Record<string, Node> = {}, options: FakeHostOptions = {}): FakeHost {
  const nodes = new Map(Object.entries(found));
  const host = new FakeHost({
    ...options,
    onStep: ([tool = '', first = '', path = ''], self) => {
      const node = nodeAt(path) ?? {};
      if (tool === 'chmod') nodes.set(path, { ...node, mode: first.slice(-4) });
      else if (tool === 'chown') {
        const [owner, group] = first.split(':');
        nodes.set(path, { ...node, ...(owner && { owner }), ...(group && { group }) });
      } else if (tool === 'rmdir') nodes.delete(first);
      else return options.onStep?.([tool, first, path], self) ?? { exitCode: 127 };
      return {};
    },
  });
  for (const [path, { text, kind = 'regular file' }] of nodes) {
    if (kind === 'regular file') host.files.set(path, text ?? '');
  }
  const nodeAt = (path: string): Node | undefined => {
    const step = host.executed.findLast((each) => 'path' in each && each.path === path);
    if (step?.kind === 'remove') return undefined;
    if (step?.kind === 'write' && nodes.has(path)) return { ...nodes.get(path), ...given(step.chmod, step.owner) };
    if (step === undefined || nodes.has(path)) return nodes.get(path);
    if (step.kind === 'directory') return { kind: 'directory', ...given(step.mode, step.owner) };
    if (step.kind === 'write') return given(step.chmod ?? step.mode, step.owner);
    return undefined;
  };
  const given = (mode: number | undefined, owners: string | undefined): Node => {
    const [owner, group] = owners?.split(':') ?? [];
    return { ...(mode !== undefined && { mode: mode.toString(8) }), ...(owner && { owner }), ...(group && { group }) };
  };
  const stat = (path: string) => {
    const node = nodeAt(path);
    if (node === undefined) {
      return { exitCode: 1, stderr: `stat: cannot statx '${path}': No such file or directory\n` };
    }
    const { kind = 'regular file', mode = '644', owner = 'root', group = 'root', names = 1 } = node;
    return { stdout: `${[kind, mode.replace(/^0/, ''), ids[owner], ids[group], owner, group, names].join(':')}\n` };
  };
  const query = host.reader.query;
  Object.assign(host.reader, {
    query: async (argv: readonly string[]) => {
      const [tool, database, name = ''] = argv;
      if (tool === 'stat') return { exitCode: 0, stdout: '', stderr: '', ...stat(argv.at(-1) ?? '') };
      if (tool === 'getent') return { exitCode: name in ids ? 0 : 2, stdout: '', stderr: database ?? '' };
      return query(argv);
    },
  });
  return host;
}
