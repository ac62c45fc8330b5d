import { createRequire } from 'node:module';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The part of TypeScript that is used here; which version it is, the site decides. */
type TypeScript = typeof import('typescript');

/** Most errors that are shown: the first ones explain the others. */
const most = 5;

/** This very copy of the library: its sources, or its declarations. */
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'd.ts';
const paths = {
  'kvm-play': [fileURLToPath(new URL(`../index.${extension}`, import.meta.url))],
  'kvm-play/modules': [fileURLToPath(new URL(`../../modules/index.${extension}`, import.meta.url))],
};

/**
 * Says in TypeScript's words what is wrong with the types of a site that has been refused, where the site's own project has
 * TypeScript; running a site does not check its types.
 * @param site its path
 * @returns a line for each error; none where there is no TypeScript, or nothing to be said
 */
export async function typeErrors(site: string): Promise<readonly string[]> {
  const ts = await siteTypeScript(resolve(site));
  if (ts === undefined) return [];
  const program = ts.createProgram([resolve(site)], {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    paths,
    types: [],
  });
  const own = program.getSourceFiles().filter(({ fileName }) => isOfSite(fileName, dirname(resolve(site))));
  const found = own.flatMap((source) =>
    [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ start = 0, code, messageText }) => {
        const { line } = source.getLineAndCharacterOfPosition(start);
        const words = ts.flattenDiagnosticMessageText(messageText, '\n');
        return `${relative(process.cwd(), source.fileName)}:${line + 1}: TS${code}: ${words}`;
      },
    ),
  );
  return found.slice(0, most);
}

/** The site's own project may have it; ours does not bring it along. */
async function siteTypeScript(site: string): Promise<TypeScript | undefined> {
  try {
    const path = createRequire(site).resolve('typescript');
    const module: { default: TypeScript } = await import(path);
    return module.default;
  } catch {
    return undefined;
  }
}

function isOfSite(file: string, directory: string): boolean {
  return file.startsWith(`${directory}/`) && !file.includes('/node_modules/') && !file.endsWith('.d.ts');
}
