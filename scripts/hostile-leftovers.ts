// What hostile runs have left behind: what nothing was said of, and what was reported on a run.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { findCgroupHome } from '../src/host/process/process-cgroup.ts';
import { comesTrue, livingWithMark, openFiles } from '../test/host/hostile/leftovers.ts';

/** What is still there when all runs have ended and nothing was said of it. */
export interface Leftovers {
  readonly processes: readonly number[];
  readonly zombies: readonly number[];
  readonly files: number;
  readonly tempDirectories: readonly string[];
  readonly controlGroups: readonly string[];
  /** What was left and reported on a run. */
  readonly reported: { readonly zombies: number; readonly tempDirectories: number };
}

/** What was there before the runs, and what they said. */
export interface LeftoverSearch {
  readonly marks: readonly string[];
  readonly filesBefore: number;
  /** Where temporary directories were made. */
  readonly folder: string;
  /** All that the runs said beside their statuses. */
  readonly said: readonly string[];
}

/** Looks for it. Directories that were reported may hold what `cleanups` take away; they are removed last. */
export async function findLeftovers({
  marks,
  filesBefore,
  folder,
  said,
}: LeftoverSearch): Promise<Leftovers> {
  await comesTrue(() => openFiles() <= filesBefore);
  const named = new Set(said.flatMap((text) => text.match(/\b\d+\b/g) ?? []));
  const zombies = ownZombies();
  const directories = madeIn(folder);
  const isSaid = (path: string): boolean => said.some((text) => text.includes(path));
  return {
    processes: marks.flatMap(livingWithMark),
    zombies: zombies.filter((pid) => !named.has(String(pid))),
    files: Math.max(0, openFiles() - filesBefore),
    tempDirectories: directories.filter((path) => !isSaid(path)),
    controlGroups: ownControlGroups(),
    reported: {
      zombies: zombies.filter((pid) => named.has(String(pid))).length,
      tempDirectories: directories.filter(isSaid).length,
    },
  };
}

/** How much nothing was said of. */
export function countUnreported(left: Leftovers): number {
  const { processes, zombies, files, tempDirectories, controlGroups } = left;
  return processes.length + zombies.length + files + tempDirectories.length + controlGroups.length;
}

/** Takes away what a program put in the way of the removal of its directory. */
export function cleanUp(folder: string, command: ((dir: string) => readonly string[]) | undefined): void {
  if (command === undefined) return;
  for (const directory of madeIn(folder)) {
    const [program = '', ...args] = command(directory);
    spawnSync(program, args, { stdio: 'ignore' });
  }
}

/** All but the folder that holds those of this process until it exits. */
function madeIn(folder: string): string[] {
  const isOfProcess = (name: string): boolean => name.startsWith(`dryrunner-runs-${process.pid}-`);
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return isOfProcess(name) ? readdirSync(path).map((inside) => join(path, inside)) : [path];
  });
}

function ownZombies(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && isOwnZombie(pid));
}

function isOwnZombie(pid: number): boolean {
  try {
    const [state, parent] = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
    return state === 'Z' && Number(parent) === process.pid;
  } catch {
    return false;
  }
}

function ownControlGroups(): string[] {
  const home = findCgroupHome();
  if (home === undefined) return [];
  return readdirSync(home).filter((name) => name.startsWith(`dryrunner-${process.pid}-`));
}
