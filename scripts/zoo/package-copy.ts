// Copies of the package below .dryrunner/zoo, as installed: dist with the compiled scenarios, and package.json, so that
// `import 'dryrunner'` in a copy's scenario finds the copy itself. Sources are only stripped of their types, which is what the build
// does too; what a mutation breaks in the types does not matter here.
import { cpSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import type { Bug } from './bug.ts';
import { editedSource } from './edited-source.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const BASE = 'unmutated';

/** Where the gate makes its copies. Below the checkout, so that they find its node_modules. */
export const ZOO_FOLDER: string = join(root, '.dryrunner/zoo');

/** What hunts inside a copy. */
const TRIAL_SOURCES = ['trial-process', 'fast-check-hunt', 'trial'].map((name) => `scripts/zoo/${name}.ts`);

/** The program of those, from the folder of a copy. */
export const TRIAL_PROGRAM = 'dist/scripts/zoo/trial-process.js';

const compilerOptions: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
  rewriteRelativeImportExtensions: true,
};

/** The JavaScript of a source. Throws for what does not parse. */
export function transpiled(file: string, text: string): string {
  const { outputText, diagnostics = [] } = ts.transpileModule(text, {
    fileName: file,
    compilerOptions,
    reportDiagnostics: true,
  });
  const [first] = diagnostics;
  if (first === undefined) return outputText;
  throw new Error(`${file}: ${ts.flattenDiagnosticMessageText(first.messageText, '\n')}`);
}

/** Where the compiled form of a source lies inside a copy: src goes to dist, sims to dist/sims, as in the package. */
function compiledPath(file: string): string {
  const path = file.startsWith('src/') ? file.replace('src/', 'dist/') : `dist/${file}`;
  return path.replace(/\.ts$/, '.js');
}

function sourceFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
    .map((path) => `${folder}/${path}`);
}

/** The copies in one folder below the checkout. */
export class PackageCopies {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The folder of the package without any bug. */
  get base(): string {
    return join(this.#folder, BASE);
  }

  /** Compiles the working tree anew; every copy is made of this. Copies that are there already are removed. */
  makeBase(): void {
    rmSync(this.#folder, { recursive: true, force: true });
    for (const file of [...sourceFiles('src'), ...sourceFiles('sims'), ...TRIAL_SOURCES]) {
      this.#write(BASE, file, transpiled(file, readFileSync(join(root, file), 'utf8')));
    }
    cpSync(join(root, 'package.json'), join(this.base, 'package.json'));
  }

  /** A copy with the bug in it; the path of its folder. Files that the bug does not touch are shared with the base. */
  makeMutant({ id, edits }: Pick<Bug, 'id' | 'edits'>): string {
    const copy = join(this.#folder, id);
    rmSync(copy, { recursive: true, force: true });
    for (const entry of readdirSync(this.base, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const from = join(entry.parentPath, entry.name);
      const to = join(copy, from.slice(this.base.length));
      mkdirSync(dirname(to), { recursive: true });
      linkSync(from, to);
    }
    for (const file of new Set(edits.map((edit) => edit.file))) {
      const text = readFileSync(join(root, file), 'utf8');
      this.#write(id, file, transpiled(file, editedSource(file, text, edits)));
    }
    return copy;
  }

  #write(copy: string, file: string, javascript: string): void {
    const path = join(this.#folder, copy, compiledPath(file));
    mkdirSync(dirname(path), { recursive: true });
    // The file may be shared with the base, which must stay as it is.
    rmSync(path, { force: true });
    writeFileSync(path, javascript);
  }
}
