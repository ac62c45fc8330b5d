import { writeFileSync } from 'node:fs';
import { execa } from 'execa';
import { buildLab } from '../lib/lab/index.ts';
const kind = process.argv[2] as 'networkd';
const lab = await buildLab({ network: kind });
process.stdout.write(`lab ${lab.sshConfig}\n`);
try {
  const site = (state: string) => `import { networkChange, play } from '../lib/index.ts';
import { bridge, network } from '../modules/index.ts';
const br0 = bridge({ name: 'br0', port: 'ens33', state: '${state}' });
export default play({ name: 'Bridge', tasks: [networkChange({ confirmWithin: 60 }, [br0, network({ reflects: [br0], disrupts: ['link'] })])] });
`;
  writeFileSync('tmp/present.ts', site('present'));
  writeFileSync('tmp/absent.ts', site('absent'));
  const run = async (file: string, ...more: string[]) => {
    const t = Date.now();
    const r = await execa('npx', ['jiti', 'lib/cli/main.ts', file, '--host', `root@${lab.hostAddress}`, '--ssh-config', lab.sshConfig, ...more], { reject: false, all: true, stdin: 'ignore' });
    console.log(`--- ${file} ${more.join(' ')}: ${r.exitCode} in ${(Date.now() - t) / 1000} s\n${r.all}`);
  };
  const look = async (script: string) => console.log((await lab.run(['sh', '-c', script], { reject: false })).stdout);
  const state = `ip -o addr; ip route; ip -6 route show default; networkctl --no-pager list; ls /etc/systemd/network /etc/network /etc/netplan 2>/dev/null`;
  await look(state);
  await run('tmp/present.ts', '--check');
  await run('tmp/present.ts');
  await look(state);
  await run('tmp/present.ts', '--expect-no-change');
  await look(`journalctl -b --no-pager -n 30 -u systemd-networkd | tail -30`);
  await run('tmp/absent.ts');
  await look(state);
  await run('tmp/absent.ts', '--expect-no-change');
} finally { await lab.destroy(); }
