import { defineModule, type Module } from '../../lib/engine/define_module.ts';
import { command } from '../../lib/task/step.ts';
import { takeDownNetwork } from '../../modules/network/network_scripts/unit.ts';

/** Arguments of {@link script}. */
export interface ScriptArgs {
  /** The init script. */
  readonly path: string;
}

/** Restarts the network through its init script where what the reflected tasks wrote is due: for a host without systemd. */
export const script: Module<ScriptArgs> = defineModule<ScriptArgs, ScriptArgs, undefined>({
  name: 'script',
  loads: true,
  desired: ({ path }) => ({ path }),
  subject: ({ path }) => path,
  read: async (_host, { path }) => ({ state: { path }, found: undefined }),
  plan: (_seen, { path }, due) => {
    if (due.length === 0) return [];
    const run = (verb: string): readonly string[] => ['env', 'SYSTEMCTL_SKIP_REDIRECT=1', path, verb];
    return [
      command(run('restart'), {
        disrupts: 'link',
        judgedBy: 'state',
        undo: { withNewFiles: takeDownNetwork, withOldFiles: [run('start')] },
      }),
    ];
  },
});
