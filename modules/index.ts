export { type SysctlArgs, sysctl } from './sysctl.ts';
export { type ServiceArgs, service } from './service.ts';
