/**
 * Temporary folders of a process. Invariants: a process that exits by itself removes its folders, at the latest then;
 * one that an unhandled signal ends removes those with `alsoBySignals`; what remains of a dead process is removed in
 * the background by the next process that makes a folder; the folder of a live process never is.
 */
import type { EventEmitter } from 'node:events';
import { chmodSync, lstatSync, mkdirSync, readdirSync, readlinkSync, renameSync, type Stats } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { messageOf, RunnerError } from '../kernel/errors.ts';
import { ownerOf, ownName } from './own-name.ts';
import { removeTree, removeTreeSync, removeTreeWhile, removeTreeWhileSync } from './remove-tree.ts';

/** A folder of this process alone. */
export interface TempFolder {
  readonly path: string;
  /**
   * How often it was made again. Paths in it stand for the same files only while this stays the same: what others may
   * have put there never counts again, also once they have gone.
   */
  readonly generation: number;
  /**
   * False if it was removed or changed: anyone may make a folder, or a link, of its name once it is gone. True for the
   * folder that this process made, with the mode that it had then.
   */
  isPrivate(): boolean;
  /**
   * Makes it again if it was removed, or was found to be writable by others: then another one takes its place, and what
   * was in it is removed. Makes it private if its mode was changed in another way. Throws the system's error if it
   * cannot, for example because another user has put something in its place, and `RUNNER_RELEASED` once {@link remove}
   * was called: nobody would remove it another time.
   */
  restore(): void;
  /** Removes it with everything in it. Idempotent; a call after a failure tries again. */
  remove(): Promise<void>;
}

const PREFIX = /^dryrunner-[a-z]+-(?=\d)/;
/** For this user alone. */
const MODE = 0o700;
const MODE_BITS = 0o7777;
/** The group and all others. */
const OTHERS_WRITE = 0o022;
/** The limit of clean-up steps in a process that may be about to exit: few enough not to delay it noticeably. */
const LAST_STEPS = 250;
/** The folders of this process, and whether signals remove them. */
const folders = new Map<string, boolean>();
/** Folders of dead processes whose removal is in progress. */
const adopted = new Set<string>();
/** Signals that end a Node process without an exit event, unless a listener handles them. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Makes a temporary folder; `what` is part of its name, for people who find it. `alsoBySignals`: it is also removed if
 * an unhandled signal ends the process. `untilExit`: the caller will not remove it earlier.
 *
 * @throws RunnerError `RUNNER_OUTPUT_FAILED` if it cannot be made.
 */
export function makeTempFolder(
  what: 'cluster' | 'exec' | 'replay' | 'runs' | 'serve' | 'start',
  {
    alsoBySignals = false,
    untilExit = false,
  }: { readonly alsoBySignals?: boolean; readonly untilExit?: boolean } = {},
): TempFolder {
  const root = resolve(tmpdir());
  const path = join(root, `dryrunner-${what}-${ownName()}`);
  let own: OwnFolder;
  try {
    own = new OwnFolder(path, () => join(root, `dryrunner-${what}-${ownName()}`));
  } catch (cause) {
    const message = `no folder can be made among the temporary files, in ${root}: ${messageOf(cause)}`;
    throw new RunnerError('RUNNER_OUTPUT_FAILED', message, { cause });
  }
  folders.set(path, alsoBySignals);
  watchEnds();
  let stepsLeft = untilExit ? LAST_STEPS : Infinity;
  void removeOfDead(root, () => stepsLeft-- > 0);
  let removal: Promise<void> | undefined;
  const remove = async (): Promise<void> => {
    try {
      await Promise.all(own.removals);
      await removeTree(path);
    } catch (error) {
      removal = undefined;
      throw error;
    }
    // If the removal failed, the exit of the process tries again.
    folders.delete(path);
    watchEnds();
  };
  return {
    path,
    get generation() {
      return own.generation;
    },
    isPrivate: () => own.isPrivate(),
    restore() {
      if (removal !== undefined) {
        throw new RunnerError('RUNNER_RELEASED', 'the temporary folder is no longer used');
      }
      own.restore();
    },
    remove: () => {
      stepsLeft = Math.min(stepsLeft, LAST_STEPS);
      return (removal ??= remove());
    },
  };
}

/** The folder at a path, as long as it is the one that was made here. */
class OwnFolder {
  readonly #path: string;
  /** A path that nothing has, for a folder that is to be removed. */
  readonly #asidePath: () => string;
  #made: Stats;
  generation = 0;
  /** Stays until another folder is made: what others may have put into this one stays too. */
  #isDistrusted = false;
  /** Of folders that others could write to; they do not reject. */
  readonly removals: Promise<void>[] = [];

  /** Makes it. Throws the system's error. */
  constructor(path: string, asidePath: () => string) {
    this.#path = path;
    this.#asidePath = asidePath;
    this.#made = this.#make();
  }

