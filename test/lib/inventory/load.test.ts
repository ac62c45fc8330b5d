import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { KvmPlayError } from '../../../lib/errors.ts';
import { pythonLiteral } from '../../../lib/inventory/ansible/python_literal.ts';
import { meantVariable } from '../../../lib/inventory/ansible/variables.ts';
import type { Inventory } from '../../../lib/inventory/inventory.ts';
import { loadInventory } from '../../../lib/inventory/load.ts';
import { likelyMistypes } from '../../../lib/inventory/mistypes.ts';
import { refuseProblems } from '../../../lib/inventory/refuse_problems.ts';
import { play } from '../../../lib/site/play.ts';

let directory: string;
let count = 0;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'kvm-play-load-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Writes files into a directory of their own. @returns its path */
function tree(files: Readonly<Record<string, string>>): string {
  count += 1;
  const root = join(directory, String(count));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text, { mode: text.startsWith('#!') ? 0o755 : 0o644 });
  }
  return root;
}

/** Loads one inventory of the name `hosts`, unless another is named. */
async function load(text: string, name = 'hosts'): Promise<Inventory> {
  return loadInventory(join(tree({ [name]: text }), name));
}

async function failure(work: () => unknown): Promise<KvmPlayError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof KvmPlayError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const names = ({ hosts }: Inventory): readonly string[] => [...hosts.keys()];
const values = ({ hosts }: Inventory, name: string): unknown => hosts.get(name)?.values;

describe('what the inventory says of a connection', () => {
  const problems = async (line: string): Promise<string> => {
    const inventory = await load(`web1 ${line}\n`);
    return failure(() => refuseProblems([...inventory.hosts.values()])).then(
      ({ message }) => message,
      () => 'nothing',
    );
  };

  test.each([
    ['ansible_become_user=app', 'ansible_become_user=app is not honoured: tasks are done by root'],
    ['ansible_become_method=su', 'sudo is the only way to become root'],
    ['ansible_become_exe=/opt/sudo', "sudo of the host's PATH"],
    ['ansible_become_flags="-i -u x"', 'sudoers'],
    ['ansible_become=maybe', 'neither true nor false'],
    [
      'ansible_ssh_common_args="-o ProxyJump=bastion"',
      'ssh_common_args=-o ProxyJump=bastion is not honoured: write it into ssh_config',
    ],
    ['ansible_ssh_extra_args=-v', 'ssh_config'],
    ['ansible_ssh_args="-C -o ControlMaster=auto -o ProxyCommand=x"', 'ssh_config'],
    ['ansible_ssh_executable=/opt/ssh', 'PATH'],
    ['ansible_host_key_checking=False', 'StrictHostKeyChecking'],
    ['ansible_ssh_pkcs11_provider=/lib/x.so', 'PKCS11Provider'],
    ['ansible_shell_type=powershell', 'POSIX sh'],
    ['ansible_connection=winrm', 'ansible_connection=winrm is not supported'],
    ['ansible_connection=community.docker.docker', 'there are ssh and local'],
    ['ansible_port=http', 'ansible_port=http is no port'],
    ['ansible_user="{{ lookup(1) }}"', 'ansible_user holds a template'],
    ['ansible_user=a ansible_ssh_user=b', 'two names of one thing'],
    ['ansible_user=', 'ansible_user is empty; write a value, or take it out'],
    ['ansible_host="" ansible_port=22', 'ansible_host is empty'],
    ['ansible_connection=', 'ansible_connection is empty'],
    ['ansible_paramiko_proxy_command="ssh -W %h:%p b"', "it is ssh's ProxyCommand"],
    ['ansible_ssh_known_hosts_file=/x', "it is ssh's UserKnownHostsFile"],
    ['ansible_paramiko_port=2222', 'write ansible_port'],
    ['ansible_hsot=10.0.0.1', "ansible_hsot is no variable of Ansible's; did you mean ansible_host?"],
    ['ansible_become_usr=app', 'did you mean ansible_become_user?'],
  ])('%s is refused', async (line, words) => {
    const said = await problems(line);
    expect(said).toContain('the inventory says what cannot be honoured\nweb1: ');
    expect(said).toContain(words);
  });

  test.each([
    ...['ansible_password', 'ansible_ssh_pass', 'ansible_become_password', 'ansible_sudo_pass'],
    ...['ansible_ssh_private_key', 'ansible_private_key_passphrase'],
  ])('%s is refused, and not shown', async (name) => {
    const said = await problems(`${name}=hunter2`);
    expect(said).toContain(`${name} is not honoured: no `);
    expect(said).not.toContain('hunter2');
  });

  test.each([
    'ansible_become_user=root ansible_become_method=sudo ansible_become_flags="-H -S -n"',
    'ansible_connection=ssh ansible_ssh_args="-C -o ControlMaster=auto -o ControlPersist=60s" ansible_ssh_common_args=""',
    'ansible_python_interpreter=/usr/bin/python3 ansible_ruby_interpreter=x ansible_pipelining=True ansible_remote_tmp=/x',
    'ansible_host_key_checking=True ansible_shell_type=sh ansible_become=no ansible_group_priority=3',
    'ansible_user=a ansible_ssh_user=a',
  ])('%s changes nothing', async (line) => {
    expect(await problems(line)).toBe('nothing');
  });

  test('of hosts that take no part does not matter, and is said once for many', async () => {
    const inventory = await load('[win]\nw[1:3] ansible_connection=winrm\n[kvm]\nk1\n');
    expect(() => refuseProblems([...inventory.hosts.values()].filter(({ name }) => name === 'k1'))).not.toThrow();
    const { message } = await failure(() => refuseProblems([...inventory.hosts.values()]));
    expect(message.match(/winrm/g)).toHaveLength(1);
    expect(message).toContain('w1 and 2 more: ansible_connection=winrm');
  });

  test('and has no effect is a warning', async () => {
    const { warnings } = await load(
      '[web]\nweb[1:2] ansible_distribution=Debian\n[web:vars]\nansible_ssh_timeout=30\nansible_scp_if_ssh=True\nansible_doas_user=x\n[dup]\ndup\n',
    );
    expect(warnings).toEqual([
      "the inventory's ansible_ssh_timeout (of web1 and 1 more) has no effect here; ssh_config says it: ConnectTimeout",
      "the inventory's ansible_scp_if_ssh (of web1 and 1 more) has no effect here; there is neither scp nor sftp: files travel with the commands",
      "the inventory's ansible_doas_user (of web1 and 1 more) has no effect here",
      "the inventory's ansible_distribution (of web1 and 1 more) has no effect here",
      "'dup' is a host and a group of the inventory; a pattern 'dup' means the group",
    ]);
  });
});

