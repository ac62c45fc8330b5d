import { readFile } from 'node:fs/promises';
import { PlanError } from '../../errors.ts';
import type { PlayEvent } from '../../events/events.ts';
import { jsonText } from '../../reporters/json_text.ts';
import type { Plan } from '../../review/plan.ts';
import { readTrouble } from '../../validation/read_trouble.ts';
import { OutputFile } from './output_file.ts';

/** Writes the plan of a check run to a file. Only its owner may read the file, because a plan contains whole files. */
export class PlanFile {
  readonly #file: OutputFile;
  readonly #path: string;
  readonly #events: PlayEvent[] = [];
  #steps = 0;

  /** @throws PlaybookError if the file cannot be written */
  constructor(path: string) {
    this.#path = path;
    this.#file = new OutputFile('--plan-out', path, { mode: 0o600 });
  }

  /** Takes every event of the run. */
  add(event: PlayEvent): void {
    this.#events.push(event);
  }

  /** The message after the plan has been written: where it is, and how to apply it. */
  written(): string {
    const steps = this.#steps === 1 ? '1 step' : `${this.#steps} steps`;
    return `the plan was written to ${this.#path}: ${steps}; --apply-plan ${this.#path} with the same options applies it`;
  }

  /** Writes the plan after the run has ended. If no plan can be made, the file stays as it was. @returns the error in words, if any */
  async write(): Promise<string | undefined> {
    const { planOf } = await import('../../review/plan_of.ts');
    try {
      const plan = await planOf(this.#events);
      this.#steps = stepCount(plan);
      return this.#file.replace(`${jsonText(plan, 2)}\n`);
    } catch (error) {
      if (error instanceof PlanError) return `${error.message}\nnothing was written to ${this.#path}`;
      throw error;
    }
  }
}

function stepCount({ plays }: Plan): number {
  const tasks = plays.flatMap(({ hosts }) => hosts.flatMap((host) => host.tasks));
  return tasks.reduce((count, { steps }) => count + steps.length, 0);
}

/** Reads a plan that is to be applied. @throws PlanError that names the file */
export async function readPlan(path: string): Promise<Plan> {
  const { parsePlan } = await import('../../review/parse_plan.ts');
  const named = (words: string): PlanError => new PlanError(`--apply-plan ${path === '' ? "''" : path}: ${words}`);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw named(`${readTrouble(error)}; name a plan that --plan-out has made`);
  });
  try {
    return parsePlan(text);
  } catch (error) {
    throw error instanceof PlanError ? named(error.message) : error;
  }
}
