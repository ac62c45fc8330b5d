import { readFileSync } from 'node:fs';

/**
 * What systemd 252 (Debian 12) said of a real unit: `systemctl show -p …`, of the unit and then of the sockets that begin with its name,
 * and `systemctl is-enabled`.
 */
export interface UnitCapture {
  readonly unit: string;
  readonly shown: string;
  readonly isEnabled: { readonly exitCode: number; readonly stdout: string; readonly stderr: string };
}

/** The form of a unit's file: both commands with what they printed, standard error marked, and the exit status of the second. */
const form = /^\$ systemctl show (\S+)\n(.*)^\$ systemctl is-enabled \1\n((?:stderr: [^\n]*\n)*)(.*)^exit (\d+)\n$/ms;

/** Reads what stands in a file of captures. */
export function systemctlCapture(name: string): string {
  return readFileSync(new URL(`../modules/captures/systemctl/${name}.txt`, import.meta.url), 'utf8');
}

/** Reads what was said of a unit. @param state what the unit was, in words: its file is named so, with hyphens */
export function unitCapture(state: string): UnitCapture {
  const name = state.replaceAll(' ', '-');
  const parts = form.exec(systemctlCapture(name));
  if (parts === null) throw new Error(`${name}.txt does not have the form of a unit's capture`);
  const [, unit = '', shown = '', stderr = '', stdout = '', exitCode] = parts;
  return {
    unit,
    shown,
    isEnabled: { exitCode: Number(exitCode), stdout, stderr: stderr.replaceAll(/^stderr: /gm, '') },
  };
}
