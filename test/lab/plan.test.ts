import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { PlayEvent, Summary } from '../../lib/events/events.ts';
import { buildLab, type Lab } from '../../lib/lab/index.ts';
import { parsePlan } from '../../lib/review/parse_plan.ts';
import type { Plan, PlanStep } from '../../lib/review/plan.ts';
import { planStep } from '../../lib/review/plan_step.ts';
import { Seals } from '../../lib/review/secret_digests.ts';
import { run } from '../../lib/run/run.ts';
import site from '../../playbooks/site.ts';
import { type CommandEnd, runCommand } from '../support/command.ts';
import { hostState } from './host_state.ts';
import { describeLab } from './support.ts';

const sitePath = fileURLToPath(new URL('../../playbooks/site.ts', import.meta.url));
const iso = '/var/lib/libvirt/images/CentOS-7-x86_64-Minimal-1708.iso';

describeLab('a plan that was reviewed', () => {
  let lab: Lab;
  let directory: string;
  let path: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'kvm-play-plan-'));
    path = join(directory, 'plan.json');
    lab = await buildLab();
    await lab.run(['install', '-D', '-m', '644', lab.bootIso, iso]);
  });
  afterAll(async () => {
    rmSync(directory, { recursive: true, force: true });
    await lab?.destroy();
  });

  const host = (): string => `root@${lab.hostAddress}`;
  const onHost = (...args: readonly string[]): Promise<CommandEnd> =>
    runCommand([
      ...[sitePath, '--host', host(), '--ssh-config', lab.sshConfig, '-e', `virtType=${lab.virtType}`, '--json'],
      ...args,
    ]);
  const plan = (): Plan => parsePlan(readFileSync(path, 'utf8'));

  /** Applies the plan, and gives the steps that were taken by task. */
  async function apply(): Promise<{ summary: Summary; taken: Record<string, readonly PlanStep[]>; errors: string[] }> {
    const events: PlayEvent[] = [];
    const summary = await run(site, {
      hosts: [host()],
      sshConfig: lab.sshConfig,
      vars: { virtType: lab.virtType },
      plan: plan(),
      onEvent: (event) => events.push(event),
    });
    const seals = new Seals(plan().salt);
    const ended = events.flatMap((event) => (event.type === 'task-end' ? [event] : []));
    const taken = ended.map(async ({ task, result }) => {
      const steps = await Promise.all((result?.steps ?? []).map((step) => planStep(step, seals)));
      return [task.title, steps] as const;
    });
    const errors = events.flatMap((event) =>
      'error' in event && event.error !== undefined ? [event.error.message] : [],
    );
    return { summary, taken: Object.fromEntries(await Promise.all(taken)), errors };
  }

  test('is made without writing to the host, and holds a step of every task', async () => {
    const before = await hostState(lab);
    expect((await onHost('--plan-out', path)).exitCode).toBe(0);
    expect(await hostState(lab)).toEqual(before);
    const [{ hosts } = { hosts: [] }] = plan().plays;
    expect(
      hosts.map(({ host, tasks }) => [host, tasks.map(({ status, steps }) => [status, steps.length > 0])]),
    ).toEqual([[host(), Array.from({ length: 9 }, () => ['changed', true])]]);
    expect(hosts[0]?.networkChanges.map(({ title }) => title)).toEqual(['Bridge the network']);
  });

  test('is refused by a host that has moved since: nothing is written, and what differs is said', async () => {
    await lab.run(['sh', '-c', 'cp -p /etc/sysctl.conf /root && echo "net.ipv4.ip_forward = 0" >> /etc/sysctl.conf']);
    const before = await hostState(lab);
    const { exitCode, stdout } = await onHost('--apply-plan', path);
    expect(stdout).toMatch(
      /"type":"host-failed".*'Forward packets'.*\/etc\/sysctl\.conf: the file that is there: planned SHA-256/,
    );
    expect(exitCode).toBe(2);
    expect(await hostState(lab)).toEqual(before);
    await lab.run(['cp', '-p', '/root/sysctl.conf', '/etc/sysctl.conf']);
  });

  test('is applied to a host that has not moved: exactly its steps are taken', async () => {
    const { summary, taken, errors } = await apply();
    expect(errors).toEqual([]);
    expect(summary.hosts[host()]).toMatchObject({ changed: 9, failed: 0, skipped: 0 });
    const planned = plan().plays.flatMap(({ hosts }) => hosts.flatMap(({ tasks }) => tasks));
    expect(taken).toEqual(Object.fromEntries(planned.map(({ title, steps }) => [title, steps])));
  });

  test('is refused once it is applied; a new one has no steps, and changes nothing', async () => {
    const { summary, errors } = await apply();
    expect(summary.hosts[host()]).toMatchObject({ changed: 0, failed: 1, skipped: 9 });
    expect(errors.join()).toMatch(/'Create the guest': planned changed by 1 step, now ok/);
    expect((await onHost('--plan-out', path)).exitCode).toBe(0);
    expect((await onHost('--apply-plan', path, '--expect-no-change')).exitCode).toBe(0);
  });
});
