/** The faults that are injected on hosts of today, one list for every network stack. */
import { expect, test } from '@jest/globals';
import { runController } from './controller_process.ts';
import { describeFaults } from './describe_faults.ts';
import { type Ending, type Fault, type Injection, note } from './fault.ts';
import type { FaultLab } from './fault_lab.ts';
import type { Ground } from './ground.ts';
import {
  both,
  farawayGone,
  farawayThere,
  inside,
  killed,
  linkDown,
  linkDownUntilRolledBack,
  once,
  powerCut,
  slowDisk,
  unwrapped,
  withProbe,
  wrapped,
} from './injections.ts';
import { lostByReboot } from './lists.ts';
import type { SiteOptions } from './site.ts';
import { Watch } from './watch.ts';

/** What differs between hosts of today. */
export interface StackUnderFault {
  /** Its name in the table. */
  readonly title: string;
  readonly ground: Ground;
  /** The directory with the network's files. */
  readonly directory: string;
  /** The file that the module writes for the bridge. */
  readonly bridgeFile: string;
  /** The program that loads: its name, where it is, and a shell pattern of its arguments, joined by blanks, when it does. */
  readonly loader: { readonly name: string; readonly path: string; readonly when: string };
  /** How a run may end where the DHCP server answers 20 s after the bridge was loaded. */
  readonly lateServer: readonly Ending[];
}

const today: SiteOptions = { isToday: true };
const todayWithProbe: SiteOptions = { ...today, ...withProbe };
const armed = ['armed', 'applying bridge', 'applying network', 'reached', 'proving', 'confirming'] as const;

/** Has the program that loads do something else, once: the rollback finds it as it was. */
function loaderThat({ loader }: StackUnderFault, body: string): Injection {
  return wrapped(
    loader.name,
    loader.path,
    `case "$*" in ${loader.when})
  if mkdir /run/fault-once 2>/dev/null; then ${body}; fi ;;
esac
real "$@"`,
  );
}

const loaderAsBefore: Injection = both(unwrapped, inside('rm -rf /run/fault-once'));

/** A small disk of its own below the network's files; `filler` is not counted among them. */
const smallDisk = (directory: string): string => `mkdir /tmp/small && cp -a ${directory}/. /tmp/small/
mount -t tmpfs -o size=256k,mode=755 none ${directory}
cp -a /tmp/small/. ${directory}/; rm -rf /tmp/small
dd if=/dev/zero of=${directory}/filler bs=4k 2>/dev/null; true`;

function stackFaults(stack: StackUnderFault): readonly Fault[] {
  const { directory, bridgeFile } = stack;
  const at = (what: string, step: string, inject: Injection, ends: readonly Ending[]): Fault => ({
    what,
    where: `before \`${step}\``,
    at: { [step]: inject },
    ends,
  });
  const faults: readonly Fault[] = [
    ...['looking', 'arming'].map((step) => at('controller killed', step, killed, ['not begun'])),
    ...armed.map((step) => at('controller killed', step, killed, ['rolled back'])),
    at('controller killed', 'confirmed', killed, ['confirmed']),
    {
      what: 'controller killed',
      where: 'while the bridge is loaded',
      at: { 'applying network': once('current/cut', killed) },
      ends: ['rolled back'],
    },
    ...['applying network', 'proving', 'confirming'].map((step) =>
      at('link down for 5 s', step, linkDown(5), ['confirmed', 'rolled back']),
    ),
    ...['applying network', 'proving'].map((step) =>
      at('link down for 20 s', step, linkDown(20), ['confirmed', 'rolled back']),
    ),
    at('link down until the host has gone back', 'applying network', linkDownUntilRolledBack, ['rolled back']),
    ...armed.map((step) => at('power cut', step, powerCut, ['rolled back'])),
    {
      what: 'power cut',
      where: 'while the bridge is loaded',
      at: { 'applying network': once('current/cut', powerCut) },
      ends: ['rolled back'],
    },
    {
      what: 'power cut',
      where: 'while the host confirms',
      prepare: slowDisk('current/confirmed'),
      at: { confirming: once('current/confirmed', powerCut) },
      repair: unwrapped,
      ends: ['confirmed'],
    },
    {
      site: todayWithProbe,
      what: 'power cut',
      where: 'while the host goes back',
      prepare: farawayThere,
      at: { 'applying network': both(farawayGone, once('current/rolling-back', powerCut)) },
      repair: farawayGone,
      ends: ['rolled back'],
    },
    {
      what: 'the DHCP server is gone',
      where: 'from before the run',
      prepare: (host) => host.lab.stopDhcp(),
      repair: (host) => host.lab.startDhcp(),
      holds: 20,
      // NetworkManager keeps the address, and goes on asking for a lease.
      differs: /^[-+] managed ens33:connect(?:ed|ing)/,
      ends: ['rolled back'],
    },
    {
      what: 'the DHCP server answers after 20 s',
      where: 'from the load on',
      site: { ...today, confirmWithin: 90 },
      prepare: (host) => host.lab.stopDhcp(),
      at: { 'applying network': async (host) => host.later(20, () => host.lab.startDhcp()) },
      repair: (host) => host.lab.startDhcp(),
      ends: stack.lateServer,
    },
    {
      what: 'the DHCP server hands out another address',
      where: 'from before the run',
      prepare: (host) => host.lab.startDhcp('192.168.221.160'),
      repair: (host) => host.lab.startDhcp(),
      holds: 20,
      // Where a DHCP client has taken the new address before the old one is put back, the old one is the second of its subnet.
      differs: /192\.168\.221\.160|192\.168\.221\.150\/24 .*dynamic/,
      ends: ['rolled back'],
    },
    {
      what: 'a wrong static address',
      where: 'in the site; the controller cannot reach it',
      site: { ...today, today: { address: '10.99.0.5/24', gateway: '10.99.0.1' } },
      ends: ['rolled back'],
    },
    {
      what: 'a failed proof',
      where: 'in the site: a probe goes beyond the gateway',
      site: todayWithProbe,
      prepare: farawayThere,
      at: { 'applying network': farawayGone },
      repair: farawayGone,
      says: /10\.99\.99\.99 answers a ping[\s\S]*was rolled back/,
      ends: ['rolled back'],
    },
    {
      what: 'the load fails',
      where: 'at once',
      prepare: loaderThat(stack, 'exit 1'),
      repair: loaderAsBefore,
      ends: ['rolled back'],
    },
    {
      what: 'the load hangs for ever',
      where: 'at once',
      prepare: loaderThat(stack, 'exec sleep infinity'),
      repair: loaderAsBefore,
      ends: ['rolled back'],
    },
    {
      what: 'the load succeeds and does nothing',
      where: 'at once',
      prepare: loaderThat(stack, 'exit 0'),
      repair: loaderAsBefore,
      ends: ['rolled back'],
    },
    {
      what: 'a broken file',
      where: `before \`applying network\`: ${bridgeFile} is nonsense`,
      at: { 'applying network': inside(`printf '[[nonsense\\n' > ${bridgeFile}`) },
      ends: ['rolled back'],
    },
    {
      what: 'a full disk',
      where: 'while the first file is written',
      prepare: inside(smallDisk(directory)),
      repair: inside(`umount -l ${directory}`),
      says: /(No space left|whole)[\s\S]*was rolled back/,
      ends: ['rolled back'],
    },
  ];
  return faults.map((fault) => ({
    ...fault,
    stack: stack.title,
    ...(fault.what === 'power cut' && { differs: lostByReboot }),
    site: fault.site ?? today,
    again: today,
  }));
}

