import { expect, test } from '@jest/globals';
import { checkTask } from '../../../lib/engine/check_task.ts';
import { MissingError } from '../../../lib/errors.ts';
import { FakeHost } from '../../../lib/testing/index.ts';
import { bridge } from '../../../modules/bridge.ts';
import { network } from '../../../modules/network.ts';

test('a port that the host does not have is what both tasks say, and not that nobody owns it', async () => {
  const br0 = bridge({ name: 'br0', port: 'eno1' });
  const loaded = network({ reflects: [br0], disrupts: ['link'] });
  const host = new FakeHost({ files: { '/sys/class/net/ens33/address': '52:54:00:aa:00:01' }, onStep: () => ({}) });
  for (const check of [checkTask(host, br0), checkTask(host, loaded)]) {
    await expect(check).rejects.toThrow(MissingError);
    await expect(check).rejects.toThrow(/there is no interface eno1: the host has /);
  }
});
