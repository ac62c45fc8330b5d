import { describe, expect, jest, test } from '@jest/globals';
import { type Rebooting, rebootHost } from '../../../../../lib/cli/commands/rehearsal/reboot.ts';
import { LabError } from '../../../../../lib/lab/index.ts';

/** A host with guests with autostart, of which some run after the reboot, and what its reboot comes to. */
function host(autostarted: readonly string[], running: readonly string[], reboot: () => Promise<void>): Rebooting {
  return {
    hostAddress: '192.168.221.150',
    reboot,
    run: async ([, , script = '']) => ({
      stdout: `${(script.includes('autostart') ? autostarted : running).join('\n')}\n`,
      stderr: '',
      exitCode: 0,
    }),
  };
}

/** Reboots it. @returns the exit code, and what was printed */
async function reboot(lab: Rebooting): Promise<{ code: number; printed: readonly string[] }> {
  const printed: string[] = [];
  const code = await rebootHost(lab, {
    print: (line) => printed.push(line),
    signal: new AbortController().signal,
  });
  return { code, printed };
}

const comesBack = async (): Promise<void> => {};

describe('the reboot of a rehearsal', () => {
  test('says that the host is back, and nothing of guests where none starts with it', async () => {
    expect(await reboot(host([], [], comesBack))).toEqual({
      code: 0,
      printed: ['rebooting the host', 'the host answers at 192.168.221.150 again'],
    });
  });

  test('says which guests with autostart run again', async () => {
    const { code, printed } = await reboot(host(['db', 'web'], ['web', 'other', 'db'], comesBack));
    expect({ code, last: printed.at(-1) }).toEqual({
      code: 0,
      last: 'guests with autostart run again: db, web',
    });
  });

  test('ends with 4 where the host does not come back, in the words of what was waited for', async () => {
    const lost = async (): Promise<void> => {
      throw new LabError(
        'the host has booted, and does not answer at 192.168.221.150 within 60 s: no interface has it',
      );
    };
    expect(await reboot(host(['web'], [], lost))).toEqual({
      code: 4,
      printed: [
        'rebooting the host',
        'the host is lost after the reboot: the host has booted, and does not answer at 192.168.221.150 within 60 s: no interface has it',
      ],
    });
  });

  test('ends with 2 where a guest with autostart does not run in its time', async () => {
    jest.useFakeTimers();
    try {
      const end = reboot(host(['db', 'web'], ['web'], comesBack));
      await jest.advanceTimersByTimeAsync(200_000);
      expect(await end).toMatchObject({
        code: 2,
        printed: [
          'rebooting the host',
          'the host answers at 192.168.221.150 again',
          'guests with autostart do not run 180 s after the reboot: db',
        ],
      });
    } finally {
      jest.useRealTimers();
    }
  });
});
