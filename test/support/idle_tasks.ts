import type { Lab } from '../../lib/lab/index.ts';
import type { Task } from '../../lib/task/task.ts';
import { service, sysctl } from '../../modules/index.ts';
import { entry } from './tiny_modules.ts';

/** Brings a host into a state, and makes 500 tasks that want just that: units, files and kernel parameters. */
export async function idleTasks(lab: Lab): Promise<{ all: readonly Task[]; some: readonly Task[] }> {
  const units = Array.from({ length: 20 }, (_, index) => `kp-idle-${index}`);
  const files = Array.from({ length: 240 }, (_, index) => `/srv/kp-${index}`);
  const unit = '[Service]\nType=oneshot\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n';
  for (const name of units) await lab.putFile(`/etc/systemd/system/${name}.service`, unit);
  for (const path of files) await lab.putFile(path, path);
  await lab.run(['systemctl', 'daemon-reload']);
  const found = await lab.run(['sh', '-c', 'sysctl -a -r "^net\\.(ipv4|ipv6|core)\\." 2>/dev/null']);
  const parameters = found.stdout.split('\n').flatMap((line) => {
    const [key = '', value = ''] = line.split(' = ').map((part) => part.trim());
    return value === '' ? [] : [[key, value] as const];
  });
  const all: readonly Task[] = [
    ...units.map((name) => service({ name, state: 'stopped', enabled: false })),
    ...files.map((path) => entry({ path, text: path })),
    ...parameters.slice(0, 240).map(([key, value]) => sysctl({ values: { [key]: value }, persist: false })),
  ];
  return { all, some: [0, 1, 2, 100, 101, 102, 400, 401, 402, 403].flatMap((index) => all[index] ?? []) };
}
