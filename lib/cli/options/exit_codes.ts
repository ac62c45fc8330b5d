/** The exit codes of the command, by what they mean. */
export const exitCodes = {
  ok: 0,
  usage: 1,
  failed: 2,
  changed: 3,
  unreachable: 4,
  rolledBack: 5,
  unverified: 6,
  interrupted: 130,
} as const;

/** What the help says of each exit code. */
export const exitCodeHelp: Readonly<Record<keyof typeof exitCodes, string>> = {
  ok: 'Every task is ok or changed',
  usage: 'A wrong option, site, argument or variable: nothing was attempted',
  failed: 'A task failed, or an unexpected error occurred',
  changed: '--expect-no-change was given, and something changed or would change',
  unreachable: 'A host could not be reached, or was lost',
  rolledBack: 'A network change was rolled back, and the host can be reached as before',
  unverified: 'A network change was not confirmed, and its rollback could not be verified',
  interrupted: 'Interrupted',
};
