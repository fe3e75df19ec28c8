/**
 * Plugins of the bundler that decide what comes into a bundle: the module that was asked for with its imports, without
 * types, and without what is shared.
 */
import { builtinModules } from 'node:module';
import { dirname, isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Plugin } from 'rolldown';
import type * as rolldownUtils from 'rolldown/utils';
import { importRolldown } from './rolldown.ts';
import { languageOf } from './source-language.ts';
import type { Missing } from './unmade-bundle.ts';

/** The exports of a module that is not evaluated anew. */
export type Shared = Readonly<Record<string, unknown>>;

/** The module that imports what was asked for. */
export const ENTRY: string = '\0dryrunner-entry';

/** Resolves the entry and the module that was asked for. */
export function entryPlugin(specifier: string, from: string, missing: Missing[]): Plugin {
  return {
    name: 'dryrunner:entry',
    async resolveId(source, importer) {
      if (source === ENTRY) return source;
      if (importer !== ENTRY) return undefined;
      const resolved = await this.resolve(source, from);
      // The bundler would leave it to Node.
      if (resolved === null) missing.push({ source, importer: from });
      return resolved ?? lost(source);
    },
    load: (id) =>
      id === ENTRY
        ? `import * as loaded from ${JSON.stringify(specifier)};\nexport { loaded };\n`
        : undefined,
  };
}

/** Aborts the build. */
function lost(source: string): never {
  throw new Error(`Could not resolve ${JSON.stringify(source)}`);
}

/** Always one copy per process: a second copy of this package would not see the world of the first. */
const ALWAYS_SHARED = ['dryrunner', 'vitest'];
/** Begins the id of a module that stands for a shared one; its number follows. */
const SHARED = '\0dryrunner-shared-';
/** Ends the id of a CommonJS module with its exports: bundled code reads those where it uses them, as ES modules do. */
const SHARED_EXPORTS = '.cjs';
const BUILTINS: ReadonlySet<string> = new Set(builtinModules);

/** Leaves shared modules out; their exports come into `shared`. */
export function sharedPlugin(shared: Shared[], names: readonly string[]): Plugin {
  const isOf = (source: string, name: string): boolean => source === name || source.startsWith(`${name}/`);
  return {
    name: 'dryrunner:shared',
    async resolveId(source, importer, { kind }) {
      if (source.startsWith(SHARED)) return source;
      if (source.startsWith('node:') || BUILTINS.has(source)) return { id: source, external: true };
      if (source.endsWith('.node')) return leftToNode(source, importer);
      const isOurs = ALWAYS_SHARED.some((name) => isOf(source, name));
      if (!isOurs && !names.some((name) => isOf(source, name))) return undefined;
      const resolved = isOurs ? undefined : await this.resolve(source, importer, { skipSelf: true });
      const id = resolved?.id ?? source;
      if (kind === 'require-call') return { id, external: true };
      shared.push(liveExports((await import(isAbsolute(id) ? pathToFileURL(id).href : id)) as Shared));
      return `${SHARED}${shared.length - 1}`;
    },
    load(id) {
      if (!id.startsWith(SHARED)) return undefined;
      const index = Number.parseInt(id.slice(SHARED.length), 10);
      if (id.endsWith(SHARED_EXPORTS)) return `module.exports = $dr_shared[${index}];`;
      const exported = Object.keys(shared[index] as Shared).map((name) => JSON.stringify(name));
      return `export { ${exported.join(', ')} } from ${JSON.stringify(`${id}${SHARED_EXPORTS}`)};`;
    },
  };
}

/** What Node is to load when code asks for it. It would resolve a relative path against the test. */
function leftToNode(source: string, importer = ''): { id: string; external: 'absolute' | true } {
  const isRelative = /^\.{1,2}\//.test(source) && isAbsolute(importer);
  return isRelative
    ? { id: resolve(dirname(importer), source), external: 'absolute' }
    : { id: source, external: true };
}

/** The exports as they are whenever they are read, marked as those of an ES module. */
function liveExports(module: Shared): Shared {
  const live = {};
  for (const name of Object.keys(module)) {
    Object.defineProperty(live, name, { get: () => module[name], enumerable: true, configurable: true });
  }
  const enumerable = Object.hasOwn(live, '__esModule');
  return Object.defineProperty(live, '__esModule', { value: true, enumerable });
}

/**
 * Fails for an import that is not found: the bundler would leave it to Node. A `require` of it is left, because code may
 * catch the error.
 */
export function foundPlugin(missing: Missing[]): Plugin {
  return {
    name: 'dryrunner:found',
    async resolveId(source, importer, { kind }) {
      if (kind !== 'import-statement' && kind !== 'require-call') return undefined;
      if (importer === undefined || !isAbsolute(importer)) return undefined;
      const resolved = await this.resolve(source, importer, { kind, skipSelf: true });
      if (resolved !== null) return resolved;
      if (kind === 'require-call') return leftToNode(source, importer);
      missing.push({ source, importer });
      return lost(source);
    },
  };
}

/** Strips types, because transforms get JavaScript. */
export async function typesPlugin(from: string): Promise<Plugin> {
  const { transformSync } = await importRolldown<typeof rolldownUtils>(from, 'rolldown/utils');
  return {
    name: 'dryrunner:types',
    transform(code, id) {
      if (languageOf(id) === 'js' || !isAbsolute(id)) return undefined;
      const { code: text, map, errors } = transformSync(id, code, { lang: languageOf(id), sourcemap: true });
      // What cannot be parsed comes as code without anything in it.
      if (errors[0] !== undefined) throw errors[0];
      return { code: text, map: map ?? null, moduleType: 'js' };
    },
  };
}

/** `'use strict'` at the beginning, after comments. */
const STRICT = /^(?:#!.*)?(?:\s|;|\/\/.*|\/\*(?:[^*]|\*(?!\/))*\*\/)*(?:"use strict"|'use strict')/;

/**
 * Collects the CommonJS modules that are not in strict mode. ES modules always are, but a bundle is so as a whole or not
 * at all.
 */
export function sloppyPlugin(sloppy: string[]): Plugin {
  return {
    name: 'dryrunner:sloppy',
    moduleParsed({ id, inputFormat, code }) {
      if (inputFormat === 'es' || !isAbsolute(id) || id.endsWith('.json')) return;
      if (code !== null && code.trim() !== '' && !STRICT.test(code)) sloppy.push(id);
    },
  };
}
