/**
 * What `systemctl show -p …` (the unit, then the sockets that begin with its name) and `systemctl is-enabled` of systemd 252
 * (Debian 12) said of real units, each in one state.
 */
export interface UnitCapture {
  readonly unit: string;
  readonly shown: string;
  readonly isEnabled: { readonly exitCode: number; readonly stdout: string; readonly stderr: string };
}

export const units = {
  'running daemon': {
    unit: 'libvirtd.service',
    shown: `Type=notify
Restart=on-failure
Id=libvirtd.service
RequiredBy=
WantedBy=multi-user.target
TriggeredBy=libvirtd.socket libvirtd-admin.socket libvirtd-ro.socket
LoadState=loaded
ActiveState=active
SubState=running
SourcePath=
UnitFileState=enabled
ActiveEnterTimestampMonotonic=6956921612
NeedDaemonReload=no

Id=libvirtd-admin.socket
RequiredBy=
WantedBy=libvirtd.service sockets.target
TriggeredBy=
LoadState=loaded
ActiveState=active
SubState=running
SourcePath=
UnitFileState=enabled
ActiveEnterTimestampMonotonic=6956888357
NeedDaemonReload=no

Id=libvirtd-ro.socket
RequiredBy=
WantedBy=libvirtd.service sockets.target
TriggeredBy=
LoadState=loaded
ActiveState=active
SubState=running
SourcePath=
UnitFileState=enabled
ActiveEnterTimestampMonotonic=6956888683
NeedDaemonReload=no

Id=libvirtd.socket
RequiredBy=
WantedBy=libvirtd.service sockets.target
TriggeredBy=
LoadState=loaded
ActiveState=active
SubState=running
SourcePath=
UnitFileState=enabled
ActiveEnterTimestampMonotonic=6956887894
NeedDaemonReload=no
`,
    isEnabled: { exitCode: 0, stdout: 'enabled\n', stderr: '' },
  },
  'listening daemon': {
    unit: 'libvirtd.service',
    shown: `Type=notify
Restart=on-failure
Id=libvirtd.service
RequiredBy=
WantedBy=multi-user.target
TriggeredBy=libvirtd.socket libvirtd-admin.socket libvirtd-ro.socket
LoadState=loaded
ActiveState=inactive
SubState=dead
SourcePath=
UnitFileState=enabled
ActiveEnterTimestampMonotonic=6956921612
NeedDaemonReload=no

Id=libvirtd-admin.socket
RequiredBy=
WantedBy=libvirtd.service sockets.target
TriggeredBy=
LoadState=loaded
ActiveState=active
SubState=listening
SourcePath=
UnitFileState=enabled
ActiveEnterTimestampMonotonic=6956888357
NeedDaemonReload=no

Id=libvirtd-ro.socket
RequiredBy=
WantedBy=libvirtd.service sockets.target
TriggeredBy=
LoadState=loaded
ActiveState=active
SubState=listening
SourcePath=
UnitFileState=enabled
ActiveEnterTimestampMonotonic=6956888683
NeedDaemonReload=no

Id=libvirtd.socket
RequiredBy=
WantedBy=libvirtd.service sockets.target
TriggeredBy=
LoadState=loaded
ActiveState=active
SubState=listening
SourcePath=
UnitFileState=enabled
ActiveEnterTimestampMonotonic=6956887894
NeedDaemonReload=no
`,
    isEnabled: { exitCode: 0, stdout: 'enabled\n', stderr: '' },
  },
  'stopped daemon': {
    unit: 'libvirtd.service',
    shown: `Type=notify
Restart=on-failure
Id=libvirtd.service
RequiredBy=
WantedBy=multi-user.target
TriggeredBy=libvirtd.socket libvirtd-admin.socket libvirtd-ro.socket
LoadState=loaded
ActiveState=inactive
SubState=dead
SourcePath=
UnitFileState=enabled
ActiveEnterTimestampMonotonic=6956921612
NeedDaemonReload=no
`,
    isEnabled: { exitCode: 0, stdout: 'enabled\n', stderr: '' },
  },
  'stopped script': {
    unit: 'network.service',
    shown: `Type=forking
Restart=no
Id=network.service
RequiredBy=
WantedBy=
TriggeredBy=
LoadState=loaded
ActiveState=inactive
SubState=dead
SourcePath=/etc/init.d/network
UnitFileState=generated
ActiveEnterTimestampMonotonic=0
NeedDaemonReload=no
`,
    isEnabled: {
      exitCode: 1,
      stdout: 'disabled\n',
      stderr:
        'network.service is not a native service, redirecting to systemd-sysv-install.\nExecuting: /lib/systemd/systemd-sysv-install is-enabled network\n',
    },
  },
  'running script': {
    unit: 'network.service',
    shown: `Type=forking
Restart=no
Id=network.service
RequiredBy=
WantedBy=graphical.target multi-user.target
TriggeredBy=
LoadState=loaded
ActiveState=active
SubState=exited
SourcePath=/etc/init.d/network
UnitFileState=generated
ActiveEnterTimestampMonotonic=6958556586
NeedDaemonReload=no
`,
    isEnabled: {
      exitCode: 0,
      stdout: 'enabled\n',
      stderr:
        'network.service is not a native service, redirecting to systemd-sysv-install.\nExecuting: /lib/systemd/systemd-sysv-install is-enabled network\n',
    },
  },
  'failed script': {
    unit: 'network.service',
    shown: `Type=forking
Restart=no
Id=network.service
RequiredBy=
WantedBy=graphical.target multi-user.target
TriggeredBy=
LoadState=loaded
ActiveState=failed
SubState=failed
SourcePath=/etc/init.d/network
UnitFileState=generated
ActiveEnterTimestampMonotonic=6958556586
NeedDaemonReload=no
`,
    isEnabled: {
      exitCode: 0,
      stdout: 'enabled\n',
      stderr:
        'network.service is not a native service, redirecting to systemd-sysv-install.\nExecuting: /lib/systemd/systemd-sysv-install is-enabled network\n',
    },
  },
  'masked script': {
    unit: 'network.service',
    shown: `Type=
Restart=no
Id=network.service
RequiredBy=
WantedBy=
TriggeredBy=
LoadState=masked
ActiveState=inactive
SubState=dead
SourcePath=
UnitFileState=masked
ActiveEnterTimestampMonotonic=0
NeedDaemonReload=no
`,
    isEnabled: { exitCode: 1, stdout: 'masked\n', stderr: '' },
  },
  'running NetworkManager': {
    unit: 'NetworkManager.service',
    shown: `Type=dbus
Restart=on-failure
Id=NetworkManager.service
RequiredBy=NetworkManager-wait-online.service
WantedBy=multi-user.target
TriggeredBy=
LoadState=loaded
ActiveState=active
SubState=running
SourcePath=
UnitFileState=enabled
ActiveEnterTimestampMonotonic=6959918035
NeedDaemonReload=no
`,
    isEnabled: { exitCode: 0, stdout: 'enabled\n', stderr: '' },
  },
  'unknown unit': {
    unit: 'nosuch.service',
    shown: `Type=
Restart=no
Id=nosuch.service
RequiredBy=
WantedBy=
TriggeredBy=
LoadState=not-found
ActiveState=inactive
SubState=dead
SourcePath=
UnitFileState=
ActiveEnterTimestampMonotonic=0
NeedDaemonReload=no
`,
    isEnabled: {
      exitCode: 1,
      stdout: '',
      stderr: 'Failed to get unit file state for nosuch.service: No such file or directory\n',
    },
  },
  'static unit': {
    unit: 'statictest.service',
    shown: `Type=simple
Restart=no
Id=statictest.service
RequiredBy=
WantedBy=
TriggeredBy=
LoadState=loaded
ActiveState=inactive
SubState=dead
SourcePath=
UnitFileState=static
ActiveEnterTimestampMonotonic=0
NeedDaemonReload=no
`,
    isEnabled: { exitCode: 0, stdout: 'static\n', stderr: '' },
  },
  'static unit that a socket triggers': {
    unit: 'dbus.service',
    shown: `Type=notify
Restart=no
Id=dbus.service
RequiredBy=
WantedBy=multi-user.target
TriggeredBy=dbus.socket
LoadState=loaded
ActiveState=active
SubState=running
SourcePath=
UnitFileState=static
ActiveEnterTimestampMonotonic=5372560524
NeedDaemonReload=no

Id=dbus.socket
RequiredBy=systemd-logind.service dbus.service systemd-machined.service NetworkManager-dispatcher.service NetworkManager.service systemd-hostnamed.service
WantedBy=sockets.target systemd-logind.service
TriggeredBy=
LoadState=loaded
ActiveState=active
SubState=running
SourcePath=
UnitFileState=static
ActiveEnterTimestampMonotonic=5372544223
NeedDaemonReload=no
`,
    isEnabled: { exitCode: 0, stdout: 'static\n', stderr: '' },
  },
  'indirect unit': {
    unit: 'virtlockd.service',
    shown: `Type=simple
Restart=no
Id=virtlockd.service
RequiredBy=
WantedBy=
TriggeredBy=virtlockd-admin.socket virtlockd.socket
LoadState=loaded
ActiveState=inactive
SubState=dead
SourcePath=
UnitFileState=indirect
ActiveEnterTimestampMonotonic=0
NeedDaemonReload=no

Id=virtlockd-admin.socket
RequiredBy=virtlockd.service
WantedBy=
TriggeredBy=
LoadState=loaded
ActiveState=active
SubState=listening
SourcePath=
UnitFileState=disabled
ActiveEnterTimestampMonotonic=5372544753
NeedDaemonReload=no

Id=virtlockd.socket
RequiredBy=virtlockd.service libvirtd.service
WantedBy=sockets.target
TriggeredBy=
LoadState=loaded
ActiveState=active
SubState=listening
SourcePath=
UnitFileState=enabled
ActiveEnterTimestampMonotonic=5372544691
NeedDaemonReload=no
`,
    isEnabled: { exitCode: 0, stdout: 'indirect\n', stderr: '' },
  },
  'unit enabled for this boot': {
    unit: 'aliased.service',
    shown: `Type=simple
Restart=no
Id=aliased.service
RequiredBy=
WantedBy=multi-user.target
TriggeredBy=
LoadState=loaded
ActiveState=inactive
SubState=dead
SourcePath=
UnitFileState=enabled-runtime
ActiveEnterTimestampMonotonic=0
NeedDaemonReload=no
`,
    isEnabled: { exitCode: 0, stdout: 'enabled-runtime\n', stderr: '' },
  },
  alias: {
    unit: 'nick.service',
    shown: `Type=simple
Restart=no
Id=aliased.service
RequiredBy=
WantedBy=multi-user.target
TriggeredBy=
LoadState=loaded
ActiveState=inactive
SubState=dead
SourcePath=
UnitFileState=enabled
ActiveEnterTimestampMonotonic=0
NeedDaemonReload=no
`,
    isEnabled: { exitCode: 0, stdout: 'alias\n', stderr: '' },
  },
  'crash-looping unit': {
    unit: 'crash.service',
    shown: `Type=simple
Restart=always
Id=crash.service
RequiredBy=
WantedBy=
TriggeredBy=
LoadState=loaded
ActiveState=activating
SubState=auto-restart
SourcePath=
UnitFileState=disabled
ActiveEnterTimestampMonotonic=6962485161
NeedDaemonReload=no
`,
    isEnabled: { exitCode: 1, stdout: 'disabled\n', stderr: '' },
  },
  'starting unit': {
    unit: 'slow.service',
    shown: `Type=oneshot
Restart=no
Id=slow.service
RequiredBy=
WantedBy=
TriggeredBy=
LoadState=loaded
ActiveState=activating
SubState=start
SourcePath=
UnitFileState=disabled
ActiveEnterTimestampMonotonic=0
NeedDaemonReload=no
`,
    isEnabled: { exitCode: 1, stdout: 'disabled\n', stderr: '' },
  },
  'stopping unit': {
    unit: 'slow.service',
    shown: `Type=oneshot
Restart=no
Id=slow.service
RequiredBy=
WantedBy=
TriggeredBy=
LoadState=loaded
ActiveState=deactivating
SubState=stop
SourcePath=
UnitFileState=disabled
ActiveEnterTimestampMonotonic=6968619006
NeedDaemonReload=no
`,
    isEnabled: { exitCode: 1, stdout: 'disabled\n', stderr: '' },
  },
  'unit that has just started': {
    unit: 'statictest.service',
    shown: `Type=simple
Restart=no
Id=statictest.service
RequiredBy=
WantedBy=
TriggeredBy=
LoadState=loaded
ActiveState=active
SubState=running
SourcePath=
UnitFileState=static
ActiveEnterTimestampMonotonic=6970809233
NeedDaemonReload=no
`,
    isEnabled: { exitCode: 0, stdout: 'static\n', stderr: '' },
  },
  socket: {
    unit: 'libvirtd.socket',
    shown: `Id=libvirtd.socket
RequiredBy=
WantedBy=sockets.target libvirtd.service
TriggeredBy=
LoadState=loaded
ActiveState=active
SubState=listening
SourcePath=
UnitFileState=enabled
ActiveEnterTimestampMonotonic=6970881123
NeedDaemonReload=no
`,
    isEnabled: { exitCode: 0, stdout: 'enabled\n', stderr: '' },
  },
} as const satisfies Record<string, UnitCapture>;

/** `/proc/uptime` right after the unit that has just started was looked at. */
export const uptime = '6970.94 13165.78\n';

/** `systemctl cat virtlockd.service` */
export const virtlockdFile = `# /lib/systemd/system/virtlockd.service
[Unit]
Description=Virtual machine lock manager
Requires=virtlockd.socket
Requires=virtlockd-admin.socket
Before=libvirtd.service
Documentation=man:virtlockd(8)
Documentation=https://libvirt.org

[Service]
Environment=VIRTLOCKD_ARGS=
EnvironmentFile=-/etc/default/virtlockd
ExecStart=/usr/sbin/virtlockd $VIRTLOCKD_ARGS
ExecReload=/bin/kill -USR1 $MAINPID
# Losing the locks is a really bad thing that will
# cause the machine to be fenced (rebooted), so make
# sure we discourage OOM killer
OOMScoreAdjust=-900
# Needs to allow for max guests * average disks per guest
# libvirtd.service written to expect 4096 guests, so if we
# allow for 10 disks per guest, we get:
LimitNOFILE=40960

[Install]
Also=virtlockd.socket`;
