import { once } from 'node:events';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeAll, expect, test } from '@jest/globals';
import { startCommand } from '../support/command.ts';
import { withLab } from './support.ts';

/** Other tests run beside this one, with secrets of their own: this word is in no other. */
const word = `hunter${process.pid}`;
const token = `kp"${word}<2>é&$HOME \\kp`;
/** As it stands in JSON, in XML, in a shell's words, and in part: no encoding may let it through. */
const needles = [`kp"${word}`, `${word}<2>`, `${word}&lt;2`, `kp\\"${word}`, `kp&quot;${word}`, 'HOME \\kp', word];

/** A login that says what it was given, and fails; it takes a while, so that process lists can be looked at. */
const failing = 'sleep 1; read -r it; echo "cannot log in with $it" >&2; echo "$it"; exit 3';

const site = (host: string): string => `import { play, secret } from 'kvm-play';
import { command, file } from 'kvm-play/modules';

const token = secret.env('KP_TOKEN');

export default play({
  name: 'Secrets',
  hosts: ['${host}'],
  vars: { user: 'first', replaced: false, fails: false },
  tasks: ({ user, replaced, fails }) => [
    file({ path: '/etc/kp-app.conf', content: replaced ? 'plain\\n' : secret.text\`user=\${user}\\npassword=\${token}\\n\` }),
    file({ path: '/etc/kp-token', content: token, mode: '0640', ...(replaced && { content: undefined, mode: undefined, state: 'absent' }) }),
    command('Log in', { argv: ['sh', '-c', 'sleep 1; cat > /dev/null; echo in >> /run/kp-in'], stdin: secret.text\`\${token}\\n\` }),
    ...(fails ? [command('Fail', { argv: ['sh', '-c', ${JSON.stringify(failing)}], stdin: token })] : []),
  ],
});
`;

