import { todayGround } from './ground.ts';
import { describeStack } from './stack_faults.ts';

const directory = '/etc/network';

/** ifupdown's own notes of the bridge, and its DHCP clients and their leases. */
const remains = `grep -s '^br0=' /run/network/ifstate
ls -d /run/network/*br0* /run/dhclient*.br0.pid /var/lib/dhcp/*br0* 2>/dev/null
pgrep -fa '[d]hclient.* br0$'
true`;

/** Debian's script for bridges switches off the link-local address of a port, which comes back only while the port is down. */
const reset = `rm -f /run/network/ifstate* /run/dhclient*.pid
ip link set dev ens33 down
ip link set dev ens33 addrgenmode eui64`;

describeStack({
  title: 'ifupdown',
  ground: todayGround('ifupdown', [directory], ['networking'], { reset, remains }),
  directory,
  bridgeFile: `${directory}/interfaces`,
  // Not `ifup --no-act --force br0`, which only checks the files.
  loader: { name: 'ifup', path: '/usr/sbin/ifup', when: 'br0' },
  lateServer: ['confirmed', 'rolled back'],
});
