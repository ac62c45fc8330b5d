import { KvmPlayError } from '../errors.ts';
import type { ReadonlyHost } from '../task/readonly_host.ts';
import type { Missing } from '../task/task.ts';

const remedy = 'add become: true to the task, its block or its play, or give --become';

/** What another user than root lacks for a change that only root can make. */
export function lackOfRoot(user: string): Missing {
  return { key: 'user:root', what: `you are '${user}' on the host, not root`, remedy };
}

/** Words by which tools say that somebody may not do something. */
const denied = /permission denied|not permitted|access denied|authentication|must be root|superuser|not privileged/i;

/** Adds to an error that another user than root ran into what to do about it. */
export async function explainDenied(host: ReadonlyHost, error: unknown): Promise<void> {
  if (!(error instanceof KvmPlayError) || !denied.test(error.message) || error.message.includes(remedy)) return;
  const user = await host.user().catch(() => 'root');
  if (user !== 'root') error.message += `\n${lackOfRoot(user).what}: ${remedy}`;
}
