import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { type Location, PlaybookError } from '../../errors.ts';
import { type PythonConfig, parsePythonConfig } from '../../formats/python_config.ts';
import { unquoted } from './unquoted.ts';

/** The settings of ansible.cfg for hosts, users, connections and the choice of tasks: section, key, and environment variable. */
const settings: readonly (readonly [section: string, key: string, variable: string])[] = [
  ...['remote_user', 'remote_port', 'private_key_file', 'transport', 'host_key_checking', 'ask_pass'].map(
    (key) => ['defaults', key, `ANSIBLE_${key.toUpperCase()}`] as const,
  ),
  ...['become', 'become_user', 'become_method', 'become_exe', 'become_flags', 'become_ask_pass'].map(
    (key) => ['privilege_escalation', key, `ANSIBLE_${key.toUpperCase()}`] as const,
  ),
  ...['ssh_args', 'ssh_common_args', 'ssh_extra_args', 'ssh_executable'].map(
    (key) => ['ssh_connection', key, `ANSIBLE_${key.toUpperCase()}`] as const,
  ),
  ['tags', 'run', 'ANSIBLE_RUN_TAGS'],
  ['tags', 'skip', 'ANSIBLE_SKIP_TAGS'],
];

/** Inventories that Ansible would use, and the file or variable that names them. */
interface UnreadInventory {
  readonly source: string;
  readonly paths: readonly string[];
}

/** Settings that Ansible would use here, and kvm-play does not. */
export interface AnsibleSettings {
  readonly inventory: UnreadInventory | undefined;
  /** Other settings, in words. */
  readonly others: readonly string[];
}

/** The parts of a play that matter here. */
interface SettingsPlay {
  readonly name: string;
  /** Present where the play names hosts. */
  readonly hosts: unknown;
  readonly location: Location | undefined;
}

/** The hosts and inventories that the user gave, both empty where none were given. */
interface GivenHosts {
  readonly inventories: readonly string[];
  readonly hosts: readonly string[];
}

/** Finds Ansible's settings that would choose hosts, users, connections or tasks. */
export async function ansibleSettings(env: NodeJS.ProcessEnv = process.env): Promise<AnsibleSettings> {
  const config = await readConfig(env);
  const setting = (section: string, key: string): string => config?.values.get(section)?.get(key) ?? '';
  const configured = listed(setting('defaults', 'inventory')).map((path) => besideConfig(path, config?.file ?? ''));
  const inventory = env.ANSIBLE_INVENTORY
    ? { source: 'the environment (ANSIBLE_INVENTORY)', paths: listed(env.ANSIBLE_INVENTORY) }
    : { source: config?.file ?? '', paths: configured };
  return {
    inventory: inventory.paths.length === 0 ? undefined : inventory,
    others: [
      ...settings.flatMap(([, , variable]) => (env[variable] ? [variable] : [])),
      ...settings.flatMap(([section, key]) => (setting(section, key) ? [`${key} of ${config?.file}`] : [])),
    ],
  };
}

/**
 * Warns of Ansible's settings that kvm-play does not use.
 * @returns warnings
 * @throws PlaybookError where a play without hosts would run on this machine, and Ansible has an inventory
 */
export function unreadSettings(
  { inventory, others }: AnsibleSettings,
  plays: readonly SettingsPlay[],
  { inventories, hosts }: GivenHosts,
): readonly string[] {
  const warnings =
    others.length === 0 ? [] : [`not read, as all settings of Ansible: ${others.join(', ')}; see docs/from_ansible.md`];
  if (inventory === undefined || inventories.length > 0 || hosts.length > 0) return warnings;
  const { source, paths } = inventory;
  const instead = paths.map((path) => `-i ${path}`).join(' ');
  const hostless = plays.find((play) => play.hosts === undefined);
  if (hostless === undefined)
    return [`the inventory of ${source} is not read; where it is meant, give ${instead}`, ...warnings];
  throw new PlaybookError(
    `play '${hostless.name}' names no hosts and would run on this machine, because the inventory of ${source} is not read; give ${instead}, or for this machine --host localhost`,
  ).at({ location: hostless.location });
}

/** Reads the first of Ansible's configuration files that exists. */
async function readConfig(
  env: NodeJS.ProcessEnv,
): Promise<{ readonly file: string; readonly values: PythonConfig } | undefined> {
  const { ANSIBLE_CONFIG: named } = env;
  const files = [
    ...(named ? [named, join(named, 'ansible.cfg')] : []),
    ...['ansible.cfg', join(homedir(), '.ansible.cfg'), '/etc/ansible/ansible.cfg'],
  ];
  for (const file of files) {
    const text = await readFile(resolve(file), 'utf8').catch(() => undefined);
    if (text !== undefined) return { file, values: parsePythonConfig(text) };
  }
  return undefined;
}

function listed(text: string): readonly string[] {
  return text
    .split(',')
    .map((path) => unquoted(path.trim()))
    .filter((path) => path !== '');
}

/** Resolves a path in ansible.cfg, which is relative to that file. */
function besideConfig(path: string, config: string): string {
  return /^[/~{]/.test(path) ? path : relative('', resolve(dirname(config), path)) || '.';
}
