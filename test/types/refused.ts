/**
 * What must not compile. `tsc -p test/tsconfig.json` checks this file: an `@ts-expect-error` above a line that compiles is an error.
 * Nothing runs it.
 */
import {
  command as commandStep,
  defineModule,
  type Host,
  play,
  type ReadonlyHost,
  type Step,
  secret,
  writeFile,
} from 'kvm-play';
import { command, file, ifcfgBridge, service, sysctl, virshVolume, virtInstall } from 'kvm-play/modules';

/** A read gets a host that has no way to take a step. */
export const stepping = defineModule<object, { value: string }, undefined>({
  name: 'stepping',
  desired: () => ({ value: 'x' }),
  subject: () => 'x',
  read: async (host) => {
    // @ts-expect-error: only the engine executes steps
    await host.execute(commandStep(['reboot']));
    // @ts-expect-error: only the engine takes the lock
    await host.lock();
    return { state: {}, found: undefined };
  },
  // @ts-expect-error: a plan is pure, it gets no host and promises nothing
  plan: async () => [],
});

/** What is asked whether it is in force only looks as well. */
export const loading = defineModule<object, { value: string }, undefined>({
  name: 'loading',
  desired: () => ({ value: 'x' }),
  subject: () => 'x',
  read: async (host) => {
    // @ts-expect-error: a step that cuts the link is a step
    await host.executeDetached([commandStep(['reboot'])]);
    // @ts-expect-error: a query is an argument vector, never a shell line
    await host.query('rm -rf /');
    return { state: {}, found: undefined };
  },
  plan: () => [],
  inForce: async (host) => {
    // @ts-expect-error: only the engine executes steps
    await host.execute(commandStep(['systemctl', 'restart', 'network']));
    return { loaded: [], settled: [] };
  },
});

/** A host that only looks is no host to run tasks on. */
export function asHost(reader: ReadonlyHost): Host {
  // @ts-expect-error: it cannot execute
  return reader;
}

/** A step is plain data that nobody changes. */
export function change(step: Step): void {
  // @ts-expect-error: frozen
  step.kind = 'command';
  // @ts-expect-error: a command is an argument vector, never a shell line
  commandStep('rm -rf /');
  // @ts-expect-error: a step disturbs links, guests or data
  commandStep(['x'], { disrupts: 'nothing' });
  // @ts-expect-error: the text is missing
  writeFile('/etc/x');
}

/** A state that `read` answers has the type of the one that is wanted. */
export const mistyped = defineModule<object, { value: string }, undefined>({
  name: 'mistyped',
  desired: () => ({ value: 'x' }),
  subject: () => 'x',
  // @ts-expect-error: a number is no text
  read: async () => ({ state: { value: 1 }, found: undefined }),
  plan: () => [],
});

/** Wrong arguments in a site. */
export const site = play({
  name: 'Wrong',
  vars: { forward: 1, title: 'x' },
  tasks: (vars) => [
    // @ts-expect-error: there is no such argument
    sysctl({ values: {}, fil: '/etc/x' }),
    // @ts-expect-error: the values are missing
    sysctl('Forward', {}),
    // @ts-expect-error: a list is no value
    sysctl({ values: { 'net.ipv4.ip_forward': [1] } }),
    // @ts-expect-error: there is no such state
    service({ name: 'network', state: 'running' }),
    // @ts-expect-error: a reflected task is a task, not a title
    service({ name: 'network', reflects: ['Create the bridge'] }),
    // @ts-expect-error: the name is missing
    virshVolume({ pool: 'default', capacity: '8G' }),
    // @ts-expect-error: there is no such disruption
    service({ name: 'network', disrupts: ['links'] }),
    // @ts-expect-error: a process list shows arguments
    command({ argv: ['login', secret.env('TOKEN')] }),
    // @ts-expect-error: a mode is text in octal digits
    file({ path: '/etc/x', mode: 644 }),
    // @ts-expect-error: memory is a number of MiB
    virtInstall({ name: 'gibbon', memory: '512', cdrom: '/x.iso' }),
    // @ts-expect-error: a bridge takes a port
    ifcfgBridge({ name: 'br0' }),
    // @ts-expect-error: there is no such variable
    sysctl({ values: { 'net.ipv4.ip_forward': vars.forwrad } }),
    // @ts-expect-error: a variable has its default's type
    service({ name: 'network', enabled: vars.title }),
  ],
});

// @ts-expect-error: a play has a name
play({ tasks: [] });
// @ts-expect-error: its tasks come from modules
play({ name: 'x', tasks: [{ title: 'x' }] });
// @ts-expect-error: a list is no variable
play({ name: 'x', vars: { list: [1] }, tasks: [] });

const forwarding = sysctl({ values: { 'net.ipv4.ip_forward': 1 } });

export const results = play({
  name: 'Results',
  tasks: [
    // @ts-expect-error: a result has the type of its module's state
    sysctl({ values: {}, when: (known) => known.after(forwarding).name === 'x' }),
    // @ts-expect-error: a condition is true or false
    sysctl({ values: {}, when: () => 'yes' }),
    // @ts-expect-error: `until` gets the state of its own module
    service({ name: 'network', state: 'started', until: ({ live }) => live !== undefined }),
    // @ts-expect-error: a result is reached through the task, never through a name
    sysctl({ values: {}, when: (known) => known.changed('forwarding') }),
  ],
});
