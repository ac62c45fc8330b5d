import { describe, expect, test } from '@jest/globals';
import { exitCode } from '../../../../lib/cli/commands/exit_code.ts';
import { type HostSummary, nothingCounted, type Summary } from '../../../../lib/events/events.ts';

const nothing = nothingCounted;
const ok: HostSummary = { ...nothing, ok: 3, warnings: 2 };
const changed: HostSummary = { ...ok, changed: 1 };
const failed: HostSummary = { ...changed, failed: 1, skipped: 1 };
const unreachable: HostSummary = { ...nothing, unreachable: 1 };
const rolledBack: HostSummary = { ...nothing, failed: 1, rolledBack: 1 };
const unverified: HostSummary = { ...nothing, failed: 1, unverified: 1 };

function summary(hosts: readonly HostSummary[], interrupted = false): Summary {
  return { check: false, hosts: Object.fromEntries(hosts.map((host, index) => [`host${index}`, host])), interrupted };
}

describe('exitCode', () => {
  test.each([
    ['no host', 0, [], false],
    ['all ok, with warnings', 0, [ok, ok], false],
    ['all ok, and no change expected', 0, [ok, ok], true],
    ['changed', 0, [ok, changed], false],
    ['changed, and no change expected', 3, [ok, changed], true],
    ['a failure', 2, [ok, failed, ok], false],
    ['a failure wins over a change', 2, [changed, failed], true],
    ['a host out of reach', 4, [ok, unreachable], false],
    ['a host out of reach wins over a failure', 4, [failed, unreachable, changed], false],
    ['a host out of reach wins over a change', 4, [changed, unreachable], true],
    ['a network change that was rolled back wins over a host out of reach', 5, [rolledBack, unreachable, failed], true],
  ] as const)('%s: %i', (_what, code, hosts, expectNoChange) => {
    expect(exitCode(summary(hosts), { expectNoChange })).toBe(code);
    expect(exitCode(summary(hosts, true), { expectNoChange })).toBe(130);
  });

  test('a roll-back that could not be verified wins over all', () => {
    expect(exitCode(summary([unverified, rolledBack, unreachable, failed, changed]), { expectNoChange: true })).toBe(6);
    expect(exitCode(summary([unverified], true), {})).toBe(6);
  });
});
