/**
 * The procedure of a post about bridged networking for KVM guests (https://…/kvm 网络, 2017-12-23), step by step, in its order
 * and with its values. Every value can be overridden: `-e port=eth0 -e memory=1024`.
 *
 * On this machine, as in the post:  npx kvm-play playbooks/site.ts
 * On another machine:               npx kvm-play playbooks/site.ts --host root@kvm1.example.org
 *
 * Comments that begin with "Beyond the post" say where this site goes further than the post, and why.
 */
import { networkChange, play } from 'kvm-play';
import { ifcfgBridge, service, sysctl, virshNetwork, virshPool, virshVolume, virtInstall } from 'kvm-play/modules';

const images = '/var/lib/libvirt/images';

export default play({
  name: 'KVM networking: bridge',
  become: true,
  vars: {
    port: 'ens33',
    bridge: 'br0',
    guest: 'gibbon',
    memory: 512,
    disk: 'gibbon-centos74.img',
    capacity: '8G',
    // The post gives the bare file name, which depends on the working directory; a site needs the absolute path.
    iso: `${images}/CentOS-7-x86_64-Minimal-1708.iso`,
    virtType: 'kvm',
    osVariant: 'rhel7',
    listen: '0.0.0.0',
  },
  tasks: (vars) => {
    // ## Configuration
    // "Change the configuration of the NIC ens33: add BRIDGE=br0", and "Create the bridge br0: add the file".
    // Beyond the post: the bridge takes its port's MAC (MACADDR). Newer versions of systemd give a bridge a MAC of its own. The DHCP
    // server then sees a new client and assigns another address, which cuts the session that is configuring the host.
    const bridge = ifcfgBridge('Create the bridge, and make the NIC its port', {
      name: vars.bridge,
      port: vars.port,
      bootproto: 'dhcp',
      delay: 0,
    });

    // "Set up forwarding: add net.ipv4.ip_forward = 1 to /etc/sysctl.conf", and `sysctl -p`.
    const forwarding = sysctl('Forward packets', {
      file: '/etc/sysctl.conf',
      values: { 'net.ipv4.ip_forward': 1 },
    });

    // `systemctl stop NetworkManager`.
    // Beyond the post: disabled as well, because it would otherwise start at the next boot and compete for the NIC.
    const networkManager = service('Stop NetworkManager', {
      name: 'NetworkManager',
      state: 'stopped',
      enabled: false,
    });

    // `systemctl restart network`. The restart happens when the bridge is written and not in force, and only then.
    // Beyond the post: enabled as well, because the bridge would otherwise be gone after the next boot.
    const network = service('Restart the network', {
      name: 'network',
      state: 'started',
      enabled: true,
      reflects: [bridge],
      disrupts: ['link'],
    });

    // Beyond the post: the post's host already had libvirt running, with the `default` pool and network. A fresh host has neither.
    const libvirtd = service('Start libvirt', { name: 'libvirtd', state: 'started', enabled: true });
    const pool = virshPool({ name: 'default', path: images });
    const nat = virshNetwork({ name: 'default' });

    // ## The logical volume
    // `virsh vol-create-as default gibbon-centos74.img 8G --format qcow2`
    const volume = virshVolume('Create the volume', {
      pool: 'default',
      name: vars.disk,
      capacity: vars.capacity,
      format: 'qcow2',
    });

    // ## The guest
    // `virt-install --virt-type kvm --name gibbon --memory 512 --cdrom CentOS-7-x86_64-Minimal-1708.iso --disk ...
    //  --network bridge=br0 --graphics vnc,listen=0.0.0.0 --noautoconsole --os-type=linux --os-variant=rhel7 --connect qemu:///system`
    const guest = virtInstall('Create the guest', {
      name: vars.guest,
      virtType: vars.virtType,
      memory: vars.memory,
      cdrom: vars.iso,
      disks: [{ path: `${images}/${vars.disk}` }],
      networks: [{ bridge: vars.bridge }],
      graphics: { type: 'vnc', listen: vars.listen },
      osVariant: vars.osVariant,
      connect: 'qemu:///system',
    });

    return [
      // Beyond the post: a restart of the network by hand, over SSH, is how a host is lost. In a network change, the host rolls all
      // four tasks back by itself unless it was reached over a new connection and everything holds.
      networkChange({ title: 'Bridge the network' }, [bridge, forwarding, networkManager, network]),
      libvirtd,
      pool,
      nat,
      volume,
      guest,
    ];
  },
});
