export { LabError } from './error.ts';
export { buildLab, type Lab, type LabOptions, type RebootOptions } from './lab.ts';
export type { CommandResult, RunOptions } from './machine.ts';
export type { Lease } from './network.ts';
export { destroyLab, labIds, sweepLabs } from './remove.ts';
export { installPackages, missingPackages, requiredPackages, unableReason } from './requirements.ts';
export { hostKind, type LabNetwork } from './root/kinds.ts';
export type { DebianRelease } from './root/recipes.ts';
export type { VirtType } from './virt_type.ts';
