/**
 * Control groups (version 2) of commands: the only mark that a descendant cannot remove by itself, unless it may write
 * to the cgroup tree. Node cannot start a child in another group, so this process enters the new group for the moment
 * of the start. Invariant: this process is back in its own group before anything else runs, and a group that contains
 * it is never killed.
 */
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { readEnvironment } from './process-environment.ts';
import { readProcess, type ProcessEntry } from './process-table.ts';

/** The control group of one command. */
export interface ProcessCgroup {
  /** Pids of all processes in it and in groups below it; empty if it has been removed. */
  members(): ReadonlySet<number>;
  /** Kills all of its processes at once, including those just being forked. */
  kill(): void;
  /** Removes it if no process is left in it; true if it is gone. Otherwise it is tried again before the next group. */
  remove(): boolean;
}

let made = 0;
/** Groups that could not be removed yet. */
const left = new Set<ProcessCgroup>();

/**
 * Starts something in a new control group. `start` is always called; `cgroup` is missing if no group can be made.
 * `token` is the token in the environment of the started process.
 */
export function startInCgroup<T>(
  token: string,
  start: () => T,
): { readonly started: T; readonly cgroup?: ProcessCgroup } {
  const home = isMainThread ? findCgroupHome() : undefined;
  const cgroup = home === undefined ? undefined : enterNew(home);
  if (home === undefined || cgroup === undefined) return { started: start() };
  let started: T;
  try {
    started = start();
  } catch (error) {
    leave(home);
    cgroup.remove();
    throw error;
  }
  if (!leave(home)) return { started };
  try {
    cgroup.evict(home, token);
  } catch {
    // A group that cannot be examined is not used to end the command: it may hold children of another thread.
    cgroup.remove();
    return { started };
  }
  return { started, cgroup };
}

function enterNew(home: string): FolderCgroup | undefined {
  for (const other of left) other.remove();
  const path = `${home}/dryrunner-${process.pid}-${++made}`;
  try {
    mkdirSync(path);
  } catch {
    // No group can be made here any more, or not right now; the command is found by its other marks.
    return undefined;
  }
  const cgroup = new FolderCgroup(path);
  if (write(`${path}/cgroup.procs`, '0')) return cgroup;
  cgroup.remove();
  return undefined;
}

const RETURNS_MAX = 100;

/** Returns to the home group. Retries, because the kernel may refuse while a group is being changed. */
function leave(home: string): boolean {
  for (let attempt = 0; attempt < RETURNS_MAX; attempt++) if (write(`${home}/cgroup.procs`, '0')) return true;
  return false;
}

class FolderCgroup implements ProcessCgroup {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  members(): ReadonlySet<number> {
    const pids = new Set<number>();
    for (const path of this.#folders()) for (const pid of readPids(path)) pids.add(pid);
    return pids;
  }

  kill(): void {
    const members = this.members();
    if (members.size > 0 && !members.has(process.pid)) write(`${this.#path}/cgroup.kill`, '1');
  }

  remove(): boolean {
    const isRemoved = this.#tryRemoving();
    if (isRemoved) left.delete(this);
    else left.add(this);
    return isRemoved;
  }

  #tryRemoving(): boolean {
    try {
      // Nested groups before the group around them.
      for (const path of this.#folders().reverse()) rmdirSync(path);
      return true;
    } catch (error) {
      // Most likely a process that could not be killed is still in it, which is recorded elsewhere.
      return isGone(error);
    }
  }

  /**
   * Moves children that another thread of this process started in the meantime, and their descendants, back to the home
   * group.
   */
  evict(home: string, token: string): void {
    const strangers = new Set<number>();
    for (let before = -1; before !== strangers.size;) {
      before = strangers.size;
      for (const pid of this.members()) {
        const entry = readProcess(pid);
        if (entry === undefined || strangers.has(pid)) continue;
        const isStrange = strangers.has(entry.parent) || isOfAnotherThread(entry, token);
        if (isStrange && write(`${home}/cgroup.procs`, String(pid))) strangers.add(pid);
      }
    }
  }

  /** This group and those below it, parents first. */
  #folders(): string[] {
    const folders = [this.#path];
    for (const folder of folders) for (const name of listFolders(folder)) folders.push(`${folder}/${name}`);
    return folders;
  }
}

/**
 * Distinguishes another thread's children from the command's descendants, which may become children of this process
 * too. Those cannot rejoin this session once they have left it, and if they overwrote their environment it shows
 * nothing of this process's.
 */
function isOfAnotherThread({ pid, parent, session }: ProcessEntry, token: string): boolean {
  if (parent !== process.pid) return false;
  if (session === readProcess(process.pid)?.session) return true;
  const environment = readEnvironment(pid);
  return !environment.holds(token) && environment.holds(`PATH=${process.env['PATH']}\0`);
}

function readPids(folder: string): number[] {
  try {
    const text = readFileSync(`${folder}/cgroup.procs`, 'latin1');
    // A process of another pid namespace reads as 0.
    return text
      .split('\n')
      .map(Number)
      .filter((pid) => pid > 0);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

function listFolders(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return ['ENOENT', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '');
}

function write(path: string, text: string): boolean {
  try {
    writeFileSync(path, text);
    return true;
  } catch {
    return false;
  }
}

const PREFIX = 'dryrunner-';
/** The mount of the unified hierarchy, once it has been looked for; `mount` is undefined if no group can be made. */
let tried: { readonly mount: string | undefined } | undefined;

/**
 * The folder of this process's own control group, below which groups for commands are made; undefined if that is
 * impossible. Whether a group can be made there, entered and left is tried out once per process, and never again if it
 * fails.
 */
export function findCgroupHome(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    tried ??= { mount: listMounts().find((mount) => isUsable(homeIn(mount))) };
    // Looked up again, because this process may have been moved since.
    return tried.mount === undefined ? undefined : homeIn(tried.mount);
  } catch {
    // There is no /proc, or no file descriptor left to read it: this command gets no group.
    return undefined;
  }
}

/** Mount points of the unified hierarchy that show it from its root. */
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
    // A group can be made, but not entered or left.
  }
  try {
    rmdirSync(trial);
    return isBack;
  } catch {
    return false;
  }
}

/**
 * Removes the groups of processes that were killed before they could do so, and what is nested in them. A group with a
 * live process in it cannot be removed.
 */
function removeStale(home: string): void {
  for (const name of readdirSync(home)) {
    const pid = Number(/^dryrunner-(\d+)-/.exec(name)?.[1] ?? process.pid);
    if (pid === process.pid || isRunning(pid)) continue;
    new FolderCgroup(`${home}/${name}`).remove();
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
