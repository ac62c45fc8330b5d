import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import ts from 'typescript';
import { type Block, blocksOf, examplesOf, moduleSources, pages } from '../support/pages.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Type-checks blocks in one go, each as a file beside its page; a site that one imports is there, and so is a block whose first line names it. */
function compile(blocks: readonly Block[]): readonly string[] {
  const settings = { noUnusedLocals: false, moduleDetection: ts.ModuleDetectionKind.Force };
  const parsed = ts.getParsedCommandLineOfConfigFile(join(root, 'test/tsconfig.json'), settings, {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: ({ messageText }) => {
      throw new Error(ts.flattenDiagnosticMessageText(messageText, '\n'));
    },
  });
  const site = "import { play } from 'kvm-play';\n\nexport default play({ name: 'Stand-in', tasks: [] });\n";
  const made = new Map(pages.map((page) => [join(root, dirname(page), 'site.ts'), site]));
  for (const { path, line, code } of blocks) made.set(join(root, `${path}.${line}.ts`), '\n'.repeat(line) + code);
  for (const { path, code } of blocks) {
    const [, name] = /^\/\/ (\S+\.ts)\n/.exec(code) ?? [];
    if (name !== undefined) made.set(join(root, dirname(path), name), code);
  }
  const options = parsed?.options ?? {};
  const host = ts.createCompilerHost(options);
  const program = ts.createProgram([...made.keys()], options, {
    ...host,
    fileExists: (file) => made.has(file) || host.fileExists(file),
    readFile: (file) => made.get(file) ?? host.readFile(file),
    getSourceFile: (file, version, ...rest) => {
      const text = made.get(file);
      return text === undefined
        ? host.getSourceFile(file, version, ...rest)
        : ts.createSourceFile(file, text, version, true);
    },
  });
  return [...made.keys()].flatMap((file) => {
    const source = program.getSourceFile(file);
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return found.map(({ start = 0, messageText }) => {
      const line = (source?.getLineAndCharacterOfPosition(start).line ?? 0) + 1;
      return `${relative(root, file).replace(/\.\d+\.ts$/, '')}:${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
    });
  });
}

test('code in the pages compiles as it stands, and so do the examples of the modules', () => {
  const blocks = [...pages.flatMap((page) => blocksOf(page, 'ts')), ...moduleSources.flatMap(examplesOf)];
  expect(blocks.length).toBeGreaterThan(20);
  expect(compile(blocks)).toEqual([]);
});
