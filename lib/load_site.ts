import { stat } from 'node:fs/promises';
import nodeModule from 'node:module';
import { relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { KvmPlayError, type Location, PlaybookError } from './errors.ts';
import { stackLocations } from './location.ts';
import { isPlay, type Play } from './play.ts';

const example = `import { play } from 'kvm-play';
import { sysctl } from 'kvm-play/modules';

export default play({
  name: 'Forward packets',
  tasks: [sysctl({ values: { 'net.ipv4.ip_forward': 1 } })],
});`;

/** The entry points of this very copy of the library: a site must not load a second one. */
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const entryPoints: Readonly<Record<string, string>> = {
  'kvm-play': new URL(`./index.${extension}`, import.meta.url).href,
  'kvm-play/modules': new URL(`../modules/index.${extension}`, import.meta.url).href,
};

/**
 * Loads a site: natively where Node strips types, else through jiti, without a cache that others could write to.
 * @param path of a `.ts`, `.mts`, `.js` or `.mjs` file
 * @returns the plays that it exports as its default
 * @throws PlaybookError, with the line where it is known; ArgumentError for a task of the site
 */
export async function loadSite(path: string): Promise<readonly Play[]> {
  const file = resolve(path);
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) throw new PlaybookError(`there is no file ${path}`);
  if (!found.isFile()) throw new PlaybookError(`${path} is no file; name the site itself, e.g. site.ts`);
  const exported = await evaluate(file, path);
  const plays = Array.isArray(exported) ? exported : [exported];
  if (plays.length > 0 && plays.every(isPlay)) return plays;
  throw new PlaybookError(`${path} exports no play as its default. This is how a site looks:\n\n${example}`);
}

async function evaluate(file: string, path: string): Promise<unknown> {
  try {
    return loadsNatively(file) ? await importNatively(file) : await importByJiti(file);
  } catch (error) {
    if (error instanceof KvmPlayError) throw error;
    throw new PlaybookError(`${path} cannot be loaded: ${words(error, path)}`, { cause: error }).at({
      location: whereIn(file, error),
    });
  }
}

/** The hooks of Node 22.15 and later, which the types of Node 20 do not know. */
interface ResolveHooks {
  registerHooks(hooks: {
    resolve(specifier: string, context: unknown, next: (specifier: string, context: unknown) => Resolved): Resolved;
  }): { deregister(): void };
}

interface Resolved {
  readonly url: string;
  readonly shortCircuit?: boolean;
}

function hasHooks(module: object): module is ResolveHooks {
  return 'registerHooks' in module && typeof module.registerHooks === 'function';
}

/** Node strips types from 22.18 on, and never below node_modules. Hooks to resolve names came before that, with 22.15. */
function loadsNatively(file: string): boolean {
  if (file.split('/').includes('node_modules') || !hasHooks(nodeModule)) return false;
  return /\.m?js$/.test(file) || ('typescript' in process.features && process.features.typescript === 'strip');
}

async function importNatively(file: string): Promise<unknown> {
  if (!hasHooks(nodeModule)) throw new PlaybookError('this Node cannot map names of modules');
  const hooks = nodeModule.registerHooks({
    resolve: (specifier, context, next) => {
      const url = entryPoints[specifier];
      return url === undefined ? next(specifier, context) : { url, shortCircuit: true };
    },
  });
  try {
    const site: { default?: unknown } = await import(pathToFileURL(file).href);
    return site.default;
  } finally {
    hooks.deregister();
  }
}

async function importByJiti(file: string): Promise<unknown> {
  const { createJiti } = await import('jiti');
  const names = Object.keys(entryPoints);
  const namespaces = await Promise.all(Object.values(entryPoints).map(async (url): Promise<unknown> => import(url)));
  const jiti = createJiti(import.meta.url, {
    fsCache: false,
    moduleCache: false,
    interopDefault: false,
    virtualModules: Object.fromEntries(names.map((name, index) => [name, namespaces[index]])),
  });
  const site = await jiti.import<{ default?: unknown }>(file);
  return site.default;
}

/** The error's own words, without the place: that is shown beside them. */
function words(error: unknown, path: string): string {
  if (!(error instanceof Error)) return String(error);
  const [first = ''] = error.message.split('\n');
  return `${error.name === 'Error' ? '' : `${error.name}: `}${first.trim()}`.replace(path, '').trim();
}

/** Finds the site's own line in an error: in its stack, at the head of Node's, or at the end of what jiti says. */
function whereIn(file: string, error: unknown): Location | undefined {
  if (!(error instanceof Error)) return undefined;
  const text = `${error.message}\n${error.stack ?? ''}`;
  const inStack = stackLocations(error.stack ?? '').find((place) => place.file === file);
  if (inStack !== undefined) return inStack;
  for (const match of text.matchAll(/(\S+?):(\d+)(?::(\d+))?(?=\s|$)/gm)) {
    const [, place = '', line, column = '1'] = match;
    const name = place.startsWith('file://') ? fileURLToPath(place) : place;
    if (relative(file, name) === '') return { file, line: Number(line), column: Number(column) };
  }
  return undefined;
}
