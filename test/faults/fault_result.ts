/** The network stacks of the post's host, in the table's words. */
export const postStack = 'NetworkManager, then network-scripts';

/** One line of the table. */
export interface FaultResult {
  /** Default: {@link postStack}. */
  readonly stack?: string;
  readonly what: string;
  readonly where: string;
  readonly ending: string;
  readonly exitCode: string;
  /** Seconds of the longest time in which the host did not answer. */
  readonly away: number;
  readonly files: string;
  readonly again: string;
}
