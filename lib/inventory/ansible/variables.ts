import { nearest } from '../../validation/nearest.ts';

/** Variables that are supported. Ansible has two names for some. */
export const honoured = {
  host: ['ansible_host', 'ansible_ssh_host'],
  port: ['ansible_port', 'ansible_ssh_port'],
  user: ['ansible_user', 'ansible_ssh_user'],
  privateKey: ['ansible_ssh_private_key_file', 'ansible_private_key_file'],
  become: ['ansible_become'],
  connection: ['ansible_connection'],
} as const;

/** A variable that is not supported: the values that change nothing, and what to do instead of any other. */
export interface Refusal {
  readonly names: readonly string[];
  readonly sameWith: RegExp;
  readonly instead: string;
  /** The value must not be shown. */
  readonly isSecret?: true;
}

const sshConfig = 'write it into ssh_config for this host (see --ssh-config)';

/** Variables that would change the user who does the work, or the connection. */
export const refusals: readonly Refusal[] = [
  {
    names: ['ansible_become_user', 'ansible_sudo_user', 'ansible_su_user'],
    sameWith: /^(?:root)?$/,
    instead: 'tasks are done by root or by the user who logs in; log in as that user (ansible_user)',
  },
  {
    names: ['ansible_become_method'],
    sameWith: /^(?:(?:ansible\.builtin\.)?sudo)?$/,
    instead: 'sudo is the only way to become root; give sudo to that user, or log in as root',
  },
  {
    names: ['ansible_become_exe', 'ansible_sudo_exe', 'ansible_su_exe'],
    sameWith: /^(?:(?:\/usr\/bin\/)?sudo)?$/,
    instead: "root tasks are run by the sudo of the host's PATH",
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
    names: ['ansible_private_key', 'ansible_ssh_private_key'],
    sameWith: /^$/,
    instead: 'no key is taken from an inventory; name its file: ansible_ssh_private_key_file',
    isSecret: true,
  },
  {
    names: ['ansible_private_key_passphrase', 'ansible_ssh_private_key_passphrase', 'ansible_private_key_password'],
    sameWith: /^$/,
    instead: 'no passphrase is taken from an inventory; give the key to an agent (ssh-add)',
    isSecret: true,
  },
  {
    names: ['ansible_ssh_common_args', 'ansible_ssh_extra_args', 'ansible_ssh_args'],
    // Compression, and the shared connection that there is anyway.
    sameWith: /^(?:\s*(?:-C|-o\s*Control(?:Master|Persist|Path)=\S+)(?=\s|$))*\s*$/,
    instead: sshConfig,
  },
  { names: ['ansible_paramiko_proxy_command'], sameWith: /^$/, instead: `it is ssh's ProxyCommand; ${sshConfig}` },
  { names: ['ansible_ssh_executable'], sameWith: /^(?:(?:\/usr\/bin\/)?ssh)?$/, instead: 'ssh is that of PATH' },
  {
    names: ['ansible_host_key_checking', 'ansible_ssh_host_key_checking', 'ansible_paramiko_host_key_checking'],
    sameWith: /^(?:true|yes|on|1|t|y)?$/i,
    instead: `whether host keys are checked is said by StrictHostKeyChecking; ${sshConfig}`,
  },
  {
    names: ['ansible_known_hosts_file', 'ansible_ssh_known_hosts_file', 'ansible_paramiko_user_known_hosts_file'],
    sameWith: /^$/,
    instead: `it is ssh's UserKnownHostsFile; ${sshConfig}`,
  },
  { names: ['ansible_ssh_pkcs11_provider'], sameWith: /^$/, instead: `it is ssh's PKCS11Provider; ${sshConfig}` },
  { names: ['ansible_paramiko_host'], sameWith: /^$/, instead: 'write ansible_host' },
  { names: ['ansible_paramiko_port'], sameWith: /^$/, instead: 'write ansible_port' },
  { names: ['ansible_paramiko_user'], sameWith: /^$/, instead: 'write ansible_user' },
  { names: ['ansible_paramiko_private_key_file'], sameWith: /^$/, instead: 'write ansible_ssh_private_key_file' },
  {
    names: ['ansible_shell_type'],
    sameWith: /^(?:(?:ansible\.builtin\.)?sh)?$/,
    instead: 'a host is worked on by a POSIX sh, whatever its login shell is; take it out if the host has one',
  },
];