/** Injects all faults into a host of one network stack, and puts guests on its bridge. */
export function describeStack(stack: StackUnderFault): void {
  describeFaults(
    stack.title,
    stackFaults(stack),
    (host) => {
      test('two controllers at once: the second is refused, the first one is not disturbed', async () => {
        const on = host();
        await on.reset();
        const others: (number | undefined)[] = [];
        const first = await runController(on.lab, {
          site: { ...today, confirmWithin: 60 },
          onPhase: async (phase) => {
            if (phase !== 'armed' && phase !== 'proving') return;
            const other = await runController(on.lab, { site: { ...today, today: { mtu: 1400 } } });
            expect(other.message).toMatch(/is pending|holds this host's lock/);
            others.push(other.exitCode);
          },
        });
        expect([first.exitCode, first.message, ...others]).toEqual([0, '', 2, 2]);
        expect((await runController(on.lab, { site: today, expectNoChange: true })).exitCode).toBe(0);
        expect(await on.leftovers()).toBe('');
        note({
          stack: stack.title,
          what: 'two controllers at once',
          where: 'another site while a change is armed, and while it is proved',
          ending: 'the first confirmed, the second refused',
          exitCode: '0, 2',
          away: 0,
          files: 'new',
          again: 'yes',
        });
      });

      test('a tap in the bridge stays there through a second load, a rollback, and another change', async () => {
        await keepsTap(host(), stack.title);
      });
    },
    stack.ground,
  );
}

const tap = 'basename "$(readlink /sys/class/net/tap9/master)"';

async function keepsTap(on: FaultLab, stack: string): Promise<void> {
  await on.reset();
  await farawayThere(on, () => {});
  const first = await runController(on.lab, { site: { ...today, confirmWithin: 60 } });
  expect([first.exitCode, first.message]).toEqual([0, '']);
  await on.inside('ip tuntap add tap9 mode tap; ip link set tap9 master br0 up');
  const files = await on.files();
  const watch = new Watch(on.lab);
  const mtu = { today: { mtu: 1400 } } as const;
  const failed = await runController(on.lab, {
    site: { ...todayWithProbe, ...mtu },
    onPhase: async (phase) => (phase === 'applying network' ? farawayGone(on, () => {}) : undefined),
  });
  await on.settle(60);
  const away = watch.end();
  expect([failed.exitCode, failed.message]).toEqual([5, expect.stringContaining('as it was before')]);
  expect(await on.files()).toBe(files);
  expect(await on.inside(tap)).toBe('br0');
  const second = await runController(on.lab, { site: { ...today, ...mtu, confirmWithin: 60 } });
  expect([second.exitCode, second.message]).toEqual([0, '']);
  const third = await runController(on.lab, { site: { ...today, ...mtu }, expectNoChange: true });
  expect(third.exitCode).toBe(0);
  expect(await on.inside(tap)).toBe('br0');
  expect(await on.leftovers()).toBe('');
  note({
    stack,
    what: 'a tap on the bridge',
    where: 'through a rolled-back and a confirmed change: it stays plugged in',
    ending: 'rolled back',
    exitCode: '5',
    away,
    files: 'old',
    again: 'yes',
  });
}
