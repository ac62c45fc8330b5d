import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { PlaybookError } from '../errors.ts';
import type { Summary } from '../events/events.ts';
import type { ConnectOptions } from '../hosts/connect.ts';
import { Connections } from '../hosts/connections.ts';
import { parseHost } from '../hosts/ssh/host_spec.ts';
import type { Inventory, InventoryHost } from '../inventory/inventory.ts';
import type { Plan } from '../review/plan.ts';
import type { Play } from '../site/play.ts';
import { exitCode, exitCodes } from './commands/exit_code.ts';
import { limitGroups, rememberFailedHosts } from './commands/failed_hosts.ts';
import type { CommandLine, NetworkCommand } from './options/command_line.ts';
import { readExtraVars } from './options/extra_vars.ts';
import type { PlanFile } from './output/plan_file.ts';
import { print } from './output/print.ts';
import { openReporting, type Reporting } from './output/reporting.ts';

/** Does what the command line asks for, and prints. @returns the exit code @throws KvmPlayError for what was wrong before anything was attempted */
export async function execute(line: CommandLine): Promise<number> {
  if (line.remove !== undefined) {
    const { destroyLab } = await import('../lab/index.ts');
    await destroyLab(line.remove);
    return exitCodes.ok;
  }
  if (line.shell !== undefined) {
    const { completionScript } = await import('./completion/script.ts');
    process.stdout.write(completionScript(line.shell));
    return exitCodes.ok;
  }
  const { site, network } = line;
  if (line.pattern !== undefined) return showInventory(line, line.pattern);
  if (network !== undefined) return changeByHand(network, line, await becomePassword(line));
  if (site === undefined) throw new PlaybookError('name a site: kvm-play site.ts (see --help)');
  if (line.listTasks || line.listTags || line.listHosts) return list(site, line);
  const password = await becomePassword(line);
  const interruption = untilInterrupted();
  try {
    return line.command === 'rehearse'
      ? await rehearseSite(site, line, interruption.signal)
      : await runSite(site, line, password, interruption.signal);
  } finally {
    interruption.forget();
  }
}

/** What connections are told of the password that sudo wants. */
type Password = Pick<ConnectOptions, 'becomePassword'>;

async function becomePassword({ askBecomePass }: CommandLine): Promise<Password> {
  return askBecomePass ? { becomePassword: await (await import('./commands/ask_password.ts')).askPassword() } : {};
}

async function runSite(site: string, line: CommandLine, password: Password, signal: AbortSignal): Promise<number> {
  const { privateKey, sshConfig, forks } = line;
  const files = { ...(privateKey !== undefined && { privateKey }), ...(sshConfig !== undefined && { sshConfig }) };
  const hosts = line.hosts.map(parseHost);
  await Promise.all([checkFile('--private-key', privateKey), checkFile('--ssh-config', sshConfig)]);
  const connections = new Connections({ signal, ...files, ...password, ...(forks !== undefined && { forks }) });
  try {
    // ssh is on its way while the site is loaded.
    for (const host of hosts) connections.preconnect(host);
    const [{ run }, reporting, chosen, plans] = await Promise.all([
      import('../run/run.ts'),
      openReporting(line, () => !line.expectNoChange),
      choice(site, line),
      openPlans(line),
    ]);
    return await reported(reporting, async () => {
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
      const code = exitCode(summary, line);
      const problem = await plans.file?.write();
      if (problem === undefined) {
        // Standard output holds nothing but JSON where that is asked for.
        if (plans.file !== undefined) print(line.json ? process.stderr : process.stdout, plans.file.written());
        return code;
      }
      print(process.stderr, `kvm-play: ${problem.replaceAll('\n', '\n  ')}`);
      return code === exitCodes.ok || code === exitCodes.changed ? exitCodes.failed : code;
    });
  } finally {
    connections.close();
  }
}

