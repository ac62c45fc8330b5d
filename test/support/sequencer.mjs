import Sequencer from '@jest/test-sequencer';

/** Files that take longest, the longest first. Begun last they would keep one worker busy when the others have nothing left. */
const longest = [
  'lab/stacks',
  'lab/faults',
  'lab/ifcfg_bridge',
  'lab/killed',
  'lab/captures',
  'lab/network_change',
  'lab/guest',
];

/** Begins with the longest files, then those on throwaway hosts, which wait a lot: what only computes fills the gaps at the end. */
export default class LongestFirst extends Sequencer {
  /** @param {Parameters<Sequencer['sort']>[0]} tests */
  async sort(tests) {
    const sorted = await super.sort(tests);
    return sorted.toSorted((one, other) => rank(one.path) - rank(other.path));
  }
}

/** @param {string} path */
function rank(path) {
  const place = longest.findIndex((name) => path.endsWith(`/test/${name}.test.ts`));
  if (place >= 0) return place;
  return longest.length + (path.includes('/test/lab/') ? 0 : 1);
}
