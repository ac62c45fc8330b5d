export { parseArguments } from './arguments.ts';
export { type Difference, Once, once } from './diff.ts';
export type { TaskResult } from './engine.ts';
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
} from './events.ts';
export type { Facts } from './facts.ts';
export { type ConnectOptions, connect } from './hosts/connect.ts';
export type { Host, ReachOptions } from './hosts/host.ts';
export { type HostSpec, parseHost } from './hosts/host_spec.ts';
export type { Output, QueryOptions, ReadonlyHost, TextFile } from './hosts/readonly_host.ts';
export { defineInventory, type GroupOptions, type HostEntry, type SiteInventory } from './inventory/define.ts';
export type { Inventory, InventoryHost } from './inventory/inventory.ts';
export { loadInventory } from './inventory/load.ts';
export type { HostReference } from './inventory/targets.ts';
export type { Condition, Known } from './known.ts';
export {
  type Answer,
  defineModule,
  type InForce,
  type Ipv6Outlook,
  type LinkOutlook,
  type Missing,
  type Module,
  type ModuleSpec,
  type Retry,
  type Seen,
  type Task,
  type TaskOptions,
} from './module.ts';
export {
  type NetworkChange,
  type NetworkChangeOptions,
  networkChange,
  type Probe,
  type ProbeSide,
} from './network_change/network_change.ts';
export { parsePlan } from './plan/parse_plan.ts';
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
} from './plan/plan.ts';
export { planOf } from './plan/plan_of.ts';
export { type Play, type PlayOptions, play, type Value, type Values } from './play.ts';
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
} from './play_items.ts';
export type { Provision } from './provision.ts';
export { type RunOptions, run } from './run.ts';
export { events } from './run_events.ts';
export { Secret, secret } from './secret.ts';
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
} from './step.ts';
