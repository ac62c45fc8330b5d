import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { imagesQuery } from '../../../modules/libvirt/image_files.ts';
import { processesQuery } from '../../../modules/libvirt/image_users.ts';
import { shells } from '../../support/shells.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kvm-play-images-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe.each(shells.map((shell) => [shell.join(' '), shell] as const))('asked by %s', (_name, [file, ...args]) => {
  const ask = ([, ...query]: readonly string[]): string =>
    execFileSync(file, [...args, ...query], { encoding: 'latin1' });

  test('an image shows the beginning of what it may stand on, and everything else only what it is', () => {
    const at = (name: string): string => join(directory, name);
    writeFileSync(at('top.qcow2'), Buffer.from([0x51, 0x46, 0x49, 0xfb, 1, 2, 3]));
    writeFileSync(at('.flat.raw'), 'plain');
    symlinkSync('top.qcow2', at('link'));
    const id = (name: string): string => `regular file|${statSync(at(name)).dev}:${statSync(at(name)).ino}|0:0`;
    const top = `\0${id('top.qcow2')}\0${at('top.qcow2')}\n\0 51 46 49 fb 01 02 03\n\0`;
    const flat = `${at('.flat.raw')}\0${id('.flat.raw')}\0\0\0`;
    expect(ask(imagesQuery('in', [directory]))).toBe(`${at('link')}${top}${at('top.qcow2')}${top}${flat}`);
    expect(ask(imagesQuery('at', [at('link'), at('none'), '/']))).toMatch(
      /^[^\0]*link\0.*\0\/\0directory\|[^\0]*\0\0\0$/s,
    );
  });

  test('a file shows who has it open', () => {
    const path = join(directory, 'open');
    const descriptor = openSync(path, 'w');
    expect(ask(processesQuery(path)).split('\n')).toContainEqual(expect.stringMatching(`^${process.pid} `));
    closeSync(descriptor);
    expect(ask(processesQuery(path))).toBe('');
  });
});
