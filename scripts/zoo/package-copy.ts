// Copies of the package below .dryrunner/zoo, as installed: dist with the compiled scenarios, and package.json, so that
// `import 'dryrunner'` in a copy's scenario finds the copy itself. Sources are only stripped of their types, which is what the build
// does too; what a mutation breaks in the types does not matter here.
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VERSION } from 'rolldown';
import { transformSync } from 'rolldown/utils';
import type { Bug } from './bug.ts';
import { editedSource } from './edited-source.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const BASE = 'unmutated';
/** Digests of the sources of the base; written when all of them are compiled. */
const MANIFEST = 'sources.json';

/** Where the gate makes its copies. Below the checkout, so that they find its node_modules. */
export const ZOO_FOLDER: string = join(root, '.dryrunner/zoo');

/** What hunts inside a copy of the zoo. */
const TRIAL_SOURCES: readonly string[] = ['trial-process', 'fast-check-hunt', 'trial'].map(
  (name) => `scripts/zoo/${name}.ts`,
);

/** The program of those, from the folder of a copy. */
export const TRIAL_PROGRAM = 'dist/scripts/zoo/trial-process.js';

const compilerOptions = {
  lang: 'ts',
  sourceType: 'module',
  target: 'es2023',
  tsconfig: false,
  typescript: { onlyRemoveTypeImports: true, rewriteImportExtensions: 'rewrite' },
} as const;

/** What else the compiled form of a source depends on. */
const COMPILER = `${VERSION} ${JSON.stringify(compilerOptions)} ${transpiled.toString()} ${withoutSrc.toString()}`;

/** The JavaScript of a source. Throws for what does not parse. */
export function transpiled(file: string, text: string): string {
  const { code, errors } = transformSync(file, text, compilerOptions);
  const [first] = errors;
  if (first === undefined) return code;
  throw new Error(`${file}: ${first.message}`);
}

/** What imports a source by its path imports the compiled one, for which the folder `src` is not there. */
function withoutSrc(javascript: string): string {
  return javascript.replace(/(from |import\()(['"](?:\.\.\/)+)src\//g, '$1$2');
}

/** Where the compiled form of a source lies inside a copy: src goes to dist, sims to dist/sims, as in the package. */
export function compiledPath(file: string): string {
  const path = file.startsWith('src/') ? file.replace('src/', 'dist/') : `dist/${file}`;
  return path.replace(/\.ts$/, '.js');
}

function sourceFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
    .map((path) => `${folder}/${path}`);
}

/** Nothing if there is none, or one that was cut off. */
function readManifest(path: string): Readonly<Record<string, string>> {
  if (!existsSync(path)) return {};
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Readonly<Record<string, string>>;
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

/** The copies in one folder below the checkout. */
export class PackageCopies {
  readonly #folder: string;
  readonly #programs: readonly string[];

  /** `programs` are the sources of what runs inside the copies, beside src and sims. */
  constructor(folder: string, programs: readonly string[] = TRIAL_SOURCES) {
    this.#folder = folder;
    this.#programs = programs;
  }

  /** The folder of the package without any bug. */
  get base(): string {
    return join(this.#folder, BASE);
  }

  /**
   * Compiles the working tree, of which every copy is made; what has not changed since the last time stays. Copies that are there already are
   * removed.
   */
  makeBase(): void {
    const before = this.#takeManifest();
    const manifest: Record<string, string> = {};
    for (const file of [...sourceFiles('src'), ...sourceFiles('sims'), ...this.#programs]) {
      const text = readFileSync(join(root, file), 'utf8');
      const digest = createHash('sha256').update(`${COMPILER}\n${text}`).digest('hex');
      manifest[file] = digest;
      // Files that were removed by something else are made again.
      const isThere = before[file] === digest && existsSync(join(this.base, compiledPath(file)));
      if (!isThere) this.#write(BASE, file, transpiled(file, text));
    }
    for (const file of Object.keys(before)) {
      if (manifest[file] === undefined) rmSync(join(this.base, compiledPath(file)), { force: true });
    }
    cpSync(join(root, 'package.json'), join(this.base, 'package.json'));
    const path = join(this.#folder, MANIFEST);
    writeFileSync(`${path}.new`, JSON.stringify(manifest));
    renameSync(`${path}.new`, path);
  }

  /** Removes all but the base; the digests of the sources that were compiled, if they all were. */
  #takeManifest(): Readonly<Record<string, string>> {
    const manifest = readManifest(join(this.#folder, MANIFEST));
    const isWhole = Object.keys(manifest).length > 0;
    mkdirSync(this.#folder, { recursive: true });
    for (const name of readdirSync(this.#folder)) {
      if (isWhole && name === BASE) continue;
      rmSync(join(this.#folder, name), { recursive: true, force: true });
    }
    return manifest;
  }

  /** A copy with the bug in it; the path of its folder. */
  makeMutant({ id, edits }: Pick<Bug, 'id' | 'edits'>): string {
    const texts = [...new Set(edits.map((edit) => edit.file))].map((file): readonly [string, string] => [
      file,
      editedSource(file, readFileSync(join(root, file), 'utf8'), edits),
    ]);
    return this.makeCopy(id, new Map(texts));
  }

  /** A copy whose sources have these texts, by their files; the path of its folder. All other files are shared with the base. */
  makeCopy(name: string, texts: ReadonlyMap<string, string>): string {
    const copy = join(this.#folder, name);
    rmSync(copy, { recursive: true, force: true });
    for (const entry of readdirSync(this.base, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const from = join(entry.parentPath, entry.name);
      const to = join(copy, from.slice(this.base.length));
      mkdirSync(dirname(to), { recursive: true });
      linkSync(from, to);
    }
    for (const [file, text] of texts) this.#write(name, file, transpiled(file, text));
    return copy;
  }

  #write(copy: string, file: string, javascript: string): void {
    const path = join(this.#folder, copy, compiledPath(file));
    mkdirSync(dirname(path), { recursive: true });
    // The file may be shared with the base, which must stay as it is.
    rmSync(path, { force: true });
    writeFileSync(path, file.startsWith('src/') ? javascript : withoutSrc(javascript));
  }
}
