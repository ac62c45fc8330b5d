import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from '@jest/globals';
import type { PlayEvent, Summary } from '../../lib/events/events.ts';
import { parsePlan } from '../../lib/review/parse_plan.ts';
import type { Plan, PlanStep } from '../../lib/review/plan.ts';
import { planStep } from '../../lib/review/plan_step.ts';
import { SecretDigests } from '../../lib/review/secret_digests.ts';
import { run } from '../../lib/run/run.ts';
import site from '../../playbooks/site.ts';
import type { CommandEnd } from '../support/command.ts';
import { hostState } from './host_state.ts';
import { withLab } from './support.ts';

const sitePath = fileURLToPath(new URL('../../playbooks/site.ts', import.meta.url));
const iso = '/var/lib/libvirt/images/CentOS-7-x86_64-Minimal-1708.iso';

withLab('a plan that was reviewed', (machine) => {
  let path: string;
  beforeAll(async () => {
    path = join(machine.directory, 'plan.json');
    await machine.putBlankMedium(iso);
  });

  const onHost = (...args: readonly string[]): Promise<CommandEnd> =>
    machine.command([sitePath, '-e', `virtType=${machine.lab.virtType}`, '--json', ...args]);
  const plan = (): Plan => parsePlan(readFileSync(path, 'utf8'));

  /** Applies the plan, and gives the steps that were taken by task. */
  async function apply(): Promise<{ summary: Summary; taken: Record<string, readonly PlanStep[]>; errors: string[] }> {
    const events: PlayEvent[] = [];
    const summary = await run(site, {
      hosts: [machine.login],
      sshConfig: machine.lab.sshConfig,
      vars: { virtType: machine.lab.virtType },
      plan: plan(),
      onEvent: (event) => events.push(event),
    });
    const digests = new SecretDigests(plan().salt);
    const ended = events.flatMap((event) => (event.type === 'task-end' ? [event] : []));
    const taken = ended.map(async ({ task, result }) => {
      const steps = await Promise.all((result?.steps ?? []).map((step) => planStep(step, digests)));
      return [task.title, steps] as const;
    });
    const errors = events.flatMap((event) =>
      'error' in event && event.error !== undefined ? [event.error.message] : [],
    );
    return { summary, taken: Object.fromEntries(await Promise.all(taken)), errors };
  }

  test('is made without writing to the host, and holds a step of every task', async () => {
    const before = await hostState(machine.lab);
    expect((await onHost('--plan-out', path)).exitCode).toBe(0);
    expect(await hostState(machine.lab)).toEqual(before);
    const [{ hosts } = { hosts: [] }] = plan().plays;
    expect(
      hosts.map(({ host, tasks }) => [host, tasks.map(({ status, steps }) => [status, steps.length > 0])]),
    ).toEqual([[machine.login, Array.from({ length: 9 }, () => ['changed', true])]]);
    expect(hosts[0]?.networkChanges.map(({ title }) => title)).toEqual(['Bridge the network']);
  });

  test('is refused by a host that has moved since: nothing is written, and what differs is said', async () => {
    await machine.lab.run([
      'sh',
      '-c',
      'cp -p /etc/sysctl.conf /root && echo "net.ipv4.ip_forward = 0" >> /etc/sysctl.conf',
    ]);
    const before = await hostState(machine.lab);
    const { exitCode, stdout } = await onHost('--apply-plan', path);
    expect(stdout).toMatch(
      /"type":"host-failed".*'Forward packets'.*\/etc\/sysctl\.conf: the file that is there: planned SHA-256/,
    );
    expect(exitCode).toBe(2);
    expect(await hostState(machine.lab)).toEqual(before);
    await machine.lab.run(['cp', '-p', '/root/sysctl.conf', '/etc/sysctl.conf']);
  });

  test('is applied to a host that has not moved: exactly its steps are taken', async () => {
    const { summary, taken, errors } = await apply();
    expect(errors).toEqual([]);
    expect(summary.hosts[machine.login]).toMatchObject({ changed: 9, failed: 0, skipped: 0 });
    const planned = plan().plays.flatMap(({ hosts }) => hosts.flatMap(({ tasks }) => tasks));
    expect(taken).toEqual(Object.fromEntries(planned.map(({ title, steps }) => [title, steps])));
  });

  test('is refused once it is applied; a new one has no steps, and changes nothing', async () => {
    const { summary, errors } = await apply();
    expect(summary.hosts[machine.login]).toMatchObject({ changed: 0, failed: 1, skipped: 9 });
    expect(errors.join()).toMatch(/'Create the guest': planned changed by 1 step, now ok/);
    expect((await onHost('--plan-out', path)).exitCode).toBe(0);
    expect((await onHost('--apply-plan', path, '--expect-no-change')).exitCode).toBe(0);
  });
});
