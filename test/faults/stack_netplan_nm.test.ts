import { todayGround } from './ground.ts';
import { describeStack } from './stack_faults.ts';

const directory = '/etc/netplan';

describeStack({
  title: 'netplan, NetworkManager',
  ground: todayGround('netplan-nm', [directory], ['NetworkManager']),
  directory,
  bridgeFile: `${directory}/90-kvm-play-br0.yaml`,
  loader: { name: 'nmcli', path: '/usr/bin/nmcli', when: "*'connection reload'*" },
  lateServer: ['confirmed', 'rolled back'],
});
