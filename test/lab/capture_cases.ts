/** A shell command that arranges things on a host. */
type Shell = string;

/** How a case of the captures is brought about. */
export interface Arrangement {
  /** What is done before the first look. */
  readonly before?: Shell;
  /** What is done right before the nth command, counted from 0. */
  readonly beforeCommand?: Readonly<Record<number, Shell>>;
  /** What puts back what {@link clean} does not know of. */
  readonly after?: Shell;
}

const scripts = '/etc/sysconfig/network-scripts';
const mac = '52:54:00:aa:00:01';

const write = (name: string, lines: readonly string[], end = '\n'): Shell =>
  `cat > ${scripts}/${name} <<'EOF'\n${lines.join(end)}${end}EOF\n`;
const append = (name: string, ...lines: readonly string[]): Shell =>
  lines.map((line) => `echo '${line}' >> ${scripts}/${name}\n`).join('');

/** The host as it was installed. */
const original: readonly string[] = [
  ...['DEVICE=ens33', 'NAME=ens33', 'UUID=f1a1a5a0-9fb9-4a8a-9b7a-0f0f6c7d7e11', 'TYPE=Ethernet', 'BOOTPROTO=dhcp'],
  ...['DEFROUTE=yes', 'ONBOOT=yes'],
];
const originalFiles: Shell = `rm -f ${scripts}/ifcfg-[!l]* ${scripts}/route-*\n${write('ifcfg-ens33', original)}`;

/** The bridge's file, with some of its lines replaced or removed. */
const bridge = (changes: Readonly<Record<string, string>> = {}): readonly string[] => {
  const keys = {
    ...{ DEVICE: 'br0', BOOTPROTO: 'dhcp', IPV6INIT: 'yes', IPV6_AUTOCONF: 'yes', NM_CONTROLLED: 'no' },
    ...{ ONBOOT: 'yes', TYPE: 'Bridge', DELAY: '0', ...changes },
  };
  return Object.entries(keys).map(([key, value]) => `${key}="${value}"`);
};
const port: Shell = append('ifcfg-ens33', 'BRIDGE=br0');
const post = (changes: Readonly<Record<string, string>> = {}): Shell => port + write('ifcfg-br0', bridge(changes));
const postWithMac = post({ MACADDR: mac });
const bridged: Shell = `${postWithMac}systemctl restart network\n`;
const fixedAddress = (IPADDR: string, GATEWAY: string): Shell =>
  post({ MACADDR: mac, BOOTPROTO: 'static', IPADDR, PREFIX: '24', GATEWAY });

/** What each case of the captures, by its number there, takes. */
export const arrangements: Readonly<Record<string, Arrangement>> = {
  '0': {},
  '1': { before: post() },
  '2': { before: postWithMac },
  '3': { before: bridged },
  '4': { before: bridged + originalFiles },
  '5': { before: bridged, beforeCommand: { 1: originalFiles } },
  '6': { before: fixedAddress('192.168.221.150', '192.168.221.1') },
  '6b': { before: fixedAddress('192.168.221.150', '198.51.100.1') },
  '6c': { before: fixedAddress('192.168.221.1', '192.168.221.254') },
  '7': {
    before: `${post({ MACADDR: mac, STP: 'on', DELAY: '4' })}mv /usr/bin/bc /usr/bin/bc.away`,
    after: 'mv /usr/bin/bc.away /usr/bin/bc',
  },
  '7b': { before: post({ MACADDR: mac, STP: 'on', DELAY: '4' }) },
  '7c': { before: post({ MACADDR: mac, DELAY: '15' }) },
  '8': { before: post({ TYPE: 'bridge' }) },
  '9': { before: port + write('ifcfg-br0', ['# was TYPE=Ethernet', ...bridge()]) },
  '10': { before: append('ifcfg-ens33', 'IPADDR=192.168.221.150', 'PREFIX=24') + post() },
  '11': { before: port },
  '12': { before: post({ HWADDR: mac }) },
  '13': { before: `${postWithMac}cp ${scripts}/ifcfg-br0 ${scripts}/ifcfg-br0.save` },
  '14': { before: `printf %s '${original.join('\n')}' > ${scripts}/ifcfg-ens33\n${post()}` },
  '15': {
    beforeCommand: {
      0: 'sysctl -q -w net.ipv4.ip_forward=1',
      1: 'cp -a /etc/sysctl.conf /root/sysctl.conf; echo net.ipv4.ip_forward = 1 >> /etc/sysctl.conf',
    },
    after: 'cp -a /root/sysctl.conf /etc/sysctl.conf',
  },
  '16': {
    before: `${bridged}ip tuntap add vnet9 mode tap && ip link set vnet9 master br0 up`,
    after: 'ip link delete vnet9',
  },
  '17': { before: postWithMac + write('ifcfg-ens99', ['DEVICE=ens99', 'BOOTPROTO=dhcp', 'ONBOOT=yes']) },
  '18': { before: postWithMac + write('route-br0', ['203.0.113.0/24 via 192.168.221.1 dev br0 metric 50']) },
  '19': {
    before: `${post()}mv /usr/sbin/brctl /usr/sbin/brctl.away`,
    after: 'mv /usr/sbin/brctl.away /usr/sbin/brctl',
  },
  '20': { before: postWithMac + write('ifcfg-ens34', ['DEVICE=ens34', 'TYPE=Ethernet', 'ONBOOT=yes', 'BRIDGE=br0']) },
  '21': { before: port + write('ifcfg-br0', bridge(), '\r\n') },
  '22': { before: `systemctl stop network; ip link set ens33 down\n${postWithMac}systemctl start NetworkManager` },
  '23': { before: write('ifcfg-br0', bridge()) },
};

/**
 * Run once on a fresh lab: here nothing but the network scripts owns the interface, as in the captures.
 * NetworkManager had seen to the link-local addresses itself; the kernel takes that back.
 */
export const prepare: Shell = `
cat > /etc/NetworkManager/conf.d/hands-off.conf <<'EOF'
[keyfile]
unmanaged-devices=interface-name:*
EOF
systemctl disable --now NetworkManager
ip link set ens33 addrgenmode eui64
`;

/** Run before each case, whatever the one before it left: the original file, no bridge, the network started. */
export const clean: Shell = `
systemctl stop NetworkManager
SYSTEMCTL_SKIP_REDIRECT=1 /etc/init.d/network stop
pkill -x dhclient
rm -f /run/dhclient*.pid /var/lib/dhclient/*
for bridge in /sys/class/net/*/bridge; do
  [ -d "$bridge" ] && ip link delete "$(basename "$(dirname "$bridge")")"
done
ip address flush dev ens33
ip link set ens33 down
${originalFiles}
systemctl stop network
systemctl reset-failed network
systemctl start network
`;
