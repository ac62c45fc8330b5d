import { networkHelp, shells } from './commands.ts';
import { type Option, options } from './option_table.ts';

/** Columns of what stands before an explanation. */
const nameWidth = 30;

const sectionTitles: Readonly<Record<Option['section'], string>> = {
  Hosts: 'Hosts',
  'What to do': 'What to do',
  'What to show': 'What to show',
  Rehearse: 'Rehearse: run a site against a throwaway host on this machine, twice, and show what came out',
};

/** The help text. */
export const usage: string = `Usage: kvm-play [options] SITE.ts
       kvm-play rehearse [--yes] [--keep] [-e NAME=VALUE] SITE.ts
       kvm-play rehearse --remove ID
       kvm-play network status|confirm|rollback HOST
       kvm-play network extend HOST SECONDS
       kvm-play inventory -i FILE [PATTERN]
       kvm-play completion ${shells.join('|')}

Brings every host of a site to the described state, and reports what changed.

${Object.entries(sectionTitles).map(sectionLines).join('\n\n')}

Network: a network change that is pending on a host, by hand; with -i HOST is a pattern
${Object.entries(networkHelp).map(helpLine).join('\n')}

Inventory: what is read of inventories, as JSON; connects to nothing

Completion: a script for a shell that completes options and files
  bash                        source <(kvm-play completion bash)
  zsh                         source <(kvm-play completion zsh), after compinit
  fish                        kvm-play completion fish | source

Exit codes
  0 every task is ok or changed      1 usage or playbook error, nothing was attempted
  2 a task failed                    3 --expect-no-change, and something changed
  4 a host could not be reached      5 a network change was rolled back; what differs is named
  6 a network change was not confirmed, and its roll-back could not be verified
  130 interrupted
`;

function sectionLines([section, title]: readonly [string, string]): string {
  const own = options.filter(([, option]) => option.section === section);
  return [title, ...own.map(([name, option]) => helpLine([spelled(name, option), option.help]))].join('\n');
}

/** Spells an option as the help does: `-e, --extra-vars NAME=VALUE`. */
function spelled(name: string, { short, value }: Option): string {
  return `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`;
}

function helpLine([name, help]: readonly [string, string]): string {
  return `${`  ${name}`.padEnd(nameWidth - 1)} ${help}`;
}
