import { parseArgs } from 'node:util';
import { PlaybookError } from '../../errors.ts';
import { nearest } from '../../validation/nearest.ts';
import { type Option, options, optionTable } from './option_table.ts';

/** What options of Ansible's are here. */
const ofAnsible: Readonly<Record<string, string>> = {
  '-b': 'here it is --become',
  '-C': 'here it is --check',
  '-D': 'here it is --diff',
  '-f': 'here it is --forks N',
  '-u': 'write the user before the host, as --host USER@NAME, or ansible_user in the inventory',
  '--user': 'write the user before the host, as --host USER@NAME, or ansible_user in the inventory',
  '-k': 'ssh logs in with a key, and is given no password',
  '--ask-pass': 'ssh logs in with a key, and is given no password',
  '--connection-password-file': 'ssh logs in with a key, and is given no password',
  '--conn-pass-file': 'ssh logs in with a key, and is given no password',
  '--become-password-file': 'the password for sudo is asked for: --ask-become-pass (-K)',
  '--become-pass-file': 'the password for sudo is asked for: --ask-become-pass (-K)',
  '--become-user': 'tasks are done by root or by the user who logs in',
  '--become-method': 'sudo is the only method',
  '-m': 'there are no commands without a site; write a task of the module `command` or `query`',
  '--module-name': 'there are no commands without a site; write a task of the module `command` or `query`',
  '-a': 'there are no commands without a site; write a task of the module `command` or `query`',
  '--args': 'there are no commands without a site; write a task of the module `command` or `query`',
  '-M': 'a module is imported by the site',
  '--module-path': 'a module is imported by the site',
  '-c': 'a host is reached by ssh, and localhost is this machine',
  '--connection': 'a host is reached by ssh, and localhost is this machine',
  '-T': 'ssh_config says it: ConnectTimeout',
  '--timeout': 'ssh_config says it: ConnectTimeout',
  '-s': 'here it is --become',
  '--key-file': 'here it is --private-key FILE',
  '--ssh-common-args': 'write it into ssh_config (see --ssh-config)',
  '--ssh-extra-args': 'write it into ssh_config (see --ssh-config)',
  '--sftp-extra-args': 'there is no sftp in it',
  '--scp-extra-args': 'there is no scp in it',
  '--syntax-check': 'here it is --list-tasks, which loads the site and connects to nothing',
  '--step': 'here a plan is reviewed: --check --plan-out FILE, and then --apply-plan FILE',
  '--force-handlers': 'nothing is lost here: what was written and not loaded is loaded by the next run',
  '--flush-cache': 'facts are read anew by every run',
  '-J': 'here a site reads its secrets where they are kept: secret.file, secret.command',
  '--ask-vault-pass': 'here a site reads its secrets where they are kept: secret.file, secret.command',
  '--ask-vault-password': 'here a site reads its secrets where they are kept: secret.file, secret.command',
  '--vault-id': 'here a site reads its secrets where they are kept: secret.file, secret.command',
  '--vault-password-file': 'here a site reads its secrets where they are kept: secret.file, secret.command',
  '--vault-pass-file': 'here a site reads its secrets where they are kept: secret.file, secret.command',
  '--list': 'here it is kvm-play inventory -i FILE',
  '--graph': 'here it is kvm-play inventory -i FILE',
};

const byName: ReadonlyMap<string, Option> = new Map(options);

/**
 * Checks the options of a command line, before it is read.
 * @throws PlaybookError that says what is wrong: an option that is not there, one without its value or with one that it does not
 *   take, and one that is given twice though only the last would count
 */
export function checkOptions(args: readonly string[]): void {
  const { tokens } = parseArgs({
    args: [...args],
    options: optionTable,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const seen = new Set<string>();
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const { name, rawName, value, inlineValue } = token;
    const option = byName.get(name);
    if (option === undefined) throw unknownOption(rawName);
    checkValue(rawName, option, value, inlineValue === true);
    if (seen.has(name) && option.type === 'string' && option.multiple !== true) {
      throw new PlaybookError(`${rawName} is given twice, and only one can count; leave one out`);
    }
    seen.add(name);
  }
}

function checkValue(rawName: string, option: Option, value: string | undefined, isInline: boolean): void {
  if (option.type === 'boolean') {
    if (value === undefined) return;
    throw new PlaybookError(`${rawName} takes no value, and was given '${value}'`);
  }
  if (value === undefined) throw new PlaybookError(`${rawName} takes a value: ${rawName} ${option.value}`);
  if (isInline || value.length < 2 || !value.startsWith('-')) return;
  const glued = rawName.startsWith('--') ? `${rawName}=${value}` : `${rawName}${value}`;
  throw new PlaybookError(
    `${rawName} takes a value (${option.value}), and behind it stands the option '${value}'; where that is the value, write ${glued}`,
  );
}

function unknownOption(option: string): PlaybookError {
  const hint = ofAnsible[option];
  if (hint !== undefined) return new PlaybookError(`there is no option ${option}; ${hint}`);
  if (option.startsWith('--no-') && byName.has(option.slice('--no-'.length))) {
    return new PlaybookError(`there is no option ${option}; leave --${option.slice('--no-'.length)} out`);
  }
  const close = option.startsWith('--')
    ? nearest(
        option,
        options.map(([name]) => `--${name}`),
      )
    : undefined;
  return new PlaybookError(
    `there is no option ${option}; ${close === undefined ? 'see --help' : `did you mean ${close}?`}`,
  );
}
