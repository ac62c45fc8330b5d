export { type SysctlArgs, sysctl } from './sysctl.ts';
