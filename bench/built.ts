/** Brings package and benchmark into the form that is measured. Invariant: what is measured is not older than the sources. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));
const compiled = `${root}.dryrunner/bench`;

/** Builds the package if that was never done, or if a source has changed since. */
export function buildIfNeeded(): void {
  const built = `${root}dist/index.js`;
  if (existsSync(built) && statSync(built).mtimeMs >= newestSourceMs()) return;
  process.stderr.write('building…\n');
  const { status } = spawnSync('npm', ['run', '-s', 'build'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status === 0) return;
  process.stderr.write('The build failed, so there is nothing to measure.\n');
  process.exit(1);
}

function newestSourceMs(): number {
  const files = readdirSync(`${root}src`, { recursive: true, withFileTypes: true });
  const sources = files.filter((file) => file.isFile() && file.name.endsWith('.ts'));
  return Math.max(...sources.map(({ parentPath, name }) => statSync(`${parentPath}/${name}`).mtimeMs));
}

/** Compiles this folder, with what it imports of the sources taken from the built package; returns the program to run. */
export function compileBench(): string {
  mkdirSync(compiled, { recursive: true });
  for (const name of readdirSync(`${root}bench`)) {
    const { outputText } = ts.transpileModule(readFileSync(`${root}bench/${name}`, 'utf8'), {
      compilerOptions: {
        target: ts.ScriptTarget.ES2023,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
        rewriteRelativeImportExtensions: true,
      },
    });
    const text = outputText.replaceAll(/(["'])\.\.\/src\//g, '$1../../dist/');
    writeFileSync(`${compiled}/${name.replace(/\.ts$/, '.js')}`, text);
  }
  return `${compiled}/report.js`;
}
