/**
 * The public interface of the package `kvm-play`: writing sites and inventories, running them from a program, and writing modules.
 * The modules themselves are exported by `kvm-play/modules`.
 */
export { defineModule, type Module } from './engine/define_module.ts';
export type {
  ModuleBody,
  ModuleDefinition,
  ModuleReading,
  ModuleSpec,
  PlainModuleDefinition,
  Seen,
} from './engine/module_spec.ts';
export * from './errors.ts';
export type {
  ChangePlan,
  HostPhase,
  HostSummary,
  NetworkChangePhase,
  PlayEvent,
  Selection,
  Summary,
  TaskName,
  TaskStatus,
} from './events/events.ts';
export { type ConnectOptions, connect } from './hosts/connect.ts';
export type { Host, ReachOptions } from './hosts/host.ts';
export { type HostSpec, parseHost } from './hosts/ssh/host_spec.ts';
export { defineInventory, type GroupOptions, type HostEntry, type SiteInventory } from './inventory/define.ts';
export type { HostReference, Inventory, InventoryHost } from './inventory/inventory.ts';
export { loadInventory } from './inventory/load.ts';
export type { Value, Values } from './inventory/values.ts';
export {
  type NetworkChange,
  type NetworkChangeOptions,
  networkChange,
  type Probe,
  type ProbeSide,
} from './network_change/network_change.ts';
export { parsePlan } from './review/parse_plan.ts';
export type {
  Plan,
  PlanChange,
  PlanCommand,
  PlanDifference,
  PlanDirectory,
  PlanHost,
  PlanPlay,
  PlanRemoval,
  PlanStep,
  PlanTask,
  PlanWrite,
} from './review/plan.ts';
export { planOf } from './review/plan_of.ts';
export { type RunOptions, run } from './run/run.ts';
export { events } from './run/run_events.ts';
export { type Play, type PlayOptions, play } from './site/play.ts';
export {
  type Assertion,
  type AssertOptions,
  assert,
  type Block,
  type BlockOptions,
  block,
  fail,
  type ItemOptions,
  type Later,
  later,
  type PlayItem,
} from './site/play_items.ts';
export type { ReadonlyArguments, SchemaEntries } from './task/argument_types.ts';
export { parseArguments, refuseIdle } from './task/arguments.ts';
export { type Difference, Once, once } from './task/diff.ts';
export type { Facts } from './task/facts.ts';
export type { MergedAnswer, MergeRule } from './task/merge_rule.ts';
export type { Provision } from './task/provision.ts';
export type { Output, QueryOptions, ReadonlyHost, TextFile } from './task/readonly_host.ts';
export { Secret, secret } from './task/secret.ts';
export {
  type CommandStep,
  command,
  type DirectoryStep,
  type Disruption,
  makeDirectory,
  type RemoveFileStep,
  removeFile,
  type Step,
  type Undo,
  type WriteFileStep,
  writeFile,
} from './task/step.ts';
export type {
  Answer,
  Condition,
  ExpectedIpv6,
  ExpectedLink,
  ExpectedNetwork,
  InForce,
  Ipv6Outlook,
  Known,
  LinkOutlook,
  Missing,
  Retry,
  Task,
  TaskOptions,
  TaskResult,
} from './task/task.ts';
export { absolutePath, found, line } from './validation/schemas.ts';