  isPrivate(): boolean {
    const made = this.#made;
    const stats = this.#found();
    if (stats === undefined || !isSame(stats, made) || isWritableByMore(stats, made)) {
      this.#isDistrusted = true;
    }
    return !this.#isDistrusted && stats?.mode === made.mode;
  }

  /** Throws the system's error. */
  restore(): void {
    if (this.isPrivate()) return;
    if (!this.#isDistrusted) {
      chmodSync(this.#path, this.#made.mode & MODE_BITS);
      return;
    }
    const stats = this.#found();
    if (stats !== undefined && isSame(stats, this.#made)) {
      const aside = this.#asidePath();
      renameSync(this.#path, aside);
      this.removals.push(removeAside(aside));
    }
    this.#made = this.#make();
    this.generation += 1;
    this.#isDistrusted = false;
  }

  #make(): Stats {
    mkdirSync(this.#path, { mode: MODE });
    return lstatSync(this.#path);
  }

  #found(): Stats | undefined {
    return lstatSync(this.#path, { throwIfNoEntry: false });
  }
}

/** The exit of the process removes what cannot be removed now. */
async function removeAside(path: string): Promise<void> {
  adopted.add(path);
  try {
    await removeTree(path);
    adopted.delete(path);
  } catch {
    // It stays.
  }
}

/** Listens only while there is something to remove. */
function watchEnds(): void {
  listen('exit', removeAll, folders.size > 0);
  for (const signal of SIGNALS) listen(signal, onSignal, [...folders.values()].includes(true));
}

function listen(event: string, listener: (signal: NodeJS.Signals) => void, isNeeded: boolean): void {
  const emitter: EventEmitter = process;
  if (emitter.listeners(event).includes(listener) === isNeeded) return;
  if (isNeeded) emitter.on(event, listener);
  else emitter.off(event, listener);
}

/** Leaves the signal to another listener if there is one; alone, ends the process as if no listener existed. */
function onSignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  removeAll();
  process.off(signal, onSignal);
  process.kill(process.pid, signal);
}

function removeAll(): void {
  let stepsLeft = LAST_STEPS;
  const shouldContinue = (): boolean => stepsLeft-- > 0;
  const removals = [
    ...[...folders.keys()].map((path) => () => removeTreeSync(path)),
    ...[...adopted].map((path) => () => removeTreeWhileSync(path, shouldContinue)),
  ];
  for (const remove of removals) {
    try {
      remove();
    } catch {
      // The next process that makes a folder tries again.
    }
  }
}

async function removeOfDead(root: string, shouldContinue: () => boolean): Promise<void> {
  for (const name of await readdir(root).catch(() => [])) {
    const path = claimed(root, name);
    if (path !== undefined) {
      adopted.add(path);
      // A folder that cannot be removed stays, and nothing needs to be notified.
      await removeTreeWhile(path, shouldContinue).catch(() => undefined);
      adopted.delete(path);
    }
    if (!shouldContinue()) return;
  }
}

/**
 * Takes over the folder of a dead process by renaming it to a name of this one, so that no other process works on it.
 */
function claimed(root: string, name: string): string | undefined {
  const prefix = PREFIX.exec(name)?.[0];
  if (prefix === undefined || ownerOf(name.slice(prefix.length)) !== 'dead') return undefined;
  const path = join(root, name);
  const own = join(root, `${prefix}${ownName()}`);
  try {
    if (!isFolderOf(process.getuid?.(), path) || isWorkingDirectory(path)) return undefined;
    renameSync(path, own);
    return own;
  } catch {
    // Another process was faster.
    return undefined;
  }
}

/** A real directory of that user: anyone can make a folder with such a name. */
function isFolderOf(uid: number | undefined, path: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats?.isDirectory() === true && stats.uid === uid;
}

/** The owner too: the next folder may get the number of one that was removed. */
function isSame(stats: Stats, made: Stats): boolean {
  return stats.dev === made.dev && stats.ino === made.ino && stats.uid === made.uid && stats.isDirectory();
}

/**
 * Compared with what was made, and not with what was asked for: some file systems give all files one owner and mode.
 */
function isWritableByMore({ mode }: Stats, made: Stats): boolean {
  return (mode & ~made.mode & OTHERS_WRITE) !== 0;
}

/**
 * True if a process works in the folder: a command may outlive the killed process that started it. False where there is
 * no `/proc`.
 */
function isWorkingDirectory(folder: string): boolean {
  try {
    return readdirSync('/proc').some((pid) => /^\d+$/.test(pid) && isIn(folder, workingDirectory(pid)));
  } catch {
    return false;
  }
}

function isIn(folder: string, path: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function workingDirectory(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    // It has ended, or belongs to another user.
    return '';
  }
}
