import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalTransport } from '../../lib/hosts/local.ts';
import type { Shell } from './shells.ts';

/** The number of `nobody`. */
const nobody = 65534;

/** A user of this machine without any rights, with a home of its own, where nothing is that others look at. */
export interface LocalUser {
  readonly home: string;
  /** Reaches this machine as that user. @param environment what the login exports @param sh the shell that runs the scripts */
  reach(environment?: Readonly<Record<string, string>>, sh?: string): LocalTransport;
  /** Reaches this machine through a login that runs a script of bash first. */
  login(script: string, sh?: string): LocalTransport;
  /** Takes the home away. */
  remove(): void;
}

/** Makes a home for a user without rights: whoever runs the tests, where that is not root. */
export function localUser(): LocalUser {
  const home = mkdtempSync(join(tmpdir(), 'kvm-play-user-'));
  const isRoot = process.getuid?.() === 0;
  if (isRoot) chownSync(home, nobody, nobody);
  const rights = ['--clear-groups', '--bounding-set=-all'];
  const become = isRoot ? ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, ...rights] : [];
  return {
    home,
    reach: (environment = {}, sh = 'sh') => {
      const variables = Object.entries({ HOME: home, ...environment }).map(([name, value]) => `${name}=${value}`);
      const shell: Shell = ['env', ...variables, ...become, 'sh'];
      return new LocalTransport('localhost', { become: false, shell, sh });
    },
    login: (script, sh = 'sh') => {
      const shell: Shell = ['env', `HOME=${home}`, ...become, 'bash', '-c', `${script}\nexec sh "$@"`, 'bash'];
      return new LocalTransport('localhost', { become: false, shell, sh });
    },
    remove: () => {
      if (existsSync(home)) chmodSync(home, 0o700);
      rmSync(home, { recursive: true, force: true });
    },
  };
}
