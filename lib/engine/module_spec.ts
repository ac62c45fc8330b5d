import type * as v from 'valibot';
import type { ReadonlyArguments } from '../task/argument_types.ts';
import type { Difference } from '../task/diff.ts';
import type { ReadonlyHost } from '../task/readonly_host.ts';
import type { Step } from '../task/step.ts';
import type { Answer, ExpectedLink, ExpectedNetwork, InForce, Missing, TaskOptions } from '../task/task.ts';

/** What a module's `read` returns. `Found` is the type of `found`, which may be left out where `plan` needs nothing but the state. */
export type ModuleReading<State, Found = undefined> = ReadState<State> & ReadFound<Found>;

interface ReadState<State> {
  /** The actual state, in the same terms as the desired state. Keys without a value on the host are left out. Only `state` is compared. */
  readonly state: Partial<State>;
  /** Things that the task needs and the host does not have. `state` then has what can be read without them. */
  readonly missing?: readonly Missing[];
  /** Things that are needed only to change the host, e.g. a file system that can be written to. */
  readonly missingToChange?: readonly Missing[];
  /** Warnings for the user, whether or not anything changes, e.g. a console that is open to the network. */
  readonly warnings?: readonly string[];
  /** An answer that reports show, whether or not anything changes. */
  readonly answer?: Answer;
  /** True while the state is about to change by itself (a unit is starting). The engine reads again, within a time limit. Default false. */
  readonly settling?: boolean;
  /** True where only root can make the change. Default: the module's `needsRoot`. */
  readonly needsRoot?: boolean;
  /** For a module that changes the network: how the task leaves it. */
  readonly network?: ExpectedNetwork;
  /** @deprecated Use `network.links`. */
  readonly links?: readonly ExpectedLink[];
  /** @deprecated Use `network.lockout`. */
  readonly strands?: readonly string[];
}

/** The part of a reading that is not compared. Where it can be undefined it may be left out. */
type ReadFound<Found> = undefined extends Found
  ? {
      /** Anything else that `plan` needs (a file's text, a guest's XML). It is not compared. */
      readonly found?: Found;
    }
  : {
      /** Anything else that `plan` needs (a file's text, a guest's XML). It is not compared. */
      readonly found: Found;
    };

/** @deprecated The old name of {@link ModuleReading}. */
export type Seen<State, Found> = ModuleReading<State, Found>;

/** The functions and properties of every module, besides its arguments. */
export interface ModuleBody<State extends object, Found> {
  /** The module's name in snake_case. */
  readonly name: string;
  /**
   * Names the object that the task manages: `br0`, `network`, `gibbon`. The name stands in titles and in the file name of the marker
   * of a change that was written and not loaded.
   */
  subject(desired: State): string;
  /** Keys of {@link Missing} that the host has once the task has been applied. Default: none. */
  provides?(desired: State): readonly string[];
  /** Reads the actual state. It must not change anything on the host. */
  read(host: ReadonlyHost, desired: State): Promise<ModuleReading<State, Found>>;
  /**
   * Returns the steps that lead from the reading to the desired state. Pure.
   * @param reading the result of `read`
   * @param due differences between what reflected tasks have written and the live system; empty unless `loads` is true
   * @throws UnsupportedChangeError when no steps lead there
   */
  plan(reading: ModuleReading<State, Found>, desired: State, due: readonly Difference[]): readonly Step[];
  /** For a module that writes configuration which another task loads: compares it with the live system. It must not change anything. */
  inForce?(host: ReadonlyHost, desired: State): Promise<InForce>;
  /** True where only root can take the module's steps: other users are told so before anything is changed. Default false. */
  readonly needsRoot?: true;
  /** True where the module's tasks can load what other tasks have written: they take the option `reflects`. Default false. */
  readonly loads?: true;
  /**
   * Tells whether a task's state can't be known (a bare command). Such a task is applied on every run, it is not read afterwards,
   * and every report says so. Default: its state can be known.
   */
  unknowable?(desired: State): boolean;
  /** True where a network change could not take the module's steps back: its tasks are refused there. Default false. */
  readonly irreversible?: true;
}

/**
 * The definition of a module whose desired state is its validated arguments. `Args` is what callers pass and the schema accepts,
 * `Parsed` what the schema returns, `Found` what `read` finds besides the state.
 */
export interface PlainModuleDefinition<Args extends object, Parsed extends object, Found>
  extends ModuleBody<ReadonlyArguments<Parsed>, Found> {
  /** The schema of the arguments. Use `v.strictObject`, so that an unknown argument is an error. */
  readonly args: v.GenericSchema<Args, Parsed>;
  readonly desired?: undefined;
}

/** The definition of a module that makes its desired state of the validated arguments. `State` is what `desired` returns. */
export interface ModuleDefinition<Parsed extends object, State extends object, Found, Args extends object = Parsed>
  extends ModuleBody<State, Found> {
  /** The schema of the arguments. Without it `desired` has to validate them. */
  readonly args?: v.GenericSchema<Args, Parsed>;
  /**
   * Makes the desired state of the validated arguments. Pure. Write it before the functions that use the state, so that they get
   * its type.
   * @param options the task's options, of which e.g. `disrupts` may matter to the state
   * @throws ArgumentError
   */
  desired(args: Parsed, options: TaskOptions): State;
}

/** @deprecated The old name of {@link ModuleDefinition}. */
export type ModuleSpec<Args extends object, State extends object, Found> = ModuleDefinition<Args, State, Found>;
