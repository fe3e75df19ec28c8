/** Why a bundle could not be made, in words that name what may have been meant. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, extname, isAbsolute, parse, resolve } from 'node:path';
import { messageOf, RunnerError } from '../../kernel/errors.ts';
import { nearestName } from '../../kernel/nearest-name.ts';

/**
 * An import that could not be resolved. Kept aside, because the bundler would wrap the error of a plugin in words of
 * its own.
 */
export interface Missing {
  readonly source: string;
  readonly importer: string;
}

/** The error for a module that is not there. */
export function notFound(specifier: string, from: string, { source, importer }: Missing): RunnerError {
  const place = importer === from ? '' : ` in ${importer}`;
  return new RunnerError(
    'RUNNER_INVALID_ARGUMENT',
    `sim.load(${JSON.stringify(specifier)}), from ${from}: Could not resolve ${JSON.stringify(source)}${place}${hintOf(source, importer)}`,
    { actual: source },
  );
}

/** Names what may have been meant. */
function hintOf(source: string, importer: string): string {
  if (/^[@~#$]\//.test(source)) {
    return ': it looks like an alias, and sim.load knows those of modules: freshModules(import.meta.url, { alias })';
  }
  if (!/^\.{1,2}\//.test(source) && !isAbsolute(source)) return '';
  const path = resolve(dirname(importer), source);
  const folder = dirname(path);
  if (!existsSync(folder)) return `: there is no folder ${folder}`;
  const typed = basename(path);
  const names = readdirSync(folder);
  // A missing extension is not the mistake.
  const shown = extname(typed) === '' ? names.map((name) => parse(name).name) : names;
  const nearest = nearestName(typed, shown);
  if (nearest === undefined) return `: there is no such file in ${folder}`;
  const start = source.slice(0, source.lastIndexOf('/') + 1);
  return `: the nearest is ${JSON.stringify(`${start}${names[shown.indexOf(nearest)] as string}`)}`;
}

/** The bundler's message without its source excerpts. */
export function reasonOf(error: unknown): string {
  const { errors = [] } = error as { readonly errors?: readonly BuildError[] };
  const [first = error] = errors;
  const text = messageOf(first).replace(/\u001B\[[\d;]*m/g, '');
  if (text.includes('top-level await')) {
    return 'a module awaits at its top level, which cannot be evaluated anew in one go: put the await into a function, or import the module and pass it on';
  }
  const sentence = text.split('\n').find((line) => line.trim() !== '') ?? text;
  const { loc } = first as Partial<BuildError>;
  return loc?.file === undefined ? sentence : `${sentence} at ${loc.file}:${loc.line}:${loc.column + 1}`;
}

interface BuildError {
  readonly message: string;
  readonly loc?: { readonly file?: string; readonly line: number; readonly column: number };
}
