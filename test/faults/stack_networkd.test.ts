import { todayGround } from './ground.ts';
import { describeStack } from './stack_faults.ts';

const directory = '/etc/systemd/network';

describeStack({
  title: 'systemd-networkd',
  ground: todayGround('networkd', [directory], ['systemd-networkd']),
  directory,
  bridgeFile: `${directory}/10-br0.network`,
  loader: { name: 'networkctl', path: '/usr/bin/networkctl', when: 'reload' },
  lateServer: ['confirmed'],
});
