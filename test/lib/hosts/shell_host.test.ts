import { expect, test } from '@jest/globals';
import { CommandError } from '../../../lib/errors.ts';
import { ShellHost } from '../../../lib/hosts/shell_host.ts';
import { command } from '../../../lib/task/step.ts';
import { localUser } from '../../support/local_user.ts';

test('a failure tells the end of what a command printed, and no more than can be read', async () => {
  const user = localUser();
  const host = new ShellHost(user.reach());
  const script = 'head -c 3000000 /dev/zero | tr "\\0" x >&2; echo the reason >&2; exit 3';
  const error: unknown = await host.execute(command(['sh', '-c', script])).catch((reason: unknown) => reason);
  await host.close();
  user.remove();
  expect(error).toBeInstanceOf(CommandError);
  const message = error instanceof Error ? error.message : '';
  expect(message).toMatch(/failed with exit code 3: … x+the reason$/);
  expect(message.length).toBeLessThan(4500);
});

test('a query for a text gives what was printed, trimmed; a failure names the command and has the end of its standard error', async () => {
  const user = localUser();
  const host = new ShellHost(user.reach());
  expect(await host.reader.text(['printf', ' kvm1 \\n\\n'])).toBe('kvm1');
  const error: unknown = await host.reader
    .text(['sh', '-c', 'echo no; echo lost >&2; exit 7'])
    .catch((reason: unknown) => reason);
  await host.close();
  user.remove();
  expect(error).toBeInstanceOf(CommandError);
  expect(error).toMatchObject({
    message: "sh -c 'echo no; echo lost >&2; exit 7' failed with exit code 7: lost",
    failure: { exitCode: 7, stderr: 'lost' },
  });
});
