import type { Summary } from '../../events/events.ts';
import { Connections } from '../../hosts/connections.ts';
import { parseHost } from '../../hosts/ssh/host_spec.ts';
import type { Plan } from '../../review/plan.ts';
import type { CommandLine } from '../options/command_line.ts';
import { exitCodes } from '../options/exit_codes.ts';
import type { PlanFile } from '../output/plan_file.ts';
import { print } from '../output/print.ts';
import { openReporting, reported } from '../output/reporting.ts';
import { chosenBy, loadPlays } from './chosen.ts';
import { exitCode } from './exit_code.ts';
import { rememberFailedHosts } from './failed_hosts.ts';
import { interruptible } from './interruption.ts';
import { sshOptions } from './ssh_options.ts';

/** Runs a site on its hosts. @returns the exit code */
export async function runSite(site: string, line: CommandLine): Promise<number> {
  const options = await sshOptions(line);
  return interruptible(async (signal) => {
    const connections = new Connections({ signal, ...options, forks: line.forks });
    try {
      return await runWith(connections, site, line, signal);
    } finally {
      connections.close();
    }
  });
}

async function runWith(
  connections: Connections,
  site: string,
  line: CommandLine,
  signal: AbortSignal,
): Promise<number> {
  const hosts = line.host.map(parseHost);
  // ssh connects while the site is loaded.
  for (const host of hosts) connections.preconnect(host);
  const [{ run }, reporting, chosen, plans] = await Promise.all([
    import('../../run/run.ts'),
    openReporting(line, () => !line.expectNoChange),
    chosenBy(site, line),
    openPlans(line),
  ]);
  return reported(reporting, async () => {
    const plays = await loadPlays(site, line, chosen.inventory);
    const summary = await run(plays, {
      ...chosen,
      check: line.check,
      become: line.become,
      restartOwnNetwork: line.restartOwnNetwork,
      connections,
      signal,
      onEvent: (event) => {
        reporting.report(event);
        plans.file?.add(event);
      },
      ...(plans.plan && { plan: plans.plan }),
      ...(hosts.length > 0 && { hosts }),
      ...(line.serial !== undefined && { serial: line.serial }),
    });
    if (!line.check) await rememberFailedHosts(site, summary);
    if (summary.interrupted) print(process.stderr, interruptedLines(summary).join('\n'));
    return writePlan(plans.file, line, exitCode(summary, line));
  });
}

/** Opens the plan that is applied, or the file for the one that is made. @throws PlanError, PlaybookError for files that cannot be read or written */
async function openPlans({ planOut, applyPlan }: CommandLine): Promise<{ file?: PlanFile; plan?: Plan }> {
  if (planOut === undefined && applyPlan === undefined) return {};
  const { PlanFile, readPlan } = await import('../output/plan_file.ts');
  return {
    ...(planOut !== undefined && { file: new PlanFile(planOut) }),
    ...(applyPlan !== undefined && { plan: await readPlan(applyPlan) }),
  };
}

/** Writes the plan that a run has made, if any. @returns the exit code: a plan that was not written is no success */
async function writePlan(file: PlanFile | undefined, { json }: CommandLine, code: number): Promise<number> {
  if (file === undefined) return code;
  const problem = await file.write();
  if (problem === undefined) {
    // With --json, standard output holds nothing but JSON.
    print(json ? process.stderr : process.stdout, file.written());
    return code;
  }
  print(process.stderr, `kvm-play: ${problem.replaceAll('\n', '\n  ')}`);
  return code === exitCodes.ok || code === exitCodes.changed ? exitCodes.failed : code;
}

/** Says for each host what an interrupted run has done there, and what it has not. */
function interruptedLines({ hosts, check }: Summary): readonly string[] {
  return Object.entries(hosts).map(([host, { ok, changed, failed, skipped, notBegun }]) => {
    if (notBegun > 0 && ok + changed + failed === 0)
      return `interrupted: [${host}] not begun; run the site again to go on`;
    const counts = [
      `${changed} ${check ? 'would change' : 'changed'}`,
      `${ok} unchanged`,
      ...(failed > 0 ? [`${failed} broken off or failed`] : []),
      `${skipped} not attempted`,
    ];
    return `interrupted: [${host}] ${counts.join(', ')}; run the site again to go on`;
  });
}
