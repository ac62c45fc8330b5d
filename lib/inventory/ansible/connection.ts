import type { HostSpec } from '../../hosts/ssh/host_spec.ts';
import type { InventoryValues } from './entries.ts';
import { honoured, isUnused, meantVariable, refusals } from './variables.ts';

/** How a host of an inventory is reached, and the settings for that which are not supported. */
export interface Connection {
  readonly spec: HostSpec;
  /** Whether to become root; undefined where nothing is said. */
  readonly become: boolean | undefined;
  /** Settings that are not supported: each text names the variable, and what to do instead. */
  readonly problems: readonly string[];
  /** Variables of Ansible's own that have no effect here. */
  readonly unused: readonly string[];
}

const connectionWords = /^(?:ansible\.builtin\.)?(?:ssh|smart|paramiko|paramiko_ssh|local)$/;

/**
 * Works out how a host is reached from its values in an inventory.
 * @param name of the host, which is its address too unless the values give another
 */
export function connectionOf(name: string, values: InventoryValues): Connection {
  const problems: string[] = [];
  const text = (key: string): string | undefined => {
    const value = values[key];
    return value === undefined || value === null ? undefined : String(value);
  };
  const first = (keys: readonly string[]): string | undefined => {
    const [found, other] = keys.flatMap((key) => (text(key) === undefined ? [] : [{ key, value: text(key) ?? '' }]));
    if (found !== undefined && other !== undefined && found.value !== other.value) {
      problems.push(
        `${found.key}=${found.value} and ${other.key}=${other.value} are two names of one thing; leave one`,
      );
    }
    if (found?.value === '') problems.push(`${found.key} is empty; write a value, or take it out`);
    if (found !== undefined && /\{\{|\{%/.test(found.value)) {
      problems.push(
        `${found.key} holds a template (${found.value}), which only Ansible fills in; write the value itself`,
      );
    }
    return found?.value;
  };
  const port = first(honoured.port);
  if (port !== undefined && port !== '' && !(/^\d+$/.test(port) && Number(port) >= 1 && Number(port) <= 65535)) {
    problems.push(`ansible_port=${port} is no port; a port is a number from 1 to 65535`);
  }
  const become = text('ansible_become');
  if (become !== undefined && !truth.test(become) && !untruth.test(become)) {
    problems.push(`ansible_become=${become} is neither true nor false`);
  }
  const connection = first(honoured.connection);
  if (connection !== undefined && connection !== '' && !connectionWords.test(connection)) {
    problems.push(`ansible_connection=${connection} is not supported; there are ssh and local`);
  }
  problems.push(...refused(text));
  const own = Object.keys(values).filter(isUnused);
  const mistyped = own.flatMap((key) => {
    const close = meantVariable(key);
    return close === undefined ? [] : [{ key, close }];
  });
  problems.push(...mistyped.map(({ key, close }) => `${key} is no variable of Ansible's; did you mean ${close}?`));
  return {
    spec: specOf(name, connection, port, first),
    become: become === undefined ? undefined : truth.test(become),
    problems,
    unused: own.filter((key) => !mistyped.some((each) => each.key === key)),
  };
}

const truth = /^(?:true|yes|on|1|t|y)$/i;
const untruth = /^(?:false|no|off|0|f|n|)$/i;

function specOf(
  name: string,
  connection: string | undefined,
  port: string | undefined,
  first: (keys: readonly string[]) => string | undefined,
): HostSpec {
  const [host, user, privateKey] = [first(honoured.host), first(honoured.user), first(honoured.privateKey)];
  if (connection?.endsWith('local')) return { name: 'localhost', alias: name };
  return {
    name: host ?? name,
    alias: name,
    ...(user !== undefined && { user }),
    ...(port !== undefined && { port: Number(port) }),
    ...(privateKey !== undefined && { privateKey }),
  };
}

function refused(text: (key: string) => string | undefined): readonly string[] {
  return refusals.flatMap(({ names, sameWith, instead, isSecret }) =>
    names.flatMap((name) => {
      const value = text(name);
      if (value === undefined || sameWith.test(value)) return [];
      return [`${name}${isSecret ? '' : `=${value}`} is not honoured: ${instead}`];
    }),
  );
}
