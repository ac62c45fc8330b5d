import { PlaybookError } from '../../errors.ts';

/** What a file that Ansible Vault has encrypted begins with. */
const vaultHeader = '$ANSIBLE_VAULT';

const vaultWords =
  'is encrypted by Ansible Vault, which kvm-play cannot decrypt; keep the secret out of the inventory, and let the site read it (secret.file, secret.command)';

/**
 * Reads YAML or JSON as Ansible does: YAML 1.1 with PyYAML's rules for numbers and booleans.
 * @param file its name, for messages
 * @throws PlaybookError with the line where it is known: for what cannot be read, and for what is encrypted
 */
export async function parseYaml(text: string, file: string): Promise<unknown> {
  if (text.startsWith(vaultHeader)) throw new PlaybookError(`${file} ${vaultWords}`);
  const { LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(text, {
    schema: 'failsafe',
    version: '1.1',
    merge: true,
    customTags: (tags) => [...tags, ...scalars, vault, unsafe],
    lineCounter: lines,
    prettyErrors: false,
  });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) {
    const location = { file, line: lines.linePos(problem.pos[0]).line };
    throw new PlaybookError(
      problem.message.startsWith(vaultHeader)
        ? `a value ${vaultWords}`
        : `it is no YAML that can be read: ${problem.message}`,
    ).at({ location });
  }
  try {
    return document.toJS();
  } catch (error) {
    // Aliases that stand for more than a file can mean.
    throw new PlaybookError(`${file} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

/** A plain scalar that is no text. */
const scalar = (test: RegExp, resolve: (text: string) => unknown) =>
  ({ tag: `tag:kvm-play:${test.source}`, default: true, test, resolve }) as const;

const scalars = [
  scalar(/^(?:~|null|Null|NULL|)$/, () => null),
  scalar(/^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/, () => true),
  scalar(/^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/, () => false),
  scalar(/^[-+]?0b[01_]+$/, (text) => integer(text, 2, text.replace('0b', ''))),
  scalar(/^[-+]?0x[0-9a-fA-F_]+$/, (text) => integer(text, 16, text.replace('0x', ''))),
  scalar(/^[-+]?0[0-7_]+$/, (text) => integer(text, 8, text)),
  scalar(/^[-+]?(?:0|[1-9][0-9_]*)$/, (text) => integer(text, 10, text)),
  scalar(/^[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+$/, sexagesimal),
  scalar(/^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*$/, sexagesimal),
  scalar(/^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?)$/, (text) =>
    Number(text.replaceAll('_', '')),
  ),
];

const vault = {
  tag: '!vault',
  resolve: (text: string, onError: (message: string) => void): string => {
    onError(vaultHeader);
    return text;
  },
} as const;

/** Text that Ansible fills no template in. */
const unsafe = { tag: '!unsafe', resolve: (text: string): string => text } as const;

/** An integer that no number can hold stays text. */
function integer(text: string, base: number, digits: string): number | string {
  const value = Number.parseInt(digits.replaceAll('_', ''), base);
  return Number.isSafeInteger(value) ? value : text;
}

/** Hours, minutes and seconds, as `1:30:00`. */
function sexagesimal(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1;
  const parts = text.replace(/^[-+]/, '').replaceAll('_', '').split(':');
  return sign * parts.reduce((sum, part) => sum * 60 + Number(part), 0);
}
