/**
 * Where control groups for commands can be made: below the group of this process. Invariant: it was tried, once, that a group can be
 * made there, entered and left; where it cannot there is no home, and nothing is tried again.
 */
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';

const PREFIX = 'dryrunner-';
/** The mount of the unified tree, once it was looked for; `undefined` where no group can be made. */
let tried: { readonly mount: string | undefined } | undefined;

/** The folder of this process's own control group, if groups can be made in it. */
export function findCgroupHome(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    tried ??= { mount: listMounts().find((mount) => isUsable(homeIn(mount))) };
    // Somebody may have moved this process meanwhile.
    return tried.mount === undefined ? undefined : homeIn(tried.mount);
  } catch {
    // There is no /proc, or no file descriptor left to read it: this command gets no group.
    return undefined;
  }
}

/** Mount points of the unified tree whose root is its own. */
function listMounts(): string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.flatMap((line) => {
    const [mount, kind] = line.split(' - ');
    const [, , , root, point] = mount?.split(' ') ?? [];
    return kind?.startsWith('cgroup2 ') === true && root === '/' && point !== undefined ? [point] : [];
  });
}

function homeIn(mount: string): string | undefined {
  const [, path] = /^0::(\/.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8')) ?? [];
  if (path === undefined || path.startsWith('/..')) return undefined;
  return path === '/' ? mount : `${mount}${path}`;
}

function isUsable(home: string | undefined): boolean {
  if (home === undefined) return false;
  const trial = `${home}/${PREFIX}${process.pid}-trial`;
  try {
    removeStale(home);
    mkdirSync(trial);
  } catch {
    return false;
  }
  let isBack = false;
  try {
    writeFileSync(`${trial}/cgroup.procs`, '0');
    writeFileSync(`${home}/cgroup.procs`, '0');
    isBack = true;
  } catch {
    // May be made, but not entered or left.
  }
  try {
    rmdirSync(trial);
    return isBack;
  } catch {
    return false;
  }
}

/** Groups of processes that were killed before they could remove them. One in which somebody lives cannot be removed. */
function removeStale(home: string): void {
  for (const name of readdirSync(home)) {
    const pid = Number(/^dryrunner-(\d+)-/.exec(name)?.[1] ?? process.pid);
    if (pid === process.pid || isRunning(pid)) continue;
    try {
      rmdirSync(`${home}/${name}`);
    } catch {
      // Somebody lives in it.
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    readFileSync(`/proc/${pid}/stat`);
    return true;
  } catch {
    return false;
  }
}