/** Variables without an effect, and what the warning names as their equivalent. */
const remedies: Readonly<Record<string, string>> = {
  ansible_timeout: 'ssh_config says it: ConnectTimeout',
  ansible_ssh_timeout: 'ssh_config says it: ConnectTimeout',
  ansible_connect_timeout: 'ssh_config says it: ConnectTimeout',
  ansible_paramiko_timeout: 'ssh_config says it: ConnectTimeout',
  ansible_ssh_retries: 'ssh_config says it: ConnectionAttempts',
  ansible_control_path: 'ssh_config says it: ControlPath',
  ansible_control_path_dir: 'ssh_config says it: ControlPath',
  ansible_shell_executable: 'every command is run by /bin/sh',
  ansible_ssh_use_tty: 'there is no terminal on the host',
  ansible_ssh_verbosity: 'ssh_config says it: LogLevel',
  ...Object.fromEntries(
    [
      ...['scp_if_ssh', 'ssh_transfer_method', 'scp_executable', 'scp_extra_args'],
      ...['sftp_executable', 'sftp_extra_args', 'sftp_batch_mode'],
    ].map((name) => [`ansible_${name}`, 'there is neither scp nor sftp: files travel with the commands']),
  ),
};

/** Variables without a remedy that have no effect either. */
const withoutEffect = ['ansible_sudo_chdir', 'ansible_connection_user', 'ansible_paramiko_use_rsa_sha2_algorithms'];

/** Variables for how Ansible transfers its modules to a host and runs Python there: kvm-play does neither, so that they are ignored. */
const ofModules: ReadonlySet<string> = new Set(
  [
    ...['pipelining', 'ssh_pipelining', 'remote_tmp', 'async_dir', 'system_tmpdirs', 'common_remote_group'],
    ...['admin_users', 'shell_allow_world_readable_temp', 'module_compression', 'interpreter_python_fallback'],
    ...['python_module_rlimit_nofile', 'facts_modules', 'inject_invocation', 'no_target_syslog', 'target_log_info'],
    ...['sshpass_prompt', 'ssh_password_mechanism', 'su_prompt_l10n', 'deprecation_warnings'],
  ].map((name) => `ansible_${name}`),
);

/** Variables of other connection and become plugins: they have no effect with `ssh` and `sudo`, and the plugins are refused. */
const ofOtherPlugins = new RegExp(
  `^ansible_(?:${[
    ...['doas', 'dzdo', 'enable', 'ksu', 'machinectl', 'pbrun', 'pfexec', 'pmrun', 'run0', 'runas', 'sesu', 'sudosu'],
    ...['aws_ssm', 'buildah', 'chroot', 'docker', 'gcloud', 'grpc', 'httpapi', 'incus', 'iocage', 'jail', 'kubectl'],
    ...['libssh', 'libvirt', 'lxc', 'lxd', 'netconf', 'network', 'nsenter', 'oc', 'persistent', 'podman', 'psrp'],
    ...['terminal', 'vmware', 'win', 'winrm', 'zone'],
  ].join('|')})_\\w+$`,
);

const known: readonly string[] = [
  ...Object.values(honoured).flat(),
  ...refusals.flatMap(({ names }) => names),
  ...Object.keys(remedies),
  ...withoutEffect,
  ...ofModules,
  'ansible_group_priority',
  'ansible_python_interpreter',
];

/** Finds the variable of Ansible's that a mistyped name probably means. */
export function meantVariable(name: string): string | undefined {
  if (known.includes(name) || isOfModules(name) || ofOtherPlugins.test(name)) return undefined;
  // All of Ansible's names begin alike, so that only the rest tells how near two are.
  const rest = (each: string): string => each.slice('ansible_'.length);
  const close = nearest(rest(name), known.map(rest));
  return close === undefined ? undefined : `ansible_${close}`;
}

/** Tells whether a variable of Ansible's is neither supported nor refused, and would have an effect in Ansible. */
export function isUnused(name: string): boolean {
  const isHandled =
    name === 'ansible_group_priority' ||
    Object.values<readonly string[]>(honoured).flat().includes(name) ||
    refusals.some(({ names }) => names.includes(name));
  return name.startsWith('ansible_') && !isHandled && !isOfModules(name);
}

/** Gives the equivalent of a variable that has no effect. */
export function remedyOf(name: string): string | undefined {
  return Object.hasOwn(remedies, name) ? remedies[name] : undefined;
}

function isOfModules(name: string): boolean {
  return ofModules.has(name) || /^ansible_\w+_interpreter$/.test(name);
}
