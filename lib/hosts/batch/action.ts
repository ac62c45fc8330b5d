import { feed } from '../session/session_script.ts';
import { framedRun } from '../shell/framing.ts';

/** One part of what is done to a host in one request. */
export interface ActionPart {
  /** Script text. */
  readonly script: string;
  /** Bytes of its standard input. */
  readonly stdin?: Buffer;
  /** Seconds that it may take. */
  readonly timeLimit: number;
  /** Go on with the next part though this one failed. */
  readonly mayFail: boolean;
}

/** Script text that does one part after the other, up to the first that fails; their inputs come one after the other on standard input. */
export function actionScript(parts: readonly ActionPart[], mark: string): string {
  const framedParts = parts.map(({ script, stdin, timeLimit, mayFail }) => {
    const alone = `( ${script}\n)`;
    const run =
      stdin === undefined || stdin.length === 0
        ? `${alone} </dev/null`
        : `kvm_play_feed ${stdin.length} | { ${alone}; kvm_play_status=$?; cat >/dev/null; exit "$kvm_play_status"; }`;
    return `${framedRun(run, mark, timeLimit)}
${mayFail ? '' : '[ "$kvm_play_status" -eq 0 ] || exit 0'}`;
  });
  return `${feed()}\n${framedParts.join('\n')}`;
}

/** What all parts read, one after the other. */
export function actionInput(parts: readonly ActionPart[]): Buffer {
  return Buffer.concat(parts.flatMap(({ stdin }) => stdin ?? []));
}
