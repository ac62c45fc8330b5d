import { readdir, readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { runProcess } from '../session/process.ts';
import type { HostSpec } from './host_spec.ts';
import { askArguments, type SshConfiguration } from './ssh_command.ts';

/** Seconds after which ssh gives up connecting, where ssh_config says nothing. */
const connectLimit = 10;
/**
 * Where ssh_config says nothing, ssh probes a silent host at this interval, in seconds, and gives up after this number of unanswered
 * probes. A link that was down for 9 s is heard again after up to 20 s, because TCP doubles its pauses.
 */
const aliveDefaults = { interval: 5, count: 6 } as const;

/** What ssh_config says about a host, as far as our own ssh has to know. */
export interface SshSettings {
  /** Seconds after which ssh gives up connecting. */
  readonly connectLimit: number;
  /** Options for every call. */
  readonly options: readonly string[];
}

/** Keys of ssh_config on which the settings depend. */
const keys = /serveralive|connecttimeout|sessiontype|stdinnull|forkafterauthentication|channeltimeout/i;

/** Overrides for settings of ssh_config that would break our commands. An ssh that does not know a key refuses the option. */
const neutral: ReadonlyMap<string, string> = new Map([
  ['SessionType', 'default'],
  ['StdinNull', 'no'],
  ['ForkAfterAuthentication', 'no'],
  ['ChannelTimeout', 'none'],
]);

/**
 * Reads what ssh_config says about a host. ssh itself is asked only where one of its files has one of the keys in question: a
 * process for each of many hosts takes longer than reading the files once.
 */
export async function sshSettings(spec: HostSpec, configuration: SshConfiguration): Promise<SshSettings> {
  if (!(await isMentioned(configuration))) return settingsOf(new Map());
  return settingsOf(await askSsh(spec, configuration, []));
}

/** Asks ssh for its effective configuration for a host, by key in lower case; empty where ssh cannot be asked. */
export async function askSsh(
  spec: HostSpec,
  configuration: SshConfiguration,
  options: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const { exitCode, stdout } = await runProcess('ssh', askArguments(spec, configuration, options), { timeLimit: 10 });
  const lines = exitCode === 0 ? stdout.toString().split('\n') : [];
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1).trim()] as const),
  );
}

/** Turns ssh's configuration into options. ssh prints 0 and `none` where nothing is configured. */
export function settingsOf(values: ReadonlyMap<string, string>): SshSettings {
  const number = (key: string): number => Number(values.get(key) ?? 0) || 0;
  const count = number('serveralivecountmax');
  // ssh's own default is 3, which with an interval of none means nothing.
  const isCountSet = count !== 0 && count !== 3;
  const alive =
    number('serveraliveinterval') > 0
      ? []
      : [
          `ServerAliveInterval=${aliveDefaults.interval}`,
          ...(isCountSet ? [] : [`ServerAliveCountMax=${aliveDefaults.count}`]),
        ];
  const neutralised = [...neutral].flatMap(([key, value]) => {
    const found = values.get(key.toLowerCase());
    return found === undefined || found === value ? [] : [`${key}=${value}`];
  });
  return {
    connectLimit: number('connecttimeout') || connectLimit,
    options: [...alive, ...neutralised].flatMap((option) => ['-o', option]),
  };
}

/** Reads the files once per run; a change during the run is seen by the next one. */
async function isMentioned({ sshConfig, mentions = new Map() }: SshConfiguration): Promise<boolean> {
  const known = mentions.get(sshConfig ?? '');
  if (known !== undefined) return known;
  const own = join(userInfo().homedir, '.ssh');
  const found =
    sshConfig === undefined
      ? anyMentions([join(own, 'config'), '/etc/ssh/ssh_config'], own)
      : anyMentions([sshConfig], own);
  mentions.set(sshConfig ?? '', found);
  return found;
}

/** @param own the user's directory, which relative names in files of the user's are below */
async function anyMentions(files: readonly string[], own: string, depth = 0): Promise<boolean> {
  // ssh itself follows no more than 16.
  if (depth > 16) return true;
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => '');
    if (keys.test(text)) return true;
    const base = file.startsWith('/etc/ssh/') ? dirname(file) : own;
    for (const [, patterns = ''] of text.matchAll(/^\s*include[\s=]+(.*)$/gim)) {
      for (const pattern of patterns.split(/\s+/).filter((each) => each !== '')) {
        const included = await filesOf(pattern, base, own);
        if (included === undefined || (await anyMentions(included, own, depth + 1))) return true;
      }
    }
  }
  return false;
}

/** @returns undefined for a pattern that only ssh can read */
async function filesOf(pattern: string, base: string, own: string): Promise<readonly string[] | undefined> {
  const path = pattern.replace(/^~(?=\/)/, dirname(own));
  const absolute = isAbsolute(path) ? path : join(base, path);
  const [directory, name] = [dirname(absolute), absolute.slice(absolute.lastIndexOf('/') + 1)];
  if (/["'%$~[\]{}\\]/.test(absolute) || /[*?]/.test(directory)) return undefined;
  if (!/[*?]/.test(name)) return [absolute];
  const escaped = name
    .replaceAll(/[.+^()|]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  const all = await readdir(directory).catch(() => []);
  return all.filter((each) => new RegExp(`^${escaped}$`).test(each)).map((each) => join(directory, each));
}
