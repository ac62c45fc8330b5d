/**
 * Today's KVM host, from a bare server to a guest on the LAN: the packages, libvirt, a bridge over the host's network interface in the
 * files of whatever network stack the host has, a pool, a volume and a guest. The same site does for Debian, Ubuntu, Fedora and EL.
 * Every value can be overridden: `-e port=enp1s0 -e memory=4096`.
 *
 * On a throwaway host:  npx kvm-play rehearse playbooks/kvm_host.ts
 * On a real one:        npx kvm-play --check playbooks/kvm_host.ts --host root@kvm1.example.org
 *
 * The installation image is not fetched: copy it to the path of `iso` first.
 */
import { networkChange, play } from 'kvm-play';
import { bridge, kvmHost, network, virshPool, virshVolume, virtInstall } from 'kvm-play/modules';

const images = '/var/lib/libvirt/images';

export default play({
  name: 'KVM host',
  become: true,
  vars: {
    port: 'ens33',
    bridge: 'br0',
    guest: 'web',
    memory: 2048,
    capacity: '20G',
    iso: `${images}/debian-12-netinst.iso`,
    osVariant: 'debian11',
    virtType: 'kvm',
  },
  tasks: (vars) => {
    const br0 = bridge('Make the NIC the port of a bridge', { name: vars.bridge, port: vars.port });
    const loaded = network('Load the bridge', { reflects: [br0], disrupts: ['link'] });
    return [
      kvmHost(),
      // Both, or neither: unless the host is reached again over a new connection, it takes them back by itself.
      networkChange({ title: 'Bridge the network' }, [br0, loaded]),
      virshPool('Make the pool', { name: 'default', path: images }),
      virshVolume("Make the guest's disk", {
        pool: 'default',
        name: `${vars.guest}.qcow2`,
        capacity: vars.capacity,
        format: 'qcow2',
      }),
      virtInstall('Make the guest', {
        name: vars.guest,
        virtType: vars.virtType,
        memory: vars.memory,
        cdrom: vars.iso,
        disks: [{ pool: 'default', volume: `${vars.guest}.qcow2` }],
        networks: [{ bridge: vars.bridge }],
        graphics: { type: 'vnc', listen: '127.0.0.1' },
        osVariant: vars.osVariant,
        autostart: true,
      }),
    ];
  },
});
