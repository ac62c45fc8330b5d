/** What the command can do. `run` needs no name: `kvm-play site.ts`. */
export const commands = ['run', 'rehearse', 'network', 'inventory', 'completion'] as const;

/** One of {@link commands}. */
export type NamedCommand = (typeof commands)[number];

/** A command that has to be named. */
export type OtherCommand = Exclude<NamedCommand, 'run'>;

/** What a shell says of each command that has to be named, where it completes one. */
export const commandHelp: Readonly<Record<OtherCommand, string>> = {
  rehearse: 'run a site against a throwaway host on this machine, twice',
  network: 'deal by hand with a network change that is pending on a host',
  inventory: 'show what is read of inventories, as JSON; connects to nothing',
  completion: 'print a script for a shell that completes options and files',
};

/** What can be done by hand about a network change that is pending on a host. */
export const networkActions = ['status', 'confirm', 'rollback', 'extend'] as const;

/** One of {@link networkActions}. */
export type NetworkAction = (typeof networkActions)[number];

/** What the help says of each. */
export const networkHelp: Readonly<Record<NetworkAction, string>> = {
  status: 'what is pending, since when, and when it rolls back; or what became of the last one',
  confirm: 'make it stay',
  rollback: 'take it back now, and wait for that',
  extend: 'give it so many seconds from now on',
};

/** Shells that `completion` knows. */
export const shells = ['bash', 'zsh', 'fish'] as const;

/** One of {@link shells}. */
export type Shell = (typeof shells)[number];
