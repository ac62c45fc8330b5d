import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { declarations } from '../process/package_files.ts';
import { environmentForOthers } from '../task/secret.ts';

/** The most errors that are shown: the first ones usually explain the others. */
const most = 5;
/** Milliseconds that the compiler may take: its errors are only a help. */
const compilerLimit = 60_000;

/** The modules of this copy of the library: its sources, or its declarations. */
const paths = {
  'kvm-play': [declarations('lib/index')],
  'kvm-play/modules': [declarations('modules/index')],
};

/**
 * Gives TypeScript's errors for a site that has been refused, if the site's project has TypeScript: running a site does not check
 * its types. The compiler is run as a program, because TypeScript 7 has no other interface.
 * @param site its path
 * @returns a line for each error, at most five; none if there is no TypeScript or no error
 */
export async function typeErrors(site: string): Promise<readonly string[]> {
  const file = resolve(site);
  const compiler = await siteCompiler(file);
  if (compiler === undefined) return [];
  const directory = await mkdtemp(join(tmpdir(), 'kvm-play-types-'));
  try {
    const project = join(directory, 'tsconfig.json');
    await writeFile(project, JSON.stringify({ compilerOptions: optionsFor(file), files: [file] }));
    const printed = await printedBy(compiler, ['--project', project, '--pretty', 'false']);
    return parseErrors(printed)
      .filter((error) => isOfSite(error.file, dirname(file)) && !lacksNodeTypes(error))
      .slice(0, most)
      .map((error) => `${relative(process.cwd(), error.file)}:${error.line}: ${error.words}`);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Compiler options that match how a site is loaded: as a module, whatever its package says. */
function optionsFor(site: string): object {
  const nodeTypes = resolvedFrom(site, '@types/node/package.json');
  return {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    target: 'es2022',
    module: 'esnext',
    moduleResolution: 'bundler',
    paths,
    types: nodeTypes === undefined ? [] : ['node'],
    ...(nodeTypes !== undefined && { typeRoots: [dirname(dirname(nodeTypes))] }),
  };
}

/** Finds the compiler of the site's project; kvm-play has none of its own. @returns the path of `tsc` */
async function siteCompiler(site: string): Promise<string | undefined> {
  const path = resolvedFrom(site, 'typescript/package.json');
  if (path === undefined) return undefined;
  const description: { bin?: { tsc?: string } } = JSON.parse(await readFile(path, 'utf8'));
  const tsc = description.bin?.tsc;
  return tsc === undefined ? undefined : join(dirname(path), tsc);
}

function resolvedFrom(site: string, specifier: string): string | undefined {
  try {
    return createRequire(site).resolve(specifier);
  } catch {
    return undefined;
  }
}

/** Runs the compiler. @returns what it printed; nothing if it cannot be run or takes too long */
async function printedBy(compiler: string, args: readonly string[]): Promise<string> {
  return new Promise((done) => {
    const options = { env: environmentForOthers(), timeout: compilerLimit, maxBuffer: 64 * 1024 * 1024 };
    execFile(process.execPath, [compiler, ...args], options, (_error, stdout) => done(stdout));
  });
}

interface TypeScriptError {
  readonly file: string;
  readonly line: number;
  readonly words: string;
}

/** Reads `FILE(LINE,COLUMN): error TSxxxx: WORDS`, and the indented lines that belong to it. */
function parseErrors(printed: string): readonly TypeScriptError[] {
  const errors = printed.matchAll(/^(\S.*?)\((\d+),\d+\): error (TS\d+: .*(?:\n[ \t].*)*)/gm);
  return [...errors].map(([, file = '', line, words = '']) => ({ file: resolve(file), line: Number(line), words }));
}

/** Tells whether an error only says that the types of Node are missing: a site may use Node without them. */
function lacksNodeTypes({ words }: TypeScriptError): boolean {
  return words.includes('install type definitions for node');
}

function isOfSite(file: string, directory: string): boolean {
  return file.startsWith(`${directory}/`) && !file.includes('/node_modules/') && !file.endsWith('.d.ts');
}
