import { copyFile } from 'node:fs/promises';
import type { Lab } from '../../lib/lab/index.ts';
import { run } from '../../lib/run/run.ts';
import { play } from '../../lib/site/play.ts';
import type { Task } from '../../lib/task/task.ts';
import { idleTasks } from '../support/idle_tasks.ts';
import type { DelayLink } from './link.ts';

/** Says how much longer 500 tasks with nothing to do take than 10, over a fresh connection at 100 ms. @param runs of which the best counts */
export async function manyTasks(lab: Lab, link: DelayLink, runs: number): Promise<string> {
  const { all, some } = await idleTasks(lab);
  await link.setRoundTrip(100);
  let configs = 0;
  const seconds = async (tasks: readonly Task[]): Promise<number> => {
    configs += 1;
    const sshConfig = `${link.sshConfig}.tasks-${configs}`;
    await copyFile(link.sshConfig, sshConfig);
    const started = performance.now();
    const { hosts } = await run(play({ name: 'Idle', tasks }), { sshConfig, hosts: [`root@${lab.hostAddress}`] });
    const counts = hosts[`root@${lab.hostAddress}`];
    if (counts?.ok !== tasks.length) throw new Error(`not idle: ${JSON.stringify(counts)}`);
    return (performance.now() - started) / 1000;
  };
  let [few, many] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let count = 0; count < runs; count += 1) {
    few = Math.min(few, await seconds(some));
    many = Math.min(many, await seconds(all));
  }
  return `A play of ${all.length} tasks with nothing to do at 100 ms takes ${many.toFixed(2)} s, one of ${some.length} takes ${few.toFixed(2)} s: ${(many / few).toFixed(2)}×.`;
}
