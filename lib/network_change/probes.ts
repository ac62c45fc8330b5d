import { connect } from 'node:net';
import { runProcess } from '../hosts/session/process.ts';
import { shellProgram } from '../process/package_files.ts';
import type { ReadonlyHost } from '../task/readonly_host.ts';
import { type Probe, parsePort } from './network_change.ts';

/** Seconds that one probe may take. */
const probeLimit = 5;

/** Tells whether a probe passes now. What cannot be asked does not pass. */
export async function passes(host: ReadonlyHost, probe: Probe): Promise<boolean> {
  try {
    if (probe.from === 'controller') return await passesHere(probe);
    const { exitCode } = await host.query(argvOf(probe), { timeLimit: probeLimit + 2 });
    return exitCode === 0;
  } catch {
    return false;
  }
}

function argvOf(probe: Probe): readonly string[] {
  if ('ping' in probe) return pingArgv(probe.ping);
  const { name = '', port = 0 } = parsePort(probe.tcp) ?? {};
  return [
    'sh',
    '-c',
    shellProgram('lib/network_change/on_host/open_tcp.sh'),
    'sh',
    name,
    String(port),
    String(probeLimit),
  ];
}

function pingArgv(name: string): readonly string[] {
  return ['ping', '-c', '1', '-W', '2', name];
}

async function passesHere(probe: Probe): Promise<boolean> {
  if ('ping' in probe) {
    const [file = '', ...args] = pingArgv(probe.ping);
    return (await runProcess(file, args, { timeLimit: probeLimit })).exitCode === 0;
  }
  const { name = '', port = 0 } = parsePort(probe.tcp) ?? {};
  return new Promise((resolve) => {
    const socket = connect({ host: name, port, timeout: probeLimit * 1000 });
    const end = (passed: boolean) => () => {
      socket.destroy();
      resolve(passed);
    };
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false));
  });
}
