import { readdir } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { buildLab, type Lab, type LabOptions } from '../../lib/lab/index.ts';
import { basesDirectory } from '../../lib/lab/layout.ts';
import { baseName, baseRoot } from '../../lib/lab/root/base.ts';
import { expectOwned, expectUdev, networkScripts, say, today } from './owned.ts';
import { describeLab } from './support.ts';

/** Builds a host, and takes it away after the test. */
async function onHost(options: LabOptions, body: (lab: Lab) => Promise<void>): Promise<void> {
  const lab = await buildLab(options);
  try {
    await body(lab);
  } finally {
    await lab.destroy();
  }
}

describeLab('a throwaway host', () => {
  test('of network-scripts has its interface from them, also after a reboot', async () => {
    await onHost({ network: 'network-scripts' }, async (lab) => {
      await expectOwned(lab, networkScripts);
      await lab.reboot();
      await expectOwned(lab, networkScripts);
    });
  });

  test.each(today)('of $network can have the programs of Debian 13', async (kind) => {
    await onHost({ network: kind.network, debian: 13 }, async (lab) => {
      expect(await say(lab, '. /etc/os-release; echo "$VERSION_ID"')).toBe('13');
      await expectOwned(lab, kind);
      await expectUdev(lab);
    });
  });

  test('cannot be built without a mirror, which is said, and leaves nothing half built', async () => {
    const recipe = { suite: 'bookworm', packages: ['bc'], script: 'true' };
    const mirror = 'http://127.0.0.1:9/debian';
    await expect(baseRoot(recipe, { mirror, onProgress: () => {} })).rejects.toThrow(
      /^no base root of Debian bookworm could be built in .* from http:\/\/127\.0\.0\.1:9\/debian: see whether .* mmdebstrap says:\n(.*\n)*.*127\.0\.0\.1/,
    );
    const hash = baseName(recipe);
    expect(await readdir(basesDirectory)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(`^${hash}(\\.unfinished)?$`)]),
    );
  });

  test('with the network scripts comes from Debian 12 alone', async () => {
    const refused = /network scripts is built from Debian 12 alone/;
    await expect(buildLab({ network: 'network-scripts', debian: 13 })).rejects.toThrow(refused);
    await expect(buildLab({ debian: 13 })).rejects.toThrow(refused);
  });
});