/** The plan that is applied, or where the one that is made goes. @throws PlanError, PlaybookError for files that cannot be read or written */
async function openPlans({ planOut, applyPlan }: CommandLine): Promise<{ file?: PlanFile; plan?: Plan }> {
  if (planOut === undefined && applyPlan === undefined) return {};
  const { PlanFile, readPlan } = await import('./output/plan_file.ts');
  return {
    ...(planOut !== undefined && { file: new PlanFile(planOut) }),
    ...(applyPlan !== undefined && { plan: await readPlan(applyPlan) }),
  };
}

/** Loads a site, and says what of an inventory and of Ansible's settings has no effect on it. */
async function loadPlays(site: string, line: CommandLine, inventory: Inventory | undefined): Promise<readonly Play[]> {
  const [{ loadSite }, { ansibleSettings, unreadSettings }] = await Promise.all([
    import('../site/load_site.ts'),
    import('../inventory/ansible/settings.ts'),
  ]);
  const [plays, settings] = await Promise.all([loadSite(site), ansibleSettings()]);
  warn(unreadSettings(settings, plays, line));
  if (inventory !== undefined) {
    const { likelyMistypes } = await import('../inventory/mistypes.ts');
    warn(likelyMistypes(plays, inventory));
  }
  return plays;
}

async function changeByHand(command: NetworkCommand, line: CommandLine, password: Password): Promise<number> {
  const { privateKey, sshConfig, become } = line;
  await Promise.all([checkFile('--private-key', privateKey), checkFile('--ssh-config', sshConfig)]);
  const hosts = await hostsByHand(command, line);
  const { network } = await import('./commands/network.ts');
  const options = {
    become,
    ...password,
    ...(privateKey !== undefined && { privateKey }),
    ...(sshConfig !== undefined && { sshConfig }),
  };
  const codes = await Promise.all(
    hosts.map(({ spec, become: own }) =>
      network(
        command,
        spec,
        { ...options, become: own ?? become },
        (text) => print(process.stdout, text),
        (text) => print(process.stderr, text),
      ),
    ),
  );
  return Math.max(...codes);
}

/** The hosts that `network` is about: one, those of options, or those of an inventory that a pattern names. */
async function hostsByHand({ host }: NetworkCommand, line: CommandLine): Promise<readonly ByHand[]> {
  if (line.inventories.length === 0 || host === undefined) {
    return [...line.hosts, ...(host === undefined ? [] : [host])].map((name) => ({ spec: parseHost(name) }));
  }
  const [inventory, { chooseHosts }, { refuseProblems }] = await Promise.all([
    inventoryOf(line),
    import('../inventory/pattern.ts'),
    import('../inventory/refuse_problems.ts'),
  ]);
  const hosts = chooseHosts(inventory, host).flatMap((name) => inventory.hosts.get(name) ?? []);
  if (hosts.length === 0) throw new PlaybookError(`the pattern '${host}' leaves no host of the inventory`);
  refuseProblems(hosts);
  return hosts;
}

/** A host, and whether root is become there whatever the command line says. */
type ByHand = Pick<InventoryHost, 'spec'> & Partial<Pick<InventoryHost, 'become'>>;

async function showInventory(line: CommandLine, pattern: string): Promise<number> {
  const { inventoryText } = await import('./commands/inventory_text.ts');
  const inventory = await inventoryOf(line);
  for (const { name, problems = [] } of inventory.hosts.values()) warn(problems.map((words) => `${name}: ${words}`));
  print(process.stdout, inventoryText(inventory, pattern));
  return exitCodes.ok;
}

/** Loads the inventories, and says what in them has no effect. */
async function inventoryOf({ inventories, site }: CommandLine): Promise<Inventory> {
  const { loadInventory } = await import('../inventory/load.ts');
  const inventory = await loadInventory(inventories, site === undefined ? {} : { site });
  warn(inventory.warnings ?? []);
  return inventory;
}

function warn(warnings: readonly string[]): void {
  for (const warning of warnings) print(process.stderr, `[WARNING]: ${warning}`);
}

