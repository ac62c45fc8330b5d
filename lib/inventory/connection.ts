import type { HostSpec } from '../hosts/host_spec.ts';
import { nearest } from '../nearest.ts';
import type { InventoryValues } from './inventory.ts';

/** How a host of an inventory is reached, and what of that cannot be honoured. */
export interface Connection {
  readonly spec: HostSpec;
  /** Whether to become root; undefined where nothing is said. */
  readonly become: boolean | undefined;
  /** What would be done otherwise than the inventory says: each names the variable, and what to do. */
  readonly problems: readonly string[];
  /** Variables of Ansible's own that have no effect here. */
  readonly unused: readonly string[];
}

/** Variables that are honoured. Ansible has two names for some. */
const honoured = {
  host: ['ansible_host', 'ansible_ssh_host'],
  port: ['ansible_port', 'ansible_ssh_port'],
  user: ['ansible_user', 'ansible_ssh_user'],
  privateKey: ['ansible_ssh_private_key_file', 'ansible_private_key_file'],
  become: ['ansible_become'],
  connection: ['ansible_connection'],
} as const;

/** Variables that change nothing of who does what: how Ansible brings its modules to the host. */
const harmless = new Set(
  [
    ...['pipelining', 'ssh_pipelining', 'ssh_retries', 'ssh_transfer_method', 'ssh_use_tty', 'ssh_timeout', 'timeout'],
    ...['scp_if_ssh', 'scp_executable', 'scp_extra_args', 'sftp_executable', 'sftp_extra_args', 'sftp_batch_mode'],
    ...['control_path', 'control_path_dir', 'sshpass_prompt', 'su_prompt_l10n', 'shell_executable'],
    ...['remote_tmp', 'async_dir', 'system_tmpdirs', 'common_remote_group', 'admin_users'],
    ...['shell_allow_world_readable_temp', 'paramiko_use_rsa_sha2_algorithms', 'python_interpreter'],
  ].map((name) => `ansible_${name}`),
);

/** A variable that is not honoured: with which values that makes no difference, and what to do otherwise. */
interface Refusal {
  readonly names: readonly string[];
  readonly sameWith: RegExp;
  readonly instead: string;
  /** The value must not be shown. */
  readonly isSecret?: true;
}

const sshConfig = 'write it into ssh_config for this host (see --ssh-config)';
const refusals: readonly Refusal[] = [
  {
    names: ['ansible_become_user', 'ansible_sudo_user', 'ansible_su_user'],
    sameWith: /^(?:root)?$/,
    instead: 'tasks are done by root or by the user who logs in; log in as that user (ansible_user)',
  },
  {
    names: ['ansible_become_method'],
    sameWith: /^(?:(?:ansible\.builtin\.)?sudo)?$/,
    instead: 'root is become by sudo only; give sudo to that user, or log in as root',
  },
  {
    names: ['ansible_become_exe', 'ansible_sudo_exe', 'ansible_su_exe'],
    sameWith: /^(?:(?:\/usr\/bin\/)?sudo)?$/,
    instead: "root is become by the sudo of the host's PATH",
  },
  {
    names: ['ansible_become_flags', 'ansible_sudo_flags', 'ansible_su_flags'],
    sameWith: /^(?:-[HSn]+\s*)*$/,
    instead: "sudo is given no flags of an inventory; write them as Defaults into the host's sudoers",
  },
  {
    names: ['ansible_become_password', 'ansible_become_pass', 'ansible_sudo_pass', 'ansible_su_pass'],
    sameWith: /^$/,
    instead: 'no password is taken from an inventory; give --ask-become-pass (-K), and take it out of the inventory',
    isSecret: true,
  },
  {
    names: [
      'ansible_password',
      'ansible_ssh_pass',
      'ansible_ssh_password',
      'ansible_paramiko_pass',
      'ansible_paramiko_password',
    ],
    sameWith: /^$/,
    instead: 'no password is taken from an inventory; log in with a key, and take it out of the inventory',
    isSecret: true,
  },
  {
    names: ['ansible_ssh_common_args', 'ansible_ssh_extra_args', 'ansible_ssh_args'],
    // Compression, and the shared connection that there is anyway.
    sameWith: /^(?:\s*(?:-C|-o\s*Control(?:Master|Persist|Path)=\S+)(?=\s|$))*\s*$/,
    instead: sshConfig,
  },
  { names: ['ansible_ssh_executable'], sameWith: /^(?:(?:\/usr\/bin\/)?ssh)?$/, instead: 'ssh is that of PATH' },
  {
    names: ['ansible_host_key_checking', 'ansible_ssh_host_key_checking', 'ansible_paramiko_host_key_checking'],
    sameWith: /^(?:true|yes|on|1|t|y)?$/i,
    instead: `whether host keys are checked is said by StrictHostKeyChecking; ${sshConfig}`,
  },
  { names: ['ansible_ssh_pkcs11_provider'], sameWith: /^$/, instead: `it is ssh's PKCS11Provider; ${sshConfig}` },
  { names: ['ansible_paramiko_host'], sameWith: /^$/, instead: 'write ansible_host' },
  { names: ['ansible_paramiko_user'], sameWith: /^$/, instead: 'write ansible_user' },
  {
    names: ['ansible_shell_type'],
    sameWith: /^(?:(?:ansible\.builtin\.)?sh)?$/,
    instead: 'a host is worked on by a POSIX sh, whatever its login shell is; take it out if the host has one',
  },
];

