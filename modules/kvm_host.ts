import { PlaybookError } from '../lib/errors.ts';
import { type Block, block, fail, type PlayItem } from '../lib/site/play_items.ts';
import type { Facts } from '../lib/task/facts.ts';
import { callerLocation } from '../lib/task/location.ts';
import type { Known } from '../lib/task/task.ts';
import { fromUser } from '../lib/task/user_code.ts';
import { refuseUnknownKeys } from '../lib/validation/known_keys.ts';
import { refuseWrongTypes } from '../lib/validation/option_types.ts';
import { packagesOf } from './common/packages.ts';
import { packages } from './package.ts';
import { service } from './service.ts';
import { sysctl } from './sysctl.ts';

/** Options of {@link kvmHost}. */
export interface KvmHostOptions {
  /** Further packages, by the family of the host. Default none. */
  readonly packages?: { readonly debian?: readonly string[]; readonly redhat?: readonly string[] };
  /**
   * libvirt's daemons: one (`monolithic`), or one for each kind of object (`modular`). Default: what the distribution installs by
   * itself, which is `modular` from EL9 and Fedora 35 on.
   */
  readonly daemons?: 'monolithic' | 'modular';
  /**
   * Whether the host's own firewall gets what guests on bridges send and receive. False switches that off where `br_netfilter` is loaded,
   * and true leaves it as it is, e.g. for Kubernetes. Default false.
   */
  readonly filtersBridges?: boolean;
}

/** The commands of the tools that modules lean on, and QEMU itself. */
const tools = ['libvirtd', 'virsh', 'virt-install', 'qemu-img', 'qemu-system-x86_64'] as const;

/** The daemons that bridged guests need where libvirt is split up; each is started by its socket. */
const modularDaemons = [
  'virtqemud',
  'virtnetworkd',
  'virtstoraged',
  'virtnodedevd',
  'virtsecretd',
  'virtnwfilterd',
] as const;

/**
 * Makes a host of a bare server: the packages of its distribution, libvirt's daemons, and the kernel parameters of bridged guests.
 * The facts of each host decide, so that one site does for Debian, Ubuntu, Fedora, EL7 and later. A site takes it as its beginning; what
 * follows (bridges, pools, volumes, guests) can be checked before anything of it is installed.
 *
 * It makes no bridge and does not let the host forward packets between its own networks.
 * @throws PlaybookError for a wrong option
 */
export function kvmHost(options: KvmHostOptions = {}): Block {
  fromUser({ title: 'kvmHost', location: callerLocation() }, () => refuseWrong(options));
  return block('KVM host', [
    fail('kvmHost knows the packages of Debian, Red Hat and their relatives, and this host is none of them', {
      when: ({ facts }) => facts.family !== 'debian' && facts.family !== 'redhat',
      remedy: 'install libvirt and QEMU by tasks of your own there, and leave kvmHost out',
    }),
    ...packageTasks(options),
    ...serviceTasks(options),
    ...(options.filtersBridges === true ? [] : [parameterTask()]),
  ]);
}

/** Running a site does not check its types. @throws PlaybookError */
function refuseWrong(options: KvmHostOptions): void {
  refuseUnknownKeys('kvmHost', options, ['packages', 'daemons', 'filtersBridges']);
  refuseWrongTypes('kvmHost', options, { packages: 'object', daemons: 'text', filtersBridges: 'boolean' });
  const { packages: more = {}, daemons = 'modular' } = options;
  refuseUnknownKeys("kvmHost's packages", more, ['debian', 'redhat']);
  refuseWrongTypes("kvmHost's packages", more, { debian: 'texts', redhat: 'texts' });
  if (['monolithic', 'modular'].includes(daemons)) return;
  throw new PlaybookError(`kvmHost: 'daemons' is '${daemons}', and must be 'monolithic' or 'modular'`);
}

function packageTasks({ packages: more = {} }: KvmHostOptions): readonly PlayItem[] {
  // What libvirt's NAT networks run; on Red Hat, libvirt's own packages bring it.
  const debian = [...packagesOf(tools, 'debian'), 'dnsmasq-base', ...(more.debian ?? [])];
  // The names are the same from EL7 on.
  const redhat = [...packagesOf(tools, 'el8'), ...(more.redhat ?? [])];
  return [
    packages('Install libvirt and QEMU', { names: debian, when: ({ facts }) => facts.family === 'debian' }),
    packages('Install libvirt and QEMU', { names: redhat, when: ({ facts }) => facts.family === 'redhat' }),
    packages('Install brctl, with which the scripts of this network stack make bridges', {
      names: ['bridge-utils'],
      when: ({ facts }) => makesBridgesWithBrctl(facts),
    }),
  ];
}

/** ifupdown's hook does nothing without it, and neither do the network scripts of EL7. */
function makesBridgesWithBrctl({ family, version = 0, networkBackend }: Facts): boolean {
  if (family === 'debian') return networkBackend === 'ifupdown';
  return family === 'redhat' && networkBackend === 'network-scripts' && version <= 7;
}

function serviceTasks({ daemons }: KvmHostOptions): readonly PlayItem[] {
  const isModular = ({ facts }: Known): boolean => (daemons ?? daemonsOf(facts)) === 'modular';
  return [
    service('Start libvirt', {
      name: 'libvirtd',
      state: 'started',
      enabled: true,
      when: (known) => !isModular(known),
    }),
    ...modularDaemons.map((daemon) =>
      service(`Start libvirt's ${daemon}`, {
        name: `${daemon}.socket`,
        state: 'started',
        enabled: true,
        when: isModular,
        // Whoever asks on a bare server cannot know yet that libvirt will be split up.
        provides: ['unit:libvirtd'],
      }),
    ),
  ];
}

function daemonsOf({ family, distribution, version = 0 }: Facts): 'monolithic' | 'modular' {
  const since = distribution === 'fedora' ? 35 : 9;
  return family === 'redhat' && version >= since ? 'modular' : 'monolithic';
}

/** Without br_netfilter the parameters do not exist, and the host's firewall sees nothing of what goes through a bridge. */
function parameterTask(): PlayItem {
  return sysctl("Keep the host's firewall out of its bridges", {
    file: '/etc/sysctl.d/90-kvm-host.conf',
    values: {
      'net.bridge.bridge-nf-call-iptables': 0,
      'net.bridge.bridge-nf-call-ip6tables': 0,
      'net.bridge.bridge-nf-call-arptables': 0,
    },
    when: ({ facts }) => facts.filtersBridges,
  });
}
