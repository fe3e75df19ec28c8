/** Brings package and benchmark into the form that is measured. Invariant: what is measured is not older than the sources. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
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
  const files = ['src', 'sims', 'scripts'].flatMap((folder) =>
    readdirSync(`${root}${folder}`, { recursive: true, withFileTypes: true }),
  );
  const sources = files.filter((file) => file.isFile() && file.name.endsWith('.ts'));
  const paths = [
    ...sources.map(({ parentPath, name }) => `${parentPath}/${name}`),
    `${root}package.json`,
    `${root}package-lock.json`,
  ];
  return Math.max(...paths.map((path) => statSync(path).mtimeMs));
}

/**
 * Compiles this folder, with the doors that it imports taken from the built package, and what lies behind them compiled beside it; returns
 * the program to run.
 */
export async function compileBench(): Promise<string> {
  mkdirSync(compiled, { recursive: true });
  const behind = new Set<string>();
  for (const name of readdirSync(`${root}bench`)) {
    const { outputText } = ts.transpileModule(readFileSync(`${root}bench/${name}`, 'utf8'), {
      compilerOptions: {
        target: ts.ScriptTarget.ES2023,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
        rewriteRelativeImportExtensions: true,
      },
    });
    const text = outputText.replaceAll(/(?<=["']\.)\.\/src\/([\w/-]+)(?=\.js["'])/g, (_, path: string) => {
      if (/^(?:\w+\/)?index$/.test(path)) return `./../dist/${path}`;
      behind.add(`src/${path}`);
      return `/src/${path}`;
    });
    writeFileSync(`${compiled}/${name.replace(/\.ts$/, '.js')}`, text);
  }
  await compileModules([...behind]);
  return `${compiled}/report.js`;
}

async function compileModules(paths: readonly string[]): Promise<void> {
  const input = Object.fromEntries(paths.map((path) => [path, `${root}${path}.ts`]));
  const modules = await rolldown({ input, platform: 'node', external: [/^[^./]/] });
  await modules.write({
    dir: compiled,
    preserveModules: true,
    preserveModulesRoot: root,
    entryFileNames: '[name].js',
  });
}
