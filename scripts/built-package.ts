// Builds the package for tests that run its command, once for each state of the sources. Invariant: the folder is named by a hash of all
// that goes into it and appears whole, so that no test sees an older build, also if several runs of tests build at once.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import type { TestProject } from 'vitest/node';
import { listFiles, projectRoot, readProjectFile } from './module-graph.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder of the built package. */
    builtPackage: string;
  }
}

const BUILDS = join(projectRoot, '.dryrunner/built');
const PARTS = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'scripts/build.ts',
  'scripts/module-graph.ts',
  'scripts/package-doors.ts',
];
/** A run of tests takes less, and may still use an older build. */
const KEPT_MS = 24 * 3_600_000;

export default function setup(project: TestProject): void {
  const folder = join(BUILDS, hashOfSources());
  if (existsSync(folder)) markUsed(folder);
  else build(folder);
  project.provide('builtPackage', folder);
}

/** Another run of tests may clear away what was not used for long. */
function markUsed(folder: string): void {
  const now = new Date();
  utimesSync(folder, now, now);
}

function hashOfSources(): string {
  const hash = createHash('sha256');
  for (const path of [...PARTS, ...listFiles(['src', 'sims'])]) {
    hash.update(`${path}\0${readProjectFile(path)}\0`);
  }
  return hash.digest('hex').slice(0, 16);
}

function build(folder: string): void {
  mkdirSync(BUILDS, { recursive: true });
  for (const name of readdirSync(BUILDS)) {
    const path = join(BUILDS, name);
    // Another run may rename or remove it meanwhile.
    const usedMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
    if (Date.now() - usedMs > KEPT_MS) rmSync(path, { recursive: true, force: true });
  }
  const made = `${folder}-${process.pid}`;
  const args = ['--import', 'tsx', 'scripts/build.ts', '--code', made];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: projectRoot, encoding: 'utf8' });
  if (status !== 0) {
    rmSync(made, { recursive: true, force: true });
    throw new Error(`the package does not build: ${stderr}`);
  }
  try {
    renameSync(made, folder);
  } catch (error) {
    rmSync(made, { recursive: true });
    // Another run was faster.
    if (!existsSync(folder)) throw error;
  }
}
