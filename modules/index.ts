export { type FileArgs, file } from './file.ts';
export { type IfcfgBridgeArgs, ifcfgBridge } from './ifcfg_bridge.ts';
export { type ServiceArgs, service } from './service.ts';
export { type SysctlArgs, sysctl } from './sysctl.ts';
export { type VirshNetworkArgs, virshNetwork } from './virsh_network.ts';
export { type VirshPoolArgs, virshPool } from './virsh_pool.ts';
export { type VirshVolumeArgs, virshVolume } from './virsh_volume.ts';
export { type DiskArgs, type NetworkArgs, type VirtInstallArgs, virtInstall } from './virt_install.ts';
