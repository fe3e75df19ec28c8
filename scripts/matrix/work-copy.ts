// Copies of the checkout that the matrix works in, so that it leaves the checkout as it is: what is committed, what has changed since,
// and dependencies of their own.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { projectRoot } from '../module-graph.ts';
import { runStep } from './step.ts';

/** Makes a copy whose suite runs on that major of Vitest; `npm ci` for the one of the lockfile. */
export async function makeWorkCopy(work: string, vitest: number): Promise<string> {
  const copy = join(work, `copy-vitest-${vitest}`);
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  git(['clone', '--quiet', '--local', projectRoot, copy], projectRoot);
  for (const path of lines(git(['ls-files', '-z', '-m', '-o', '--exclude-standard'], projectRoot))) {
    const changed = join(projectRoot, path);
    if (!existsSync(changed)) rmSync(join(copy, path), { force: true });
    else {
      mkdirSync(dirname(join(copy, path)), { recursive: true });
      cpSync(changed, join(copy, path));
    }
  }
  const isLocked = manifestOf(copy).devDependencies['vitest']?.startsWith(`${vitest}.`) === true;
  if (!isLocked) takeVitest(copy, vitest);
  const { ok, output } = await runStep({
    title: `install the suite with Vitest ${vitest}`,
    program: 'npm',
    // Forced, because tools of ours that no test needs may not know that major yet. From a cache comes only what the lockfile names: of
    // what was published since, it knows a part.
    args: [...(isLocked ? ['ci', '--prefer-offline'] : ['install', '--force']), '--no-audit', '--no-fund'],
    cwd: copy,
    log: join(work, 'logs', `install-vitest-${vitest}.log`),
  });
  if (!ok) throw new Error(`the suite could not be installed with Vitest ${vitest}:\n${output}`);
  return copy;
}

/** Packs the copy and returns the tarball; `dist` is built with it. */
export async function pack(work: string, copy: string): Promise<string> {
  const { ok, output } = await runStep({
    title: 'build and pack',
    program: 'npm',
    args: ['pack', '--silent', '--pack-destination', work],
    cwd: copy,
    log: join(work, 'logs', 'pack.log'),
  });
  if (!ok) throw new Error(`npm pack failed:\n${output}`);
  return join(work, output.trim().split('\n').at(-1) ?? '');
}

/** They come in versions of their own for each Vitest, and no test needs them. */
const TOOLS_OF_VITEST = ['@vitest/coverage-v8', '@stryker-mutator/core', '@stryker-mutator/vitest-runner'];

interface Manifest {
  readonly devDependencies: Record<string, string>;
}

function manifestOf(copy: string): Manifest {
  return JSON.parse(readFileSync(join(copy, 'package.json'), 'utf8')) as Manifest;
}

function takeVitest(copy: string, vitest: number): void {
  const manifest = manifestOf(copy);
  manifest.devDependencies['vitest'] = `^${vitest}.0.0`;
  for (const name of TOOLS_OF_VITEST) Reflect.deleteProperty(manifest.devDependencies, name);
  writeFileSync(join(copy, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  rmSync(join(copy, 'package-lock.json'));
}

function git(args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync('git', args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`);
  return stdout;
}

function lines(zeroEnded: string): string[] {
  return zeroEnded.split('\0').filter((line) => line !== '');
}
