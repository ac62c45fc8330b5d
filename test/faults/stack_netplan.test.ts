import { todayGround } from './ground.ts';
import { describeStack } from './stack_faults.ts';

const directory = '/etc/netplan';

describeStack({
  title: 'netplan, systemd-networkd',
  ground: todayGround('netplan', [directory, '/etc/systemd/network'], ['systemd-networkd']),
  directory,
  bridgeFile: `${directory}/90-kvm-play-br0.yaml`,
  loader: { name: 'networkctl', path: '/usr/bin/networkctl', when: 'reload' },
  lateServer: ['confirmed', 'rolled back'],
});