withLab('one secret', (machine) => {
  let directory: string;
  const output: string[] = [];
  /** What the process lists of both machines showed, by command line; the host's processes are seen from here, too. */
  const commandLines = new Set<string>();
  const exposed = new Set<string>();

  beforeAll(async () => {
    directory = machine.directory;
    mkdirSync(join(directory, 'cache'), { mode: 0o700 });
    writeFileSync(join(directory, 'site.ts'), site(machine.login));
    // An enum takes the way through jiti and its cache.
    writeFileSync(join(directory, 'jiti.ts'), `enum Never { No }\nvoid Never.No;\n${site(machine.login)}`);
    // What is replaced by a secret may be an older one.
    await machine.lab.putFile('/etc/kp-app.conf', `old ${token}\n`);
  });

  /**
   * Looks at every process once.
   * @param own the command itself, to which the variable was given; what it is about to start looks the same for a moment
   */
  function lookAtProcesses(own: number | undefined): void {
    const part = (pid: number | string, name: string): string => {
      try {
        return readFileSync(`/proc/${pid}/${name}`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    };
    const ownLine = own === undefined ? '' : part(own, 'cmdline');
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const line = part(pid, 'cmdline');
      commandLines.add(line);
      const isOwn = Number(pid) === own || line === ownLine;
      if (`${line}${isOwn ? '' : part(pid, 'environ')}`.includes(word)) exposed.add(`${pid}: ${line}`);
    }
  }

  /** Runs the command while all process lists are looked at. */
  async function run(...args: readonly string[]): Promise<number | null> {
    const child = startCommand([...args, '--ssh-config', machine.lab.sshConfig], {
      cwd: directory,
      env: { KP_TOKEN: token, XDG_CACHE_HOME: join(directory, 'cache') },
    });
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => output.push(String(text)));
    const closed = once(child, 'close');
    while (child.exitCode === null && child.signalCode === null) {
      lookAtProcesses(child.pid);
      await nextTurn();
    }
    await closed;
    return child.exitCode;
  }

  const loud = ['-vvv', '--diff'];

  test('reaches the host, and is changed, replaced and removed there', async () => {
    expect(await run('--check', 'site.ts', '--json', '--junit', 'check.xml')).toBe(0);
    expect(await run('site.ts', ...loud, '--junit', 'apply.xml')).toBe(0);
    const written = async (): Promise<string> =>
      (
        await machine.lab.run([
          'sh',
          '-c',
          'cat /etc/kp-app.conf /etc/kp-token; stat -c %a /etc/kp-app.conf /etc/kp-token',
        ])
      ).stdout;
    expect(await written()).toBe(`user=first\npassword=${token}\n${token}600\n640`);
    expect(await run('jiti.ts', '-e', 'user=second', '--json')).toBe(0);
    expect(await written()).toBe(`user=second\npassword=${token}\n${token}600\n640`);
    expect(await run('--check', 'site.ts', ...loud, '-e', 'user=third')).toBe(0);
    expect(await run('site.ts', '--json', '-e', 'user=second', '-e', 'fails=true', '--junit', 'failed.xml')).toBe(2);
    expect(await run('site.ts', ...loud, '-e', 'user=second', '-e', 'fails=true')).toBe(2);
    expect(await run('--check', 'site.ts', ...loud, '-e', 'replaced=true')).toBe(0);
    expect(await run('site.ts', '--json', '-e', 'replaced=true')).toBe(0);
    expect(
      (await machine.lab.run(['sh', '-c', 'cat /etc/kp-app.conf; ls /etc/kp-token; true'], { reject: false })).stdout,
    ).toBe('plain');
    // So that the search finds what is there.
    expect(await run('site.ts')).toBe(0);
  });

  test('is in nothing that the command shows or leaves here', () => {
    const shown = output.join('');
    for (const needle of needles) expect(shown).not.toContain(needle);
    expect(shown).toMatch(/cannot log in with \*\*\*/);
    expect(shown).toContain('(secret)');
    const sockets = `/tmp/kvm-play-${userInfo().uid}`;
    cpSync(sockets, join(directory, 'sockets'), { recursive: true, filter: (path) => !/-[0-9a-f]{40}/.test(path) });
    const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((found) => found.isFile());
    expect(files.map(({ name }) => name)).toEqual(expect.arrayContaining(['check.xml', 'apply.xml', 'failed.xml']));
    expect(files.filter(({ parentPath }) => parentPath.includes('/cache/')).length).toBeGreaterThan(0);
    const holding = files.filter((found) => readFileSync(join(found.parentPath, found.name)).includes(`${word}<2>`));
    expect(holding.map(({ name }) => name)).toEqual([]);
  });

  test('is in no process list of either machine', () => {
    expect([...exposed]).toEqual([]);
    // Both machines were looked at: what runs here, and what runs on the host.
    const lines = [...commandLines];
    expect(lines.some((line) => line.startsWith('ssh ') && line.includes(machine.lab.sshConfig))).toBe(true);
    expect(lines.some((line) => line.includes('sh -c sleep 1; cat > /dev/null'))).toBe(true);
  });

  test('is nowhere on the host but in its files', async () => {
    const search = 'grep -rlaF -f - --exclude-dir=proc --exclude-dir=sys --exclude-dir=dev / 2>/dev/null; true';
    const { stdout } = await machine.lab.run(['sh', '-c', search], { input: `${word}<2>` });
    expect(stdout.split('\n').sort()).toEqual(['/etc/kp-app.conf', '/etc/kp-token']);
    const journal = await machine.lab.run(['journalctl', '--no-pager', '--output=export']);
    expect(journal.stdout).toContain('kvm-play');
    expect(journal.stdout).not.toContain(word);
    const left = await machine.lab.run(['sh', '-c', 'find /var/lib/kvm-play -path "*kp*"']);
    expect(left.stdout.split('\n').sort()).toEqual([
      '/var/lib/kvm-play/secret/%2Fetc%2Fkp-app.conf',
      '/var/lib/kvm-play/secret/%2Fetc%2Fkp-token',
    ]);
  });
});