test.each([
  ...[
    'hostname',
    'fqdn',
    'os_family',
    'user_id',
    'user_dir',
    'default_ipv4',
    'env',
    'lsb',
    'dns',
    'service_mgr',
    'kernel',
  ],
  ...[
    'machine',
    'system',
    'mounts',
    'interfaces',
    'python',
    'pkg_mgr',
    'network_os',
    'winrm_transport',
    'su_prompt_l10n',
  ],
])('ansible_%s, which is a fact or a variable of Ansible, is no mistype', (name) => {
  expect(meantVariable(`ansible_${name}`)).toBeUndefined();
});

describe('values for the variables of a play', () => {
  const site = play({ name: 'P', vars: { memory: 1, bridge: 'br0' }, tasks: () => [] });

  test.each([
    ['memory="{{ base }}"', 'memory holds a template ({{ base }}), which only Ansible fills in'],
    ['memory="[1, 2]"', 'memory is a list, and a variable of a play is a text'],
    [`bridge="{'a':1}"`, 'bridge is a mapping'],
    ['bridge=None', 'bridge is nothing (null)'],
  ])('%s is refused', async (line, words) => {
    const inventory = await load(`web1 ${line}\n`);
    const { message } = await failure(() => refuseProblems([...inventory.hosts.values()], site));
    expect(message).toContain(words);
  });

  test('that are probably mistyped are named', async () => {
    const inventory = await load('web1 memroy=5 bridges=x rack=4 memories_of=1\nweb2 memory=5 memroy=6\n');
    expect(likelyMistypes([site], inventory)).toEqual([
      "the inventory's 'memroy' (of web1) is no variable of the site; did you mean 'memory'?",
      "the inventory's 'bridges' (of web1) is no variable of the site; did you mean 'bridge'?",
    ]);
  });
});

