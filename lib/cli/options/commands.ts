import { keysOf } from './keys.ts';

/** A word that a command takes after its name. */
export interface Operand {
  /** What a shell calls it, e.g. `host`. */
  readonly name: string;
  /** What a shell completes it with: paths of sites, or words with their explanations. Default: nothing. */
  readonly completes?: 'sites' | Readonly<Record<string, string>>;
}

/** A command: what the help and the shells say of it, and the words that it takes. */
export interface Command {
  /** One line for the help and for the shells. */
  readonly help: string;
  /** Its synopses, without the program's name. */
  readonly usage: readonly string[];
  readonly operands: readonly Operand[];
  /** Why it refuses an option that belongs to other commands. Default: the message names the commands that take the option. */
  readonly refusal?: string;
}

/** Every command. Parsing, the help and the shells' completion are made from this table. `run` needs no name: `kvm-play site.ts`. */
export const commandTable = {
  run: {
    help: 'Bring every host of a site to the described state, and report what changed',
    usage: ['[options] SITE.ts'],
    operands: [{ name: 'site', completes: 'sites' }],
  },
  rehearse: {
    help: 'Run a site against a throwaway host on this machine: twice, and again after a reboot',
    usage: ['rehearse [--yes] [--keep] [--network KIND] [--no-reboot] SITE.ts', 'rehearse --remove ID'],
    operands: [{ name: 'site', completes: 'sites' }],
    refusal: 'it runs the whole site against a throwaway host of its own',
  },
  network: {
    help: 'Confirm, extend or roll back a network change that is pending on a host; with -i, HOST is a pattern',
    usage: ['network status|confirm|rollback HOST', 'network extend HOST SECONDS'],
    operands: [
      {
        name: 'action',
        completes: {
          status: 'Show the pending change, its age and its time limit, or the result of the last one',
          confirm: 'Confirm the change, so that it stays',
          rollback: 'Roll the change back now, and wait until the host has done so',
          extend: 'Set the time limit to SECONDS from now',
        },
      },
      { name: 'host' },
      { name: 'seconds' },
    ],
    refusal: 'it acts on the network change that is pending on a host',
  },
  inventory: {
    help: 'Print the hosts, groups and values of inventories as JSON; connect to nothing',
    usage: ['inventory -i FILE [PATTERN]'],
    operands: [{ name: 'pattern' }],
    refusal: 'it only prints what inventories hold',
  },
  completion: {
    help: 'Print a script with which a shell completes commands, options and files',
    usage: ['completion bash|zsh|fish'],
    operands: [
      {
        name: 'shell',
        completes: {
          bash: 'In ~/.bashrc: source <(kvm-play completion bash)',
          zsh: 'After compinit: source <(kvm-play completion zsh)',
          fish: 'In config.fish: kvm-play completion fish | source',
        },
      },
    ],
    refusal: 'it prints a script for a shell',
  },
} as const;

/** The words that the first operand of a command may be. */
type WordsOf<Command extends 'network' | 'completion'> = (typeof commandTable)[Command]['operands'][0]['completes'];

/** What `network` does with a network change that is pending on a host. */
export type NetworkAction = keyof WordsOf<'network'>;

/** A shell for which `completion` prints a script. */
export type Shell = keyof WordsOf<'completion'>;

/** The name of a command. */
export type CommandName = keyof typeof commandTable;

/** The names of all commands. */
export const commandNames: readonly CommandName[] = keysOf(commandTable);

/** The commands that have to be named: all but `run`. */
export const namedCommands: readonly CommandName[] = commandNames.filter((name) => name !== 'run');

/** The commands with their descriptions, in the order of the help. */
export const commands: readonly (readonly [name: CommandName, command: Command])[] = commandNames.map((name) => [
  name,
  commandTable[name],
]);

/** The actions of `network`. */
export const networkActions: readonly NetworkAction[] = keysOf(commandTable.network.operands[0].completes);

/** The shells that `completion` knows. */
export const shells: readonly Shell[] = keysOf(commandTable.completion.operands[0].completes);
