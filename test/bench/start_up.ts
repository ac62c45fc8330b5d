import { execa } from 'execa';
import { median } from './report.ts';

/** Says how long `kvm-play --version` takes beside a Node script that does nothing. @param main the built command @param runs of which the median counts */
export async function startUp(main: string, runs: number): Promise<string> {
  const milliseconds = async (argv: readonly string[]): Promise<number> => {
    const started = performance.now();
    await execa(process.execPath, argv);
    return performance.now() - started;
  };
  const [own, empty]: [number[], number[]] = [[], []];
  for (let count = 0; count < runs; count += 1) {
    empty.push(await milliseconds(['-e', '']));
    own.push(await milliseconds([main, '--version']));
  }
  const [ours, nothing] = [median(own), median(empty)];
  return `\`kvm-play --version\` takes ${ours.toFixed(0)} ms, an empty Node script ${nothing.toFixed(0)} ms: ${(ours / nothing).toFixed(2)}×.`;
}
