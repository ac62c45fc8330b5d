import { hostName, parseHost } from '../../hosts/ssh/host_spec.ts';
import { refuseProblems } from '../../inventory/refuse_problems.ts';
import { limited, type TargetOptions, targetsOf } from '../../inventory/targets.ts';
import type { Values } from '../../inventory/values.ts';
import { checkNames, type Play, valuesFor } from '../../site/play.ts';
import { leavesOf } from '../../site/play_items.ts';
import { checkSelection, selectionByPlay, selectTasks, type TaskSelection, tagsOf } from '../../site/select_tasks.ts';
import type { CommandLine } from '../options/command_line.ts';
import { exitCodes } from '../options/exit_codes.ts';
import { print } from '../output/print.ts';
import { chosenBy, loadPlays } from './chosen.ts';

/** Prints the hosts, tags and tasks of a site. @returns the exit code */
export async function listSite(site: string, line: CommandLine): Promise<number> {
  const chosen = await chosenBy(site, line);
  const plays = await loadPlays(site, line, chosen.inventory);
  const what = [
    ...(line.listHosts ? (['hosts'] as const) : []),
    ...(line.listTags ? (['tags'] as const) : []),
    ...(line.listTasks ? (['tasks'] as const) : []),
  ];
  print(process.stdout, listing(plays, { ...chosen, what, hosts: line.host }).join('\n'));
  return exitCodes.ok;
}

/** What is listed, and of which part of a site. */
interface ListingOptions extends TaskSelection, Omit<TargetOptions, 'hosts'> {
  readonly what: readonly ('tasks' | 'tags' | 'hosts')[];
  readonly vars: Values;
  readonly hosts: readonly string[];
}

/**
 * Lists plays with their hosts, tasks or tags; connects to nothing.
 * @returns the lines
 * @throws PlaybookError as a run would before anything is attempted
 */
function listing(plays: readonly Play[], options: ListingOptions): readonly string[] {
  const { what, vars, hosts, inventory, limit } = options;
  checkNames(plays, vars);
  const targetOptions = { ...(hosts.length > 0 && { hosts: hosts.map(parseHost) }), ...(inventory && { inventory }) };
  const all = plays.map((play) => ({ play, targets: targetsOf(play, targetOptions) }));
  const left =
    limit === undefined
      ? undefined
      : limited(
          all.flatMap(({ targets }) => targets),
          limit,
          options,
        );
  const plans = all.map(({ play, targets }) => {
    const chosen = targets.filter(({ spec }) => left?.has(hostName(spec)) ?? true);
    refuseProblems(chosen, play);
    const items = play.build({ ...valuesFor(play, chosen[0]?.values ?? {}), ...vars });
    return { play, hosts: chosen.map(({ spec }) => hostName(spec)), items };
  });
  checkSelection(
    plans.flatMap(({ items }) => items),
    options,
  );
  const selections = selectionByPlay(
    plans.map(({ items }) => items),
    options,
  );
  return plans.flatMap(({ play, hosts: names, items }, index) => {
    const chosen = selectTasks(items, selections[index] ?? {});
    const tasks = leavesOf(chosen);
    const tags = [...tagsOf(chosen)].sort();
    return [
      `play: ${play.name}`,
      ...(what.includes('hosts') ? names.map((name) => `  host: ${name}`) : []),
      ...(what.includes('tags') ? [`  tags: ${tags.join(', ') || 'none'}`] : []),
      ...(what.includes('tasks')
        ? tasks.map(
            (task) => `  ${task.title} (${task.module})${task.tags.length > 0 ? ` [${task.tags.join(', ')}]` : ''}`,
          )
        : []),
    ];
  });
}
