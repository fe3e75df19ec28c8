// A folder as that of a user who has installed the package, as it is built from the sources that are there.
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { inject } from 'vitest';
import { root, type Finished } from './command.ts';
import { withoutProgress } from './progress-lines.ts';

const INSTALLED = [
  '@jridgewell/sourcemap-codec',
  'acorn',
  'vitest',
  'vite',
  'rolldown',
  'tsx',
  'fast-check',
  'seedrandom',
  'pure-rand',
];

/** See {@link makeUserProject}. */
export interface UserProject {
  readonly folder: string;
  write(path: string, text: string): void;
  /** A package in `node_modules` that exports what this module of it does. */
  writePackage(name: string, type: 'module' | 'commonjs', text: string): void;
  /** Runs Node in it. */
  node(...args: readonly string[]): Promise<Finished>;
  /** Runs `dryrunner ARGS` of the installed package, with these arguments of Node. */
  dryrunner(args: readonly string[], nodeArgs?: readonly string[]): Promise<Finished>;
  remove(): void;
}

function finished(folder: string, args: readonly string[]): Promise<Finished> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      args,
      { cwd: folder, env: { ...process.env, NO_COLOR: '1' }, maxBuffer: 1 << 26 },
      (_error, out, err) => resolve({ code: child.exitCode, out, err: withoutProgress(err) }),
    );
  });
}

/** Makes one that is a package of ES modules. */
export function makeUserProject(): UserProject {
  const folder = mkdtempSync(join(tmpdir(), 'dryrunner-project-'));
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  write('package.json', JSON.stringify({ type: 'module' }));
  for (const part of ['dist', 'package.json']) {
    cpSync(join(inject('builtPackage'), part), join(folder, 'node_modules/dryrunner', part), {
      recursive: true,
    });
  }
  for (const name of INSTALLED) {
    const link = join(folder, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), link);
  }
  return {
    folder,
    write,
    writePackage: (name, type, text) => {
      write(`node_modules/${name}/package.json`, JSON.stringify({ name, type, main: 'index.js' }));
      write(`node_modules/${name}/index.js`, text);
    },
    node: (...args) => finished(folder, args),
    dryrunner: (args, nodeArgs = []) =>
      finished(folder, [...nodeArgs, 'node_modules/dryrunner/dist/cli/main.js', ...args]),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
