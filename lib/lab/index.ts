export { LabError } from './error.ts';
export type { LabNetwork } from './kinds.ts';
export { buildLab, type Lab, type LabOptions } from './lab.ts';
export type { CommandResult, RunOptions } from './machine.ts';
export type { Lease } from './network.ts';
export { destroyLab, labIds, sweepLabs } from './remove.ts';
export { installPackages, missingPackages, requiredPackages, unableReason } from './requirements.ts';
export type { VirtType } from './virt_type.ts';
