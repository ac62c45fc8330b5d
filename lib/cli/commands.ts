/** What the command can do. `run` needs no name: `kvm-play site.ts`. */
export const commands = ['run', 'rehearse', 'network', 'completion'] as const;

/** One of {@link commands}. */
export type NamedCommand = (typeof commands)[number];

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