async function rehearseSite(site: string, line: CommandLine, signal: AbortSignal): Promise<number> {
  const { rehearse } = await import('./commands/rehearse.ts');
  const { yes, keep } = line;
  const vars = await readExtraVars(line.extraVars);
  // The second run is there to prove that nothing changes any more.
  const reporting = await openReporting(line, (run) => run === 1);
  const { report } = reporting;
  const say = (text: string): void => print(line.json ? process.stderr : process.stdout, text);
  return reported(reporting, () =>
    rehearse({ site, vars, yes, keep }, { print: say, ask: (question) => ask(question, signal), report, signal }),
  );
}

/** Ends what shows the runs, whatever became of them. @returns the exit code: a report that could not be written is no success */
async function reported(reporting: Reporting, work: () => Promise<number>): Promise<number> {
  let problem: string | undefined;
  let code: number;
  try {
    code = await work();
  } finally {
    problem = reporting.finish();
    if (problem !== undefined) print(process.stderr, `kvm-play: ${problem}`);
  }
  return problem !== undefined && code === exitCodes.ok ? exitCodes.failed : code;
}

/** What the command line chooses: values, hosts and tasks. @throws PlaybookError for files that cannot be read */
async function choice(site: string, line: CommandLine) {
  const { inventories, limit, tags, skipTags, startAtTask } = line;
  const groups = limit === undefined ? undefined : await limitGroups(site, limit);
  const inventory = inventories.length === 0 ? undefined : await inventoryOf(line);
  return {
    tags,
    skipTags,
    vars: await readExtraVars(line.extraVars),
    ...(inventory && { inventory }),
    ...(limit !== undefined && { limit }),
    ...(groups && { limitGroups: groups }),
    ...(startAtTask !== undefined && { startAtTask }),
  };
}

async function list(site: string, line: CommandLine): Promise<number> {
  const [{ listing }, chosen] = await Promise.all([import('./commands/listing.ts'), choice(site, line)]);
  const plays = await loadPlays(site, line, chosen.inventory);
  const what = [
    ...(line.listHosts ? (['hosts'] as const) : []),
    ...(line.listTags ? (['tags'] as const) : []),
    ...(line.listTasks ? (['tasks'] as const) : []),
  ];
  print(process.stdout, listing(plays, { ...chosen, what, hosts: line.hosts }).join('\n'));
  return exitCodes.ok;
}

/** ssh only warns of a key that is not there, and goes on with others. */
async function checkFile(option: string, path: string | undefined): Promise<void> {
  if (path === undefined) return;
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) {
    const what = option === '--private-key' ? 'a private key, e.g. ~/.ssh/id_ed25519' : 'an ssh_config';
    throw new PlaybookError(`${option}: there is no file ${path === '' ? "''" : path}; name ${what}`);
  }
}

async function ask(question: string, signal: AbortSignal): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // While it is asked, the terminal makes no signal of Ctrl-C.
  terminal.on('SIGINT', () => {
    process.stderr.write('\n');
    process.kill(process.pid, 'SIGINT');
  });
  // Ctrl-D is no answer: some versions of Node then reject, others leave the question open.
  const ended = once(terminal, 'close').then(() => '');
  const answered = terminal.question(`${question} [y/N] `, { signal }).catch((error: unknown) => {
    if (signal.aborted) throw error;
    process.stderr.write('\n');
    return '';
  });
  try {
    return /^y(es)?$/i.test((await Promise.race([answered, ended])).trim());
  } finally {
    terminal.close();
  }
}

/** The first Ctrl-C ends the run after the step under way, the second one at once. */
function untilInterrupted(): { signal: AbortSignal; forget(): void } {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    process.stderr.write(
      'interrupted: the step under way is finished, no further one is taken; once more ends at once\n',
    );
    controller.abort();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  return {
    signal: controller.signal,
    forget: () => process.off('SIGINT', interrupt).off('SIGTERM', interrupt),
  };
}

/** Says per host what had been done, and what was not. */
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
