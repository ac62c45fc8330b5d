import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from '@jest/globals';
import { shellProgram } from '../../lib/process/package_files.ts';
import { root } from '../support/built.ts';
import { shells } from '../support/shells.ts';

/** All shell programs of the project. Those that systems of hosts bring along are no programs of ours. */
const programs = ['lib', 'modules', 'playbooks', 'test'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((found) => found.isFile() && found.name.endsWith('.sh'))
    .map((found) => relative(root, join(found.parentPath, found.name))),
);

/** A program is put together from several files, which share variables: one assigns what another one uses. */
const shared = ['SC2154', 'SC2034'];

test('shellcheck finds nothing in the shell programs', () => {
  expect(programs).toContain('lib/hosts/session/session.sh');
  expect(programs).toContain('lib/network_change/on_host/program.sh');
  const { error, stdout } = spawnSync('shellcheck', ['--format=gcc', `--exclude=${shared.join()}`, ...programs], {
    cwd: root,
    encoding: 'utf8',
  });
  if (error !== undefined && process.env.KVM_PLAY_LAB !== 'required') {
    console.warn(`shellcheck is not checked with: ${error.message}; install the Debian package shellcheck`);
    return;
  }
  expect(error).toBeUndefined();
  expect(stdout).toBe('');
});

test.each(shells.map((shell) => [shell.join(' '), shell] as const))(
  '%s can read every shell program',
  (_name, [file, ...args]) => {
    for (const path of programs) {
      execFileSync(file, [...args, '-n'], { input: shellProgram(path), stdio: ['pipe', 'ignore', 'pipe'] });
    }
  },
);