describe('which form a file has', () => {
  const yaml = 'all:\n  hosts:\n    web1: {memory: 5}\n';

  test.each([
    ['hosts.yml', yaml],
    ['hosts.yaml', yaml],
    ['hosts', yaml],
    ['hosts.ini', `# a comment\n\n${yaml}`],
    ['hosts', `---\n${yaml}`],
    ['hosts', `\ufeff${yaml}`],
    ['hosts', '"all": {"hosts": {"web1": {"memory": 5}}}\n'],
    ['hosts.json', '{"all": {"hosts": {"web1": {"memory": 5}}}}'],
    ['hosts.json', '{"all": {"hosts": ["web1"]}, "_meta": {"hostvars": {"web1": {"memory": 5}}}}'],
    ['hosts', 'web1 memory=5\n'],
    ['hosts', '[all]\nweb1 memory=5\n'],
  ])('%s: %j', async (name, text) => {
    expect(values(await load(text, name), 'web1')).toEqual({ memory: 5 });
  });

  test('is a program only where it begins like one and may be executed', async () => {
    const root = tree({ hosts: 'web1 memory=5\n', program: '#!/bin/sh\necho \'{"web": ["web2"]}\'\n' });
    chmodSync(join(root, 'hosts'), 0o755);
    expect(names(await loadInventory(join(root, 'hosts')))).toEqual(['web1']);
    expect(names(await loadInventory(join(root, 'program')))).toEqual(['web2']);
    chmodSync(join(root, 'program'), 0o644);
    expect((await failure(() => loadInventory(join(root, 'program')))).message).toContain('chmod u+x');
  });

  test('a program that says nothing of hosts is asked for each', async () => {
    const script = `#!/bin/sh\n[ "$1" = --list ] && echo '{"web": ["web1", "web2"]}' || echo "{\\"me\\": \\"$2\\"}"\n`;
    const inventory = await load(script);
    expect([values(inventory, 'web1'), values(inventory, 'web2')]).toEqual([{ me: 'web1' }, { me: 'web2' }]);
  });
});

