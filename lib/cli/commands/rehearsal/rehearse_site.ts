import type { CommandLine } from '../../options/command_line.ts';
import { readExtraVars } from '../../options/extra_vars.ts';
import { print } from '../../output/print.ts';
import { openReporting, reported } from '../../output/reporting.ts';
import { confirmed } from '../confirmed.ts';
import { interruptible } from '../interruption.ts';
import { rehearse } from './rehearse.ts';

/** Rehearses a site, and reports all of its runs. @returns the exit code */
export async function rehearseSite(site: string, line: CommandLine): Promise<number> {
  const { yes, keep, network } = line;
  const debian = line.debian === '13' ? 13 : 12;
  const vars = await readExtraVars(line.extraVars);
  // All runs but the first are there to prove that nothing changes any more.
  const reporting = await openReporting(line, (run) => run === 1);
  return interruptible((signal) =>
    reported(reporting, () =>
      rehearse(
        { site, vars, yes, keep, network, debian, reboot: !line.noReboot },
        {
          print: (text) => print(line.json ? process.stderr : process.stdout, text),
          ask: (question) => confirmed(question, signal),
          report: reporting.report,
          signal,
        },
      ),
    ),
  );
}
