import { todayGround } from './ground.ts';
import { describeStack } from './stack_faults.ts';

const directory = '/etc/NetworkManager/system-connections';

describeStack({
  title: 'NetworkManager',
  ground: todayGround('networkmanager', [directory], ['NetworkManager'], {
    remains: 'ls -d /var/lib/NetworkManager/*br0* 2>/dev/null; true',
  }),
  directory,
  bridgeFile: `${directory}/br0.nmconnection`,
  loader: { name: 'nmcli', path: '/usr/bin/nmcli', when: "'connection load '*" },
  lateServer: ['confirmed'],
});