describe('what is refused', () => {
  test.each([
    ['[web:children]\ndb\n[other]\nx\n', 'hosts', "[web:children] names the group 'db', and no section [db] is there"],
    ['[web:children]\nohter\n[other]\nx\n', 'hosts', "did you mean 'other'?"],
    ['[web:vars]\na=1\n', 'hosts', "[web:vars] is about the group 'web', and no section [web] is there"],
    ['$ANSIBLE_VAULT;1.1;AES256\n6162\n', 'hosts', 'is encrypted by Ansible Vault'],
    [
      'all:\n  vars:\n    a: !vault |\n      $ANSIBLE_VAULT;1.1;AES256\n      6162\n',
      'h.yml',
      'a value is encrypted by Ansible Vault',
    ],
    ['- name: P\n  hosts: all\n  tasks: []\n', 'site.yml', 'holds a list, as a playbook does'],
    ['# plays\n- import_playbook: x.yml\n', 'hosts', 'holds a list, as a playbook does'],
    ['export default 1;\n', 'site.ts', 'a site is named without -i: npx kvm-play '],
    ['all:\n  hsots:\n    web1:\n', 'h.yml', "'hsots' is no part of a group; did you mean 'hosts'?"],
    ['all:\n  hosts:\n    - web1\n', 'h.yml', 'is a list, and must be a mapping'],
    ['all:\n  hosts:\n    web1: 5\n', 'h.yml', 'all.hosts.web1 must be an object'],
    ['all:\n  hosts: {web1: }\n  hosts: {web2: }\n', 'h.yml', 'it is no YAML that can be read'],
    ['all: {hosts: {a: {x: !ruby/object {}}}}\n', 'h.yml', 'it is no YAML that can be read'],
    ['all:\n\thosts:\n', 'h.yml', 'it is no YAML that can be read'],
    [
      'plugin: amazon.aws.aws_ec2\nregions: []\n',
      'h.yml',
      "inventory plugin 'amazon.aws.aws_ec2', which only Ansible can run",
    ],
    ['', 'h.yml', 'is empty'],
    ['[all.hosts]\nx = 1\n', 'h.toml', 'is TOML'],
    ['{"web": {"hots": []}}', 'h.json', "'hots' is no part of a group"],
    ['{"web": ["-oProxyCommand=x"]}', 'h.json', 'cannot be the name of a host'],
    ['{"web": ["../../etc/passwd"]}', 'h.json', 'cannot be the name of a host'],
    ['all: {children: {"../x": }}\n', 'h.yml', 'cannot be the name'],
    ['[web]\nx\n[web:vars]\nansible_group_priority=high\n', 'hosts', 'ansible_group_priority is a whole number'],
    [
      `a: &a [x,x]\n${'bcdefghij'
        .split('')
        .map((name, at) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghij'[at]}`)}]`)
        .join('\n')}\n`,
      'h.yml',
      'cannot be read',
    ],
  ])('%j', async (text, name, words) => {
    expect((await failure(() => load(text, name))).message).toContain(words);
  });

  test('the line of it is named', async () => {
    const { context } = await failure(() => load('all:\n  hosts:\n    a: {x: 1, x: 2}\n', 'h.yml'));
    expect(context.location).toMatchObject({ line: 3, file: expect.stringMatching(/h\.yml$/) });
  });

  test('a file or a directory that every user of this machine can write to', async () => {
    const root = tree({
      'a/hosts': 'web1\n',
      'b/hosts': 'web1\n',
      'b/group_vars/all.yml': 'x: 1\n',
      'c/d/hosts': 'web1\n',
    });
    chmodSync(join(root, 'a/hosts'), 0o666);
    expect((await failure(() => loadInventory(join(root, 'a/hosts')))).message).toContain(
      `chmod o-w ${join(root, 'a/hosts')}`,
    );
    chmodSync(join(root, 'b/group_vars'), 0o777);
    expect((await failure(() => loadInventory(join(root, 'b/hosts')))).message).toContain(
      `the directory ${join(root, 'b/group_vars')}, in which`,
    );
    chmodSync(join(root, 'c'), 0o777);
    expect((await failure(() => loadInventory(join(root, 'c/d/hosts')))).message).toContain(
      `chmod o-w ${join(root, 'c')}`,
    );
    symlinkSync(join(root, 'c/d/hosts'), join(root, 'link'));
    expect((await failure(() => loadInventory(join(root, 'link')))).message).toContain('every user of this machine');
    // As /tmp is: others cannot replace what is ours.
    chmodSync(join(root, 'c'), 0o1777);
    expect(names(await loadInventory(join(root, 'c/d/hosts')))).toEqual(['web1']);
  });
});

test('group_vars and host_vars beside the site win over those beside the inventory', async () => {
  const root = tree({
    'inv/hosts': '[web]\nweb1\n',
    'inv/group_vars/web.yml': 'a: inventory\nb: inventory\n',
    'inv/host_vars/web1.yml': 'c: inventory\n',
    'site/group_vars/web.yml': 'b: site\nc: site\n',
    'site/site.ts': '',
  });
  const inventory = await loadInventory(join(root, 'inv/hosts'), { site: join(root, 'site/site.ts') });
  expect(values(inventory, 'web1')).toEqual({ a: 'inventory', b: 'site', c: 'inventory' });
});

test('names of JavaScript are names like others', async () => {
  const inventory = await load('__proto__ x=1\nconstructor y=2\n[toString]\nz1\n[toString:vars]\n__proto__=3\n');
  expect(names(inventory)).toEqual(expect.arrayContaining(['__proto__', 'constructor', 'z1']));
  expect([values(inventory, '__proto__'), values(inventory, 'constructor')]).toEqual([{ x: 1 }, { y: 2 }]);
});

test.each([
  ['1,2', [1, 2]],
  ["{'a': (1,), 'b': {3}}", { a: [1], b: [3] }],
  ["'it\\'s' \"x\"", "it'sx"],
  ['9007199254740993', '9007199254740993'],
  [`${'['.repeat(60)}${']'.repeat(60)}`, `${'['.repeat(60)}${']'.repeat(60)}`],
  ['--5', '--5'],
])('%s is read as Python does', (text, value) => {
  expect(pythonLiteral(text)).toEqual(value);
});

test('an inventory without a name is refused', async () => {
  await expect(loadInventory('')).rejects.toThrow('the name of an inventory is empty');
});
