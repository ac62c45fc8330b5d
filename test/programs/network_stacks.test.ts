import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { root } from '../support/built.ts';

/** Two modules look at a host at once, and each of them needs the network stacks, which nobody has loaded yet. */
const program = `
import { FakeHost } from '${root}/lib/testing/index.ts';
import { bridge, network } from '${root}/modules/index.ts';
const br0 = bridge({ name: 'br0', port: 'ens33' });
const on = new FakeHost({});
const both = [bridge.check(on, { name: 'br0', port: 'ens33', loadedLater: true }), network.check(on, { reflects: [br0] })];
for (const { reason } of await Promise.allSettled(both)) console.log(String(reason));
`;

test('jiti loads the network stacks for a bridge and for what loads it at the same time', () => {
  const directory = mkdtempSync(join(tmpdir(), 'kvm-play-jiti-'));
  try {
    const file = join(directory, 'program.ts');
    writeFileSync(file, program);
    const printed = execFileSync(join(root, 'node_modules/.bin/jiti'), [file], { encoding: 'utf8' });
    expect(printed.match(/there is no interface ens33/g)).toHaveLength(2);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
