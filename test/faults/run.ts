/** Runs the whole suite, several hosts side by side, and makes the table of docs/faults.md from its results. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type FaultResult, postStack } from './fault_result.ts';

const page = fileURLToPath(new URL('../../docs/faults.md', import.meta.url));
const [begin, end] = ['<!-- begin of the table -->', '<!-- end of the table -->'];

/** Hosts side by side: most of a fault's time is waiting. */
const workers = 4;

/** In the table's order: what goes wrong, on which host, and where in the order in which it was written down. */
function tableOf(results: readonly FaultResult[]): string {
  const stackOf = ({ stack = postStack }: FaultResult): string => stack;
  const whats = [...new Set(results.map(({ what }) => what))].toSorted();
  const sorted = whats.flatMap((what) =>
    results.filter((result) => result.what === what).toSorted((a, b) => stackOf(a).localeCompare(stackOf(b))),
  );
  const rows = sorted.map((result, index) => {
    const { what, where, ending, exitCode, away, files, again } = result;
    return `| ${[index + 1, what, where, stackOf(result), ending, exitCode, away, files, again].join(' | ')} |`;
  });
  return [head, ...rows].join('\n');
}

const head = `| # | fault | where | network stack | how it ended | exit code | seconds without an answer | files | run again: converged |
|---|---|---|---|---|---|---|---|---|`;

const directory = mkdtempSync(join(tmpdir(), 'kvm-play-faults-'));
const file = join(directory, 'results');
try {
  const jest = ['jest', `--maxWorkers=${workers}`, 'test/faults'];
  const { status } = spawnSync('npx', jest, {
    stdio: 'inherit',
    env: {
      ...process.env,
      // ssh runs the labs' ProxyCommand with it; bash would read a user's own start-up files each time, its standard input being a socket.
      SHELL: '/bin/sh',
      NODE_OPTIONS: '--experimental-vm-modules --disable-warning=ExperimentalWarning',
      KVM_PLAY_LAB: 'required',
      KVM_PLAY_FAULTS: file,
    },
  });
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  const results: FaultResult[] = lines.map((line) => JSON.parse(line));
  const table = tableOf(results);
  console.log(table);
  const text = readFileSync(page, 'utf8');
  const [before] = text.split(begin);
  const [, after] = text.split(end);
  if (status === 0) writeFileSync(page, `${before}${begin}\n${table}\n${end}${after}`);
  process.exitCode = status ?? 1;
} finally {
  rmSync(directory, { recursive: true });
}
