import { readFileSync } from 'node:fs';
import type { CommandStep } from '../../../lib/task/step.ts';
import { FakeHost } from '../../../lib/testing/index.ts';
import { type BridgeArgs, bridge } from '../../../modules/bridge.ts';
import { loadIfupdown } from '../../../modules/network/ifupdown/load.ts';
import { readLiveBridge } from '../../../modules/network/live.ts';

/** Hosts of ifupdown in memory, and what is done to them. */

export const mac = '52:54:00:aa:00:01';
export const main = '/etc/network/interfaces';

/** What a command printed in a capture. */
export function printed(name: string, command: string): string {
  const text = readFileSync(new URL(`../captures/network/${name}.txt`, import.meta.url), 'utf8');
  const [, after = ''] = text.split(`$ ${command}\n`);
  return after.split(/^\$ /m)[0] ?? '';
}

export const before = printed('ifupdown-before', `cat ${main}`);
export const after = printed('ifupdown-after', `cat ${main}`);
export const lease = 'default-duid "\\000\\001\\000\\0012\\233H\\341RT\\000\\252\\000S";\n';

export interface Given {
  readonly text?: string;
  readonly more?: Readonly<Record<string, string>>;
  /** The links that ifupdown has brought up. */
  readonly up?: readonly string[];
  readonly tools?: readonly string[];
  /** True where ens33 is a port of br0. */
  readonly isBridged?: boolean;
  /** What `ip -o -4 address show` prints. */
  readonly addresses?: string;
}

export const bridgedFiles = {
  '/sys/class/net/br0/bridge/stp_state': '0\n',
  '/sys/class/net/br0/brif/ens33/state': '3\n',
  '/sys/class/net/ens34/address': '52:54:00:aa:00:02\n',
};

export function host({
  text = before,
  more = {},
  isBridged = false,
  up = ['lo', isBridged ? 'br0' : 'ens33'],
  tools = ['brctl'],
  addresses = '',
}: Given = {}): FakeHost {
  return new FakeHost({
    files: {
      '/sys/class/net/lo/address': '',
      '/sys/class/net/ens33/address': `${mac}\n`,
      '/run/network/ifstate': up.map((link) => `${link}=${link}\n`).join(''),
      [main]: text,
      ...(isBridged && bridgedFiles),
      ...more,
    },
    commands: {
      'cat /sys/class/net/ens33/address': { stdout: `${mac}\n` },
      ...(more['/sys/class/net/ens34/address'] && {
        'cat /sys/class/net/ens34/address': { stdout: more['/sys/class/net/ens34/address'] },
      }),
      'cat /sys/class/net/br0/address': { stdout: isBridged ? `${mac}\n` : '' },
      'ip -o -4 address show': { stdout: addresses },
      // Nothing was written since the bridge was brought up.
      [`find ${main} -newer /run/network/ifstate.br0`]: { stdout: '' },
    },
    answer: ([program, ...words]) => {
      const isAsked = program === 'grep' && words.some((word) => word.endsWith('/br0/flags'));
      return isAsked && isBridged ? { stdout: '/sys/class/net/br0/flags:0x1003\n' } : { exitCode: 1 };
    },
    tools,
  });
}

export const later = { loadedLater: true } as const;
export const check = (on: FakeHost, args: Partial<BridgeArgs> = {}) =>
  bridge.check(on, { name: 'br0', port: 'ens33', ...args, ...later });
export const apply = (on: FakeHost, args: Partial<BridgeArgs> = {}) =>
  bridge.apply(on, { name: 'br0', port: 'ens33', ...args, ...later });

export const load = async (on: FakeHost, args: Partial<BridgeArgs> = {}): Promise<readonly CommandStep[]> => {
  const { desired } = bridge({ name: 'br0', port: 'ens33', ...args, ...later });
  return loadIfupdown(on.reader, [{ desired, live: await readLiveBridge(on.reader, 'br0', ['ens33']) }]);
};

/** A host whose bridge is written and in force. */
export async function bridged(args: Partial<BridgeArgs> = {}): Promise<FakeHost> {
  const on = host();
  await apply(on, args);
  return host({ text: on.files.get(main) ?? '', isBridged: true });
}
