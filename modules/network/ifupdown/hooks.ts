import { type InterfacesLine, interfacesLine } from '../../../lib/formats/interfaces.ts';
import { isHook, type Stanza } from './lines.ts';

/** What a hook adds by one command of iproute2 or net-tools. */
interface Addition {
  /** The command that takes it away. */
  readonly removal: string;
  readonly kind: 'rule' | 'route';
  /** The words behind `add`: the destination or the selector, and the rest. */
  readonly words: readonly string[];
}

const upWords: readonly string[] = ['pre-up', 'up', 'post-up'];

const addition =
  /^((?:\/\S*\/)?ip\s+(?:-\S+\s+)*(?:ru(?:le)?|r(?:o(?:ute)?)?)|(?:\/\S*\/)?route(?:\s+-\S+)*?)\s+(?:add|replace|append|prepend)\s+([^;&|<>]+?)(?:\s+2?>\S+)*(?:\s*\|\|\s*(?:true|:))?$/;

/** Tells whether a text has a command that adds a route, anywhere. */
export function addsRoute(text: string): boolean {
  return /\broute\s+(?:-\S+\s+)*(?:add|replace|append)\b|\bip\s+(?:-\S+\s+)*r(?:o)?\s+(?:add|replace|append)\b/.test(
    text,
  );
}

function addsRule(text: string): boolean {
  return /\bip\s+(?:-\S+\s+)*ru(?:le)?\s+add\b/.test(text);
}

function additionIn({ key = '', value = '' }: InterfacesLine): Addition | undefined {
  if (!upWords.includes(key)) return undefined;
  const [, command, rest] = addition.exec(value.trim()) ?? [];
  if (command === undefined || rest === undefined) return undefined;
  const kind = /\sru(?:le)?$/.test(command) ? 'rule' : 'route';
  return { removal: `${command} del ${rest}`, kind, words: rest.split(/\s+/) };
}

/** Tells whether a hook takes away what another one adds: all that it names is named there. */
function takesAway(line: InterfacesLine, { kind, words }: Addition): boolean {
  if (!isHook(line) || upWords.includes(line.key ?? '')) return false;
  const name = kind === 'rule' ? 'ru(?:le)?' : 'r(?:o(?:ute)?)?';
  const pattern = new RegExp(`\\b${name}\\s+(?:-\\S+\\s+)*(?:del(?:ete)?|flush)\\s+([^;&|<>]+)`, 'g');
  const removals = [...(line.value ?? '').matchAll(pattern)].map(([, rest = '']) => rest.trim().split(/\s+/));
  return removals.some((removal) => removal.every((word) => words.includes(word) || word === '2'));
}

/**
 * Adds to stanzas what takes away the rules and routes that their hooks add, where no hook of theirs does so. Without it a rule of the
 * port would stay beside the same one of the bridge, and `ip route add` of a route that no link carries would fail.
 */
export function withRemovals<Kind extends Stanza>(stanzas: readonly Kind[]): readonly Kind[] {
  const hooks = stanzas.flatMap(({ lines }) => lines);
  return stanzas.map((stanza) => {
    const added = stanza.lines.flatMap((line) => additionIn(line) ?? []);
    const left = added.filter((each) => !hooks.some((hook) => takesAway(hook, each)));
    const removals = left.map(({ removal }) => interfacesLine(`    down ${removal} 2>/dev/null || true`));
    return removals.length === 0 ? stanza : { ...stanza, lines: [...stanza.lines, ...removals.reverse()] };
  });
}

/** Returns the hooks that add rules or routes in words of a shell that cannot be turned round, and that no hook takes away. */
export function lastingHooks(stanzas: readonly Stanza[]): readonly InterfacesLine[] {
  const hooks = stanzas.flatMap(({ lines }) => lines.filter(isHook));
  const down = hooks.filter(({ key = '' }) => !upWords.includes(key));
  const isRemoving = down.some(({ value = '' }) => /\br(?:ule|u|oute|o)?\s+(?:-\S+\s+)*(?:del|flush)/.test(value));
  if (isRemoving) return [];
  return hooks.filter(
    (line) =>
      upWords.includes(line.key ?? '') &&
      (addsRule(line.value ?? '') || addsRoute(line.value ?? '')) &&
      additionIn(line) === undefined,
  );
}

/** Takes hooks out of stanzas, along with those that take away at `down` what they add. */
export function withoutHooks<Kind extends Stanza>(
  stanzas: readonly Kind[],
  isUnwanted: (line: InterfacesLine) => boolean,
): readonly Kind[] {
  const all = stanzas.flatMap(({ lines }) => lines);
  const additions = (lines: readonly InterfacesLine[]): readonly Addition[] =>
    lines.flatMap((line) => additionIn(line) ?? []);
  const gone = additions(all.filter(isUnwanted));
  const kept = additions(all.filter((line) => !isUnwanted(line)));
  const isLeft = (line: InterfacesLine): boolean =>
    gone.some((each) => takesAway(line, each)) && !kept.some((each) => takesAway(line, each));
  return stanzas.map((stanza) => ({
    ...stanza,
    lines: stanza.lines.filter((line) => !isUnwanted(line) && !isLeft(line)),
  }));
}
