import { posix } from 'node:path';
import * as v from 'valibot';
import type { ReadonlyHost } from '../../lib/task/readonly_host.ts';
import { Secret } from '../../lib/task/secret.ts';
import type { Missing } from '../../lib/task/task.ts';
import { missingTool } from './packages.ts';

/** Exit statuses by which a shell and timeout(1) say that there is no such command, or that it cannot be run. */
export const notRun: readonly number[] = [126, 127];

/** Schema of an argument vector. @param what names it in the message, e.g. `argv` */
export function argvSchema(what: string): v.GenericSchema<readonly string[]> {
  return v.pipe(
    v.array(
      v.pipe(
        v.string(({ input }) =>
          input instanceof Secret
            ? `${what} holds a secret, and every process list would show it; give it to the command by 'stdin', or in a file`
            : `${what} holds ${JSON.stringify(input)}, and an argument is a text`,
        ),
        v.check((argument) => !argument.includes('\0'), 'an argument cannot hold a NUL'),
      ),
      `${what} is a list of arguments, never a line for a shell; for a shell write ['sh', '-c', '…']`,
    ),
    v.check(([command = '']) => command !== '', `${what} is empty, and begins with the command`),
  );
}

/** Names a command in titles: one line. */
export function argvSubject(argv: readonly string[]): string {
  return argv.join(' ').replaceAll(/[\s\p{Cc}]+/gu, ' ');
}

/** Makes the entry for a missing command. A relative path is not looked up: it is only found where the command runs. */
export async function missingCommand(host: ReadonlyHost, [name = '']: readonly string[]): Promise<readonly Missing[]> {
  if (!name.includes('/')) return [(await missingTool(host, name)) ?? []].flat();
  if (!posix.isAbsolute(name) || (await host.which(name)) !== undefined) return [];
  const what = `there is no command ${name} on the host`;
  return [{ key: `file:${name}`, what, remedy: 'put it there, or correct its path' }];
}
