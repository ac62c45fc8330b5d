import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { namespacePath } from '../../lib/lab/layout.ts';
import { root, staleSource } from '../support/built.ts';
import { textOf } from '../support/pages.ts';
import { type TypedEnd, TypingPerson } from '../support/typing.ts';
import { until } from '../support/until.ts';
import { withLab } from './support.ts';

/** A piece of code of the page: commands, a file of the site, or what is printed. */
interface Piece {
  readonly language: string;
  readonly code: string;
}

const page = 'docs/first_host.md';
/** The page's code, by heading. */
const sections = new Map(
  textOf(page)
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const heading = section.slice(0, section.indexOf('\n'));
      const code = [...section.matchAll(/^```(\w+)\n(.*?)^```/gms)];
      return [heading, code.map(([, language = '', text = '']): Piece => ({ language, code: text }))] as const;
    }),
);

/** What is done in another way than the page says: the package is packed as it was built, without downloading the tools that build it. */
const replaced: ReadonlyMap<string, string> = new Map([
  ['npm ci', 'true'],
  ['npm pack', `(cd ${root} && npm pack --ignore-scripts --pack-destination "$OLDPWD")`],
  // Guests of a throwaway host may have no KVM. Nothing is in the guest's image, so it comes to rest at once.
  ['npx kvm-play --ask-become-pass guest.ts', 'npx kvm-play --ask-become-pass -e virtType=qemu guest.ts'],
  [
    'npx kvm-play --check --ask-become-pass guest.ts',
    'npx kvm-play --check --ask-become-pass -e virtType=qemu guest.ts',
  ],
]);

const password = 'correct horse';

withLab(
  page,
  (machine) => {
    let person: TypingPerson;
    let within: readonly string[];
    const at = (name: string): string => join(machine.directory, name);
    const files = (): Promise<string> =>
      machine.inside('cd /etc/systemd/network; for f in *; do echo "== $f"; cat "$f"; done');

    beforeAll(async () => {
      const stale = staleSource();
      if (stale !== undefined) throw new Error(`${stale} is newer than dist: npm run build`);
      await machine.inside('useradd -m -s /bin/bash ops; chpasswd', `ops:${password}\n`);
      await machine.inside('cat > /etc/sudoers.d/ops; chmod 440 /etc/sudoers.d/ops', 'ops ALL=(ALL:ALL) ALL\n');
      for (const name of ['terminal', 'home', 'home/.ssh', 'begin', 'begin/kvm-play'])
        mkdirSync(at(name), { mode: 0o700 });
      person = new TypingPerson(at('terminal'), at('begin'), [
        [/\(yes\/no\/\[fingerprint\]\)\? $/, 'yes'],
        [/passphrase.*: $/, ''],
        [/[Pp]assword(?: for \w+)?: $/, password],
      ]);
      // The reader's machine: on the host's LAN, where the host's name is known, with a home that has nothing in it.
      const home = at('home');
      const passwd = readFileSync('/etc/passwd', 'utf8').replace(/^(root:.*):[^:]*:([^:]*)$/m, `$1:${home}:$2`);
      writeFileSync(at('passwd'), passwd);
      writeFileSync(at('hosts'), `127.0.0.1 localhost\n${machine.lab.hostAddress} kvm1.example.org\n`);
      const enter = `mount --bind ${at('passwd')} /etc/passwd; mount --bind ${at('hosts')} /etc/hosts; export HOME=${home}; exec "$@"`;
      within = [
        'nsenter',
        `--net=${namespacePath(machine.lab.lanNamespace)}`,
        'unshare',
        '--mount',
        'sh',
        '-c',
        enter,
        'sh',
      ];
    });

    /** Types commands; only npm needs what is not on the LAN. */
    function type(commands: string, closeWhen?: RegExp): Promise<TypedEnd> {
      const typed = commands
        .split('\n')
        .map((line) => replaced.get(line) ?? line)
        .join('\n');
      return person.type(typed, /^npm /m.test(commands) ? [] : within, closeWhen);
    }

    const piecesOf = (heading: string, language: string): readonly string[] =>
      (sections.get(heading) ?? []).filter((piece) => piece.language === language).map(({ code }) => code);

    /** Does what a section says, and requires that it prints what the page shows. */
    async function follow(heading: string): Promise<void> {
      const pieces = sections.get(heading) ?? [];
      let output = '';
      for (const { language, code } of pieces) {
        if (language === 'ts') {
          const [, name = ''] = /^\/\/ (\S+\.ts)\n/.exec(code) ?? [];
          writeFileSync(at(`begin/kvm-hosts/${name}`), code);
        } else if (language === 'sh') {
          const end = await type(code);
          expect({ code, ...end }).toMatchObject({ exitCode: 0 });
          output = end.output;
        } else if (language === 'text') expectShown(code, output);
      }
    }

    function expectShown(shown: string, output: string): void {
      const printed = output.split('\n').map((line) => line.trimEnd());
      for (const line of shown.trimEnd().split('\n')) {
        if (line === '…') continue;
        expect(printed.some((each) => each.includes(line)) ? line : output).toBe(line);
      }
    }

    /** Closes the terminal in the middle of a network change, which is then pending on the host. */
    async function closeTerminal(): Promise<void> {
      const [apply = ''] = piecesOf('Apply', 'sh');
      await type(apply, /applying: bridge/);
      await until(async () => (await machine.inside('cat /var/lib/kvm-play/change/current/program | wc -c')) !== '0');
    }

    test.each(['What you need', 'Install', 'A key', 'sudo', 'Which interface?', 'The site', 'Check'])('%s', (heading) =>
      follow(heading),
    );

    test('When the terminal goes silent', async () => {
      const before = await files();
      await closeTerminal();
      await follow('When the terminal goes silent');
      expect(await files()).toBe(before);

      await closeTerminal();
      const [console = ''] = piecesOf('When the terminal goes silent', 'console');
      const [status = '', rollBack = '', ...more] = console.trimEnd().replaceAll(/^# /gm, '').split('\n');
      expect(more).toEqual([]);
      expect(await machine.inside(status)).toMatch(/^left \d+$/m);
      await machine.inside(rollBack);
      expect(await files()).toBe(before);
      expect(await machine.inside('cat /var/lib/kvm-play/change/last/log')).toMatch(/: rolled back$/m);
    });

    test('Apply, look afterwards, and take it back', async () => {
      const before = await files();
      await follow('Apply');
      await follow('Look afterwards');
      await follow('Take it back');
      expect(await files()).toBe(before);
    });

    test('The first guest', async () => {
      writeFileSync(at('begin/kvm-hosts/debian-12-netinst.iso'), '');
      truncateSync(at('begin/kvm-hosts/debian-12-netinst.iso'), 1024 * 1024);
      await follow('The first guest');
      expect(await machine.inside('virsh domiflist web')).toMatch(/^ vnet\d+ +bridge +br0 /m);
    });

    test('no section of the page has commands that are not run above', () => {
      const run = ['What you need', 'Install', 'A key', 'sudo', 'Which interface?', 'The site', 'Check', 'Apply'];
      const later = ['When the terminal goes silent', 'Look afterwards', 'Take it back', 'The first guest'];
      const withCode = [...sections].filter(([, pieces]) => pieces.length > 0).map(([heading]) => heading);
      expect(withCode).toEqual([...run, ...later]);
    });
  },
  { network: 'networkd' },
);
