import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parameterFile, parameters, units } from './wanted.ts';

/** A tool that applies the site. */
export interface Tool {
  readonly name: string;
  /** Says how it is started. @param ground where it finds its files; another one has no open connection yet */
  command(ground: Ground, hosts: readonly string[]): { argv: readonly string[]; env: Readonly<Record<string, string>> };
}

/** A directory with an ssh_config and what a tool writes beside it. */
export interface Ground {
  readonly directory: string;
  readonly sshConfig: string;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

const kvmPlay: Tool = {
  name: 'kvm-play',
  command: ({ sshConfig }, hosts) => ({
    argv: [
      process.execPath,
      join(root, 'dist/lib/cli/main.js'),
      ...['--ssh-config', sshConfig, '--forks', '50', join(root, 'test/bench/site.ts')],
      ...hosts.flatMap((host) => ['--host', `root@${host}`]),
    ],
    env: {},
  }),
};

/** As fast as it gets: pipelining, shared connections, no facts, a fixed interpreter, as many forks as hosts. */
const ansible = (name: string, settings: Readonly<Record<string, string>>): Tool => ({
  name,
  command: ({ directory, sshConfig }, hosts) => ({
    argv: [
      'ansible-playbook',
      '-i',
      `${hosts.join(',')},`,
      '-f',
      String(hosts.length),
      join(directory, 'playbook.json'),
    ],
    env: {
      ANSIBLE_PIPELINING: 'True',
      ANSIBLE_GATHERING: 'explicit',
      ANSIBLE_SSH_ARGS: `-F ${sshConfig} -C -o ControlMaster=auto -o ControlPersist=60s`,
      ANSIBLE_SSH_CONTROL_PATH_DIR: join(directory, 'control'),
      ANSIBLE_LOCAL_TEMP: join(directory, 'temporary'),
      ANSIBLE_RETRY_FILES_ENABLED: 'False',
      ANSIBLE_DEPRECATION_WARNINGS: 'False',
      ...settings,
    },
  }),
});

/** The tools that are compared. */
export const tools: readonly Tool[] = [
  kvmPlay,
  ansible('Ansible', {}),
  ansible('Mitogen', {
    ANSIBLE_STRATEGY_PLUGINS: '/usr/lib/python3/dist-packages/ansible_mitogen/plugins/strategy',
    ANSIBLE_STRATEGY: 'mitogen_linear',
  }),
];

/** Writes the site as a playbook (JSON is YAML), and makes the directories that Ansible writes to. */
export async function layGround(directory: string): Promise<void> {
  await mkdir(join(directory, 'control'), { recursive: true });
  const tasks = [
    ...Object.entries(parameters).map(([name, value]) => ({
      'ansible.posix.sysctl': {
        name,
        value: String(value),
        sysctl_set: true,
        reload: false,
        sysctl_file: parameterFile,
      },
    })),
    ...units.map(({ name, isOn }) => ({
      'ansible.builtin.systemd': { name, state: isOn ? 'started' : 'stopped', enabled: isOn },
    })),
  ];
  const playbook = [
    {
      hosts: 'all',
      gather_facts: false,
      remote_user: 'root',
      vars: { ansible_python_interpreter: '/usr/bin/python3' },
      tasks,
    },
  ];
  await writeFile(join(directory, 'playbook.json'), JSON.stringify(playbook));
}
