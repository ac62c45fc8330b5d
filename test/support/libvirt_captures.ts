import { readFileSync } from 'node:fs';
import type { FakeAnswer } from '../../lib/testing/index.ts';

/** Reads what a real libvirt 9.0 (Debian 12) printed or wrote. */
export function capture(name: string): string {
  return readFileSync(new URL(`../modules/captures/libvirt/${name}`, import.meta.url), 'utf8');
}

/** The one question that systemd is asked before libvirt. */
export const askSystemd =
  'systemctl show -p Id,LoadState,ActiveState libvirtd.service libvirtd.socket virtqemud.service virtqemud.socket ' +
  'virtnetworkd.service virtnetworkd.socket virtstoraged.service virtstoraged.socket';

/** What systemd answers for one unit. */
export function unit(id: string, load: string, active: string): string {
  return `Id=${id}\nLoadState=${load}\nActiveState=${active}\n`;
}

const noModularDaemons = ['virtqemud', 'virtnetworkd', 'virtstoraged'].flatMap((name) => [
  unit(`${name}.service`, 'not-found', 'inactive'),
  unit(`${name}.socket`, 'not-found', 'inactive'),
]);

/** systemd's answer on a host where libvirtd and its socket are so. */
export function libvirtd(service: string, socket: string, load = 'loaded'): FakeAnswer {
  const units = [unit('libvirtd.service', load, service), unit('libvirtd.socket', load, socket), ...noModularDaemons];
  return { stdout: units.join('\n') };
}

/** The command line of a virsh query. */
export function virsh(...args: string[]): string {
  return ['virsh', '-c', 'qemu:///system', ...args].join(' ');
}

/** virsh's answer for something that is not there. */
export function notFound(kind: 'pool' | 'network' | 'domain' | 'vol', name: string): FakeAnswer {
  return { exitCode: 1, stderr: `error: failed to get ${kind} '${name}'\n\n` };
}

/** Answers for the running guest `gibbon`, with changes to its definition. */
export function gibbonAnswers(change: (xml: string) => string = (xml) => xml): Record<string, FakeAnswer> {
  return {
    [askSystemd]: libvirtd('active', 'active'),
    [virsh('dumpxml', '--inactive', '--security-info', 'gibbon')]: { stdout: change(capture('gibbon.inactive.xml')) },
    [virsh('dumpxml', 'gibbon')]: { stdout: capture('gibbon.live.xml') },
    [virsh('dominfo', 'gibbon')]: { stdout: capture('gibbon.dominfo.txt') },
    [virsh('domstate', '--reason', 'gibbon')]: { stdout: 'running (booted)\n\n' },
    [virsh('snapshot-list', '--name', 'gibbon')]: { stdout: '\n' },
    [virsh('checkpoint-list', '--name', 'gibbon')]: { stdout: '\n' },
  };
}
