import { stat } from 'node:fs/promises';
import nodeModule from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PlaybookError } from '../errors.ts';
import { importable } from '../process/package_files.ts';
import { cacheDirectory, privateDirectory } from '../process/private_directory.ts';
import { loadError } from '../task/load_error.ts';
import { isPlay, type Play } from './play.ts';

const example = `import { play } from 'kvm-play';
import { sysctl } from 'kvm-play/modules';

export default play({
  name: 'Forward packets',
  tasks: [sysctl({ values: { 'net.ipv4.ip_forward': 1 } })],
});`;

/** The entry points of this very copy of the library: a site must not load a second one. */
const entryPoints: Readonly<Record<string, string>> = {
  'kvm-play': importable('lib/index'),
  'kvm-play/modules': importable('modules/index'),
};

/**
 * Loads a site: natively where Node strips types, else through jiti, with a cache that nobody else can write to.
 * @param path of a `.ts`, `.mts`, `.cts`, `.js`, `.mjs` or `.cjs` file
 * @returns the plays that it exports as its default
 * @throws PlaybookError, with the line where it is known; ArgumentError for a task of the site
 */
export async function loadSite(path: string): Promise<readonly Play[]> {
  const file = resolve(path);
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) throw new PlaybookError(`there is no file ${path === '' ? "''" : path}`);
  if (!found.isFile()) throw new PlaybookError(`${path} is no file; name the site itself, e.g. site.ts`);
  refuseOtherFiles(path);
  const exported = await evaluate(file, path);
  const plays = Array.isArray(exported) ? exported : [exported];
  if (plays.length > 0 && plays.every(isPlay)) return plays;
  throw new PlaybookError(`${path} exports no play as its default. This is how a site looks:\n\n${example}`);
}

/** Users of Ansible may give a playbook, or an inventory without `-i`. */
function refuseOtherFiles(path: string): void {
  if (/\.[cm]?[jt]s$/.test(path)) return;
  const what = /\.ya?ml$/.test(path)
    ? `${path} is YAML, and a site is a TypeScript file: docs/from_ansible.md shows a playbook beside a site, and what each keyword is here`
    : `${path} is no site, which is a TypeScript or JavaScript file that ends with .ts, .mts, .cts, .js, .mjs or .cjs`;
  throw new PlaybookError(`${what}; an inventory is given as -i ${path}. This is how a site looks:\n\n${example}`);
}

async function evaluate(file: string, path: string): Promise<unknown> {
  try {
    return loadsNatively(file) ? await importNatively(file) : await importByJiti(file);
  } catch (error) {
    throw await loadError(path, error);
  }
}

/** The hooks of Node 22.15 and later, which the types of Node 20 do not know. */
interface ResolveHooks {
  registerHooks(hooks: {
    resolve(specifier: string, context: Resolving, next: (specifier: string, context: Resolving) => Resolved): Resolved;
  }): { deregister(): void };
}

interface Resolving {
  readonly conditions?: readonly string[];
}

interface Resolved {
  readonly url: string;
  readonly format?: string | null | undefined;
  readonly shortCircuit?: boolean;
}

function hasHooks(module: object): module is ResolveHooks {
  return 'registerHooks' in module && typeof module.registerHooks === 'function';
}

/**
 * Node strips types from 22.18 on, and never below node_modules. Hooks to resolve names came before that, with 22.15. What is
 * CommonJS by its name and has types may still be written as a module, as TypeScript has it.
 */
function loadsNatively(file: string): boolean {
  if (isBelowNodeModules(file) || file.endsWith('.cts') || !hasHooks(nodeModule)) return false;
  return /\.[cm]?js$/.test(file) || ('typescript' in process.features && Boolean(process.features.typescript));
}

function isBelowNodeModules(file: string): boolean {
  return file.split('/').includes('node_modules');
}

/** A file of the site that Node would not load as what it is. Nothing of the site has run when it is found. */
class NeedsTranslation extends Error {}

async function importNatively(file: string): Promise<unknown> {
  if (!hasHooks(nodeModule)) throw new PlaybookError('this Node cannot map names of modules');
  const hooks = nodeModule.registerHooks({
    resolve: (specifier, context, next) => {
      const url = entryPoints[specifier];
      if (url !== undefined) return { url, shortCircuit: true };
      const resolved = next(specifier, context);
      return context.conditions?.includes('require') ? resolved : asModule(resolved);
    },
  });
  try {
    const site: { default?: unknown } = await import(pathToFileURL(file).href);
    return site.default;
  } catch (error) {
    // Enums and the like have to be translated, not only stripped. Node says so before anything of the site has run.
    const isToBeTranslated = error instanceof NeedsTranslation || hasCode(error, 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX');
    if (isToBeTranslated) return importByJiti(file);
    throw error;
  } finally {
    hooks.deregister();
  }
}

/**
 * Where no package.json says what a `.ts` file is, it is a module; Node would find out by parsing it twice, and warn. Where one says
 * that it is CommonJS, as `npm init` writes, it is most often a module all the same, and so is a `.js` file; Node would refuse it, and warn.
 * @throws NeedsTranslation for a file that may be one or the other
 */
function asModule(resolved: Resolved): Resolved {
  const { url, format } = resolved;
  const isOfSite = url.startsWith('file:') && /\.[jt]s$/.test(url) && !isBelowNodeModules(url);
  if (!isOfSite || format === 'module' || format === 'module-typescript') return resolved;
  const isUnknown = format === undefined || format === null;
  if (isUnknown && url.endsWith('.ts')) return { ...resolved, format: 'module-typescript' };
  throw new NeedsTranslation(url);
}

/** Where translated sites are kept: jiti's own choice is a directory that others can write to, and what lies there is run. */
function siteCache(): string | undefined {
  const directory = cacheDirectory();
  return directory && privateDirectory(join(directory, 'sites'));
}

async function importByJiti(file: string): Promise<unknown> {
  // Imported, its large CommonJS file would be searched for names first.
  const { createJiti }: typeof import('jiti') = nodeModule.createRequire(import.meta.url)('jiti');
  const virtualModules: Record<string, unknown> = {};
  for (const [name, url] of Object.entries(entryPoints)) {
    // One after the other: where jiti runs the library's own sources, files that both entry points need are else used half evaluated.
    virtualModules[name] = await import(url);
  }
  const jiti = createJiti(import.meta.url, {
    fsCache: siteCache() ?? false,
    moduleCache: false,
    interopDefault: false,
    virtualModules,
  });
  const site = await jiti.import<{ default?: unknown }>(file);
  // Of CommonJS there is only what it exports.
  return site.default ?? site;
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
