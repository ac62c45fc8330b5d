import type { Alias, Document } from 'yaml';
import { editYaml, formatYaml, type TextEdit } from './yaml_edit.ts';
import { isMapping, plainValue, type YamlMapping } from './yaml_value.ts';

/** A YAML file that was read. */
export interface YamlText {
  readonly text: string;
  /** What it says; empty for an empty file. Aliases stand for what they name. */
  readonly value: YamlMapping;
}

/** Why a YAML file could not be read. */
export interface YamlProblem {
  /** From 1 on. */
  readonly line: number;
  readonly problem: string;
}

/** Reads and writes YAML. It is loaded when it is needed: most hosts have no YAML. */
export interface YamlFormat {
  parse(text: string): YamlText | YamlProblem;
  /** Writes a mapping in block style. */
  format(value: YamlMapping): string;
  /**
   * Makes the edits after which a text says what is wanted. All lines that need not change stay as they are.
   * @returns a sentence's end that says why there are no such edits, e.g. `stands behind an alias`
   */
  edit(text: string, wanted: YamlMapping): readonly TextEdit[] | string;
}

/** Loads the parser. */
export async function loadYaml(): Promise<YamlFormat> {
  const yaml = await import('yaml');

  function parse(text: string): YamlText | YamlProblem {
    const lines = new yaml.LineCounter();
    const documents = yaml.parseAllDocuments(text, {
      schema: 'failsafe',
      version: '1.1',
      prettyErrors: false,
      lineCounter: lines,
    });
    const [first, second] = Array.isArray(documents) ? documents : [];
    if (first === undefined) return { text, value: {} };
    const [error] = first.errors;
    if (error !== undefined) return { line: lines.linePos(error.pos[0]).line, problem: error.message };
    if (second !== undefined) {
      return { line: lines.linePos(second.range[0]).line, problem: 'a second document begins in the same file' };
    }
    if (yaml.isScalar(first.contents) && first.contents.value === '') return { text, value: {} };
    if (!yaml.isMap(first.contents)) return { line: 1, problem: 'it is no mapping' };
    const lost = unresolvedAlias(first);
    if (lost !== undefined) {
      return { line: lines.linePos(lost.range?.[0] ?? 0).line, problem: `nothing before it is called ${lost.source}` };
    }
    const value = plainValue(first.toJS());
    return isMapping(value) ? { text, value } : { line: 1, problem: 'it is no mapping' };
  }

  function unresolvedAlias(document: Document): Alias | undefined {
    let found: Alias | undefined;
    yaml.visit(document, {
      Alias: (_key, alias) => {
        if (alias.resolve(document) !== undefined) return undefined;
        found = alias;
        return yaml.visit.BREAK;
      },
    });
    return found;
  }

  return {
    parse,
    edit: (text, wanted) => editYaml(yaml, text, wanted),
    format: (value) => formatYaml(yaml, value),
  };
}
