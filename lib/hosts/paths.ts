/** Where kvm-play keeps what must outlive a reboot of a host: markers and backups. */
export const stateDirectory = '/var/lib/kvm-play';

/** Where kvm-play keeps what a reboot may forget: the lock, journals of detached steps. */
export const runtimeDirectory = '/run/kvm-play';
