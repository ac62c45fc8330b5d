import type { Exposure } from '../../lib/task/readonly_host.ts';
import type { Missing } from '../../lib/task/task.ts';

/**
 * Lists what keeps everybody, root too, from a change of a path: a mount, an attribute, a read-only file system.
 * @param change `name`: its directory gets or loses the name, or the name stands for something new; `attributes`: only what stands
 *   there is changed
 */
export function hindrances(path: string, exposure: Exposure, change: 'name' | 'attributes'): readonly Missing[] {
  const { isMounted, entry, directory } = exposure;
  const key = `writable:${path}`;
  const provided = `or let a task before this one do it, with provides: ['${key}']`;
  const renamed = change === 'name';
  return [
    ...(renamed && isMounted
      ? [
          {
            key,
            what: `something is mounted on ${path} (findmnt lists mounts), so that it can be neither replaced nor removed`,
            remedy: `change what is mounted instead, unmount it first, ${provided}`,
          },
        ]
      : []),
    ...(entry === undefined
      ? []
      : [{ key, what: `${path} cannot be changed: ${entry}`, remedy: `make it writable first, ${provided}` }]),
    ...(renamed && directory !== undefined
      ? [
          {
            key,
            what: `nothing can be made, replaced or removed in the directory of ${path}: ${directory}`,
            remedy: `make it writable first, ${provided}`,
          },
        ]
      : []),
  ].slice(0, 1);
}
