import { readFile } from 'node:fs/promises';
import { PlanError } from '../../errors.ts';
import type { PlayEvent } from '../../events/events.ts';
import { jsonText } from '../../reporters/json_text.ts';
import type { Plan } from '../../review/plan.ts';
import { readTrouble } from '../../validation/read_trouble.ts';
import { OutputFile } from './output_file.ts';

/** Where the plan of a check run goes. Whole files may be in it: it is for its owner only, and for those to whom they give it. */
export class PlanFile {
  readonly #file: OutputFile;
  readonly #path: string;
  readonly #events: PlayEvent[] = [];
  #steps = 0;

  /** @throws PlaybookError where it is plain that it cannot be written */
  constructor(path: string) {
    this.#path = path;
    this.#file = new OutputFile('--plan-out', path, { mode: 0o600 });
  }

  /** Gets every event of the run. */
  add(event: PlayEvent): void {
    this.#events.push(event);
  }

  /** Says, once the plan has been written, where it is and how to apply it. */
  written(): string {
    const steps = this.#steps === 1 ? '1 step' : `${this.#steps} steps`;
    return `the plan was written to ${this.#path}: ${steps}; --apply-plan ${this.#path} with the same options applies it`;
  }

  /** Writes the plan, once the run has ended. What is no plan leaves the file as it was. @returns what went wrong */
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