const known: readonly string[] = [
  ...Object.values(honoured).flat(),
  ...harmless,
  ...refusals.flatMap(({ names }) => names),
  'ansible_group_priority',
];

const connectionWords = /^(?:ansible\.builtin\.)?(?:ssh|smart|paramiko|paramiko_ssh|local)$/;

/**
 * Says how a host is reached, by what an inventory says of it.
 * @param name of the host, by which it is reached where nothing else is said
 */
export function connectionOf(name: string, values: InventoryValues): Connection {
  const problems: string[] = [];
  const text = (key: string): string | undefined => {
    const value = values[key];
    return value === undefined || value === null ? undefined : String(value);
  };
  const first = (keys: readonly string[]): string | undefined => {
    const [found, other] = keys.flatMap((key) => (text(key) === undefined ? [] : [{ key, value: text(key) ?? '' }]));
    if (found !== undefined && other !== undefined && found.value !== other.value) {
      problems.push(
        `${found.key}=${found.value} and ${other.key}=${other.value} are two names of one thing; leave one`,
      );
    }
    if (found !== undefined && /\{\{|\{%/.test(found.value)) {
      problems.push(
        `${found.key} holds a template (${found.value}), which only Ansible fills in; write what it comes to`,
      );
    }
    return found?.value;
  };
  const port = first(honoured.port);
  if (port !== undefined && !(/^\d+$/.test(port) && Number(port) >= 1 && Number(port) <= 65535)) {
    problems.push(`ansible_port=${port} is no port; a port is a number from 1 to 65535`);
  }
  const become = first(honoured.become);
  if (become !== undefined && !truth.test(become) && !untruth.test(become)) {
    problems.push(`ansible_become=${become} is neither true nor false`);
  }
  const connection = first(honoured.connection);
  if (connection !== undefined && !connectionWords.test(connection)) {
    problems.push(`ansible_connection=${connection} is none that kvm-play has; it knows ssh and local`);
  }
  problems.push(...refused(text));
  const own = Object.keys(values).filter((key) => key.startsWith('ansible_') && !known.includes(key));
  const mistyped = own.flatMap((key) => {
    const close = nearestVariable(key);
    return close === undefined ? [] : [{ key, close }];
  });
  problems.push(...mistyped.map(({ key, close }) => `${key} is no variable of Ansible's; did you mean ${close}?`));
  return {
    spec: specOf(name, connection, port, first),
    become: become === undefined ? undefined : truth.test(become),
    problems,
    unused: own.filter((key) => !isInterpreter(key) && !mistyped.some((each) => each.key === key)),
  };
}

const truth = /^(?:true|yes|on|1|t|y)$/i;
const untruth = /^(?:false|no|off|0|f|n|)$/i;

function specOf(
  name: string,
  connection: string | undefined,
  port: string | undefined,
  first: (keys: readonly string[]) => string | undefined,
): HostSpec {
  const [host, user, privateKey] = [first(honoured.host), first(honoured.user), first(honoured.privateKey)];
  if (connection?.endsWith('local')) return { name: 'localhost', alias: name };
  return {
    name: host ?? name,
    alias: name,
    ...(user !== undefined && { user }),
    ...(port !== undefined && { port: Number(port) }),
    ...(privateKey !== undefined && { privateKey }),
  };
}

function refused(text: (key: string) => string | undefined): readonly string[] {
  return refusals.flatMap(({ names, sameWith, instead, isSecret }) =>
    names.flatMap((name) => {
      const value = text(name);
      if (value === undefined || sameWith.test(value)) return [];
      return [`${name}${isSecret ? '' : `=${value}`} is not honoured: ${instead}`];
    }),
  );
}

/** All of Ansible's names begin alike, so that only the rest tells how near two are. */
function nearestVariable(name: string): string | undefined {
  if (isInterpreter(name)) return undefined;
  const rest = (each: string): string => each.slice('ansible_'.length);
  const close = nearest(rest(name), known.map(rest));
  return close === undefined ? undefined : `ansible_${close}`;
}

function isInterpreter(name: string): boolean {
  return /^ansible_\w+_interpreter$/.test(name);
}
