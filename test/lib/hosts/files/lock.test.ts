import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { LockedError } from '../../../../lib/errors.ts';
import type { LocalTransport } from '../../../../lib/hosts/local.ts';
import { ShellHost } from '../../../../lib/hosts/shell_host.ts';
import { command, makeDirectory, removeFile, type Step, writeFile } from '../../../../lib/task/step.ts';
import { type LocalUser, localUser } from '../../../support/local_user.ts';
import { shells } from '../../../support/shells.ts';

/** Field 22 of a process's stat: when it was started. */
function startOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

describe.each(shells.map((shell) => shell.join(' ')))('the lock of a host with %s', (sh) => {
  let user: LocalUser;
  const opened: LocalTransport[] = [];
  beforeEach(() => {
    user = localUser();
  });
  afterEach(async () => {
    for (const transport of opened.splice(0)) await transport.close();
    user.remove();
  });

  const run = (): string => join(user.home, '.local/state/kvm-play/run');
  const holder = (): string => readFileSync(join(run(), 'lock'), 'utf8').split('\n')[0] ?? '';

  function reach(): ShellHost {
    const transport = user.reach({}, sh);
    opened.push(transport);
    return new ShellHost(transport);
  }

  /** As if the run that holds the lock had given no sign of life for long. */
  function expire(): void {
    writeFileSync(join(run(), `alive.${holder()}`), '0\n');
  }

  test('is in nobody’s reach but its user’s, as is the journal of detached steps', async () => {
    const host = reach();
    await host.lock();
    const made = join(user.home, 'made');
    expect(await host.executeDetached([command(['touch', made])])).toEqual([]);
    expect([existsSync(made), readdirSync(join(run(), 'steps'))]).toEqual([true, []]);
    expect((statSync(run()).mode & 0o777).toString(8)).toBe('700');
    await host.close();
    for (const [place, mode] of [
      [join(user.home, '.local'), 0o777],
      [user.home, 0o770],
    ] as const) {
      chmodSync(place, mode);
      await expect(reach().lock()).rejects.toThrow(/others can write to it/);
      chmodSync(place, 0o700);
    }
  });

  test('is given back though the request that took it had no answer', async () => {
    const host = reach();
    const flood = command(['sh', '-c', 'yes | head -c 100000000']);
    await expect(host.executeTogether([flood])).rejects.toThrow('it printed more than 64 MiB');
    expect(existsSync(join(run(), 'lock'))).toBe(true);
    await host.close();
    expect(existsSync(join(run(), 'lock'))).toBe(false);
    await reach().lock();
  });

  test('says so where its user has no home', async () => {
    rmSync(user.home, { recursive: true });
    await expect(reach().lock()).rejects.toThrow(/has no home directory, in which kvm-play keeps its lock/);
  });

  test('is noticed to be lost by each kind of step, and none of them is taken', async () => {
    const [stopped, other] = [reach(), reach()];
    const [kept, gone] = [join(user.home, 'kept'), join(user.home, 'gone')];
    await stopped.executeTogether([writeFile(kept, 'old\n')], { line: 'the first' });
    await expect(other.lock()).rejects.toThrow(/another run holds this host's lock: .*process \d+, since 2/);
    expire();
    await other.lock();
    const steps: readonly Step[] = [
      writeFile(kept, 'new\n'),
      writeFile(gone, 'x'.repeat(200_000)),
      makeDirectory(gone),
      removeFile(kept),
      command(['touch', gone]),
      command(['touch', gone], { judgedBy: 'state' }),
      command(['sh', '-c', 'cat > "$1"', 'sh', gone], { stdin: 'x' }),
    ];
    const lost = /^this run has lost the host's lock: .* process \d+, holds it since 2/;
    for (const step of steps) {
      await expect(stopped.execute(step)).rejects.toThrow(lost);
      await expect(stopped.executeTogether([step, ...steps], { line: 'no' })).rejects.toThrow(LockedError);
    }
    expect([readFileSync(kept, 'utf8'), existsSync(gone)]).toEqual(['old\n', false]);
    await other.execute(command(['touch', gone]));
    expect(existsSync(gone)).toBe(true);
    await stopped.close();
    expect(holder()).not.toBe('');
    await other.close();
  });

  test('whose directory is gone after a reboot of the host is taken once more by the next step', async () => {
    const host = reach();
    await host.lock();
    const held = holder();
    rmSync(run(), { recursive: true });
    await host.execute(writeFile(join(user.home, 'after'), 'x'));
    expect([existsSync(join(user.home, 'after')), holder()]).toEqual([true, held]);
    await expect(reach().lock()).rejects.toThrow(/another run holds this host's lock/);
  });

  test('that nobody holds any more is lost too', async () => {
    const stopped = reach();
    await stopped.lock();
    const other = reach();
    expire();
    await other.lock();
    await other.close();
    await expect(stopped.execute(command(['touch', join(user.home, 'gone')]))).rejects.toThrow(
      /has lost the host's lock/,
    );
    expect(existsSync(join(user.home, 'gone'))).toBe(false);
  });

  test('stays with a run whose step is under way, and not with one whose step left only its number', async () => {
    const first = reach();
    await first.lock();
    const note = join(run(), `step.${holder()}`);
    expire();
    writeFileSync(note, `${process.pid} ${startOf(process.pid)}\n`);
    const second = reach();
    await expect(second.lock()).rejects.toThrow(LockedError);
    writeFileSync(note, `${process.pid} ${Number(startOf(process.pid)) - 1}\n`);
    await second.lock();
    expect(existsSync(note)).toBe(false);
    await second.close();
  });

  test('leaves nothing behind when it is given back', async () => {
    const host = reach();
    await host.executeTogether([command(['true'])], { line: 'a line' });
    await host.close();
    expect(readdirSync(run())).toEqual([]);
  });
});
