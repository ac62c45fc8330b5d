import { options } from './option_table.ts';

/** Options of Ansible's that have no equal here, and what to do instead. */
const remedies: readonly { readonly names: readonly string[]; readonly instead: string }[] = [
  {
    names: ['-u', '--user'],
    instead: 'write the user before the host, as --host USER@NAME, or ansible_user in the inventory',
  },
  {
    names: ['-k', '--ask-pass', '--connection-password-file', '--conn-pass-file'],
    instead: 'ssh logs in with a key, and is given no password',
  },
  {
    names: ['--become-password-file', '--become-pass-file'],
    instead: 'the sudo password is asked for: --ask-become-pass (-K)',
  },
  { names: ['--become-user'], instead: 'tasks are done by root or by the user who logs in' },
  { names: ['--become-method'], instead: 'sudo is the only method' },
  {
    names: ['-m', '--module-name', '-a', '--args'],
    instead: 'there are no commands without a site; write a task of the module `command` or `query`',
  },
  { names: ['-M', '--module-path'], instead: 'a site imports its modules' },
  { names: ['-c', '--connection'], instead: 'hosts are reached by ssh, and localhost is this machine' },
  { names: ['-T', '--timeout'], instead: 'set ConnectTimeout in ssh_config (see --ssh-config)' },
  { names: ['--ssh-common-args', '--ssh-extra-args'], instead: 'write it into ssh_config (see --ssh-config)' },
  { names: ['--sftp-extra-args'], instead: 'sftp is not used' },
  { names: ['--scp-extra-args'], instead: 'scp is not used' },
  { names: ['--syntax-check'], instead: 'use --list-tasks, which loads the site and connects to nothing' },
  { names: ['--step'], instead: 'review a plan: --check --plan-out FILE, and then --apply-plan FILE' },
  { names: ['--force-handlers'], instead: 'not needed: the next run loads what this run wrote and did not load' },
  { names: ['--flush-cache'], instead: 'not needed: every run reads the facts anew' },
  {
    names: [
      ...['-J', '--ask-vault-pass', '--ask-vault-password'],
      ...['--vault-id', '--vault-password-file', '--vault-pass-file'],
    ],
    instead: 'a site reads its secrets where they are kept: secret.file, secret.command',
  },
  { names: ['--list', '--graph'], instead: 'use npx kvm-play inventory -i FILE' },
];

/** Says what to write instead of an option of Ansible's. @param spelling with its dashes @returns undefined for any other option */
export function insteadOf(spelling: string): string | undefined {
  const equal = [...options].find(([, { ansible = [] }]) => ansible.includes(spelling));
  if (equal === undefined) return remedies.find(({ names }) => names.includes(spelling))?.instead;
  const [name, { value }] = equal;
  return `here it is --${name}${value === undefined ? '' : ` ${value}`}`;
}
