import { describe, expect, test } from '@jest/globals';
import { neededNetwork } from '../../../../../lib/cli/commands/rehearsal/needed_network.ts';
import { bridge, ifcfgBridge, network, service, sysctl } from '../../../../../modules/index.ts';

const ifcfg = ifcfgBridge({ name: 'br0', port: 'ens33' });
const forwarding = sysctl({ values: { 'net.ipv4.ip_forward': 1 } });
const plain = bridge({ name: 'br0', port: 'ens33' });
const over = (backend: 'network-scripts' | 'networkmanager' | 'networkd' | 'netplan' | 'ifupdown', name = 'br0') =>
  bridge({ name, port: 'ens33', backend });

describe('the host that a site needs', () => {
  test("is the post's for a bridge of network scripts, whatever else the site holds", () => {
    expect(neededNetwork([forwarding, ifcfg])).toBeUndefined();
    expect(neededNetwork([over('networkd'), ifcfg])).toBeUndefined();
  });

  test.each(['network', 'network.service'])("is the post's for the service %s", (name) => {
    expect(neededNetwork([service({ name, state: 'started' })])).toBeUndefined();
  });

  test.each(['network-scripts', 'networkmanager', 'networkd', 'netplan', 'ifupdown'] as const)(
    'has %s for a bridge with this backend',
    (backend) => {
      expect(neededNetwork([forwarding, over(backend), over(backend, 'br1')])).toBe(backend);
    },
  );

  test('has NetworkManager where nothing is named', () => {
    expect(neededNetwork([])).toBe('networkmanager');
    expect(neededNetwork([forwarding, service({ name: 'networking', state: 'started' })])).toBe('networkmanager');
    expect(neededNetwork([plain, network({ reflects: [plain], disrupts: ['link'] })])).toBe('networkmanager');
  });

  test('cannot be told where bridges name several backends', () => {
    expect(() => neededNetwork([over('networkd'), plain, over('ifupdown', 'br1')])).toThrow(
      'bridges of the site name several backends (networkd, ifupdown), and a rehearsal runs all plays on one host; choose its network stack with --network',
    );
  });
});
