/**
 * The kernel's table of processes, read from /proc. Listing repeats for processes born meanwhile, so that a table that
 * is `exact` holds every process that was alive when it was finished: the kernel's counter of pids has not moved since,
 * and another listing shows nobody new. The listing alone has to do where a sandbox hides the counter or keeps it
 * constant. Reading is synchronous, so that a process is signalled in the same slice of time in which it was looked up.
 */
import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';

/** One process as of when it was read. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** False for a zombie: it has ended and only waits to be reaped. */
  readonly alive: boolean;
  /** Stopped by a signal (job control); only SIGKILL and SIGCONT take effect until it continues. */
  readonly stopped: boolean;
  /** A kernel thread, which belongs to no process tree. */
  readonly kernel: boolean;
  /** The program's name, at most 15 characters. */
  readonly name: string;
  /**
   * When it started, in ticks since the machine booted. Together with the pid it identifies a process for good, even if
   * pids are reused.
   */
  readonly startTicks: number;
}

/** Processes by pid, and whether the table is known to be complete. */
export interface ProcessTable {
  readonly entries: ReadonlyMap<number, ProcessEntry>;
  readonly exact: boolean;
}

const buffer = Buffer.allocUnsafe(4096);
/** The flag of kernel threads. */
const KERNEL_FLAG = 0x0020_0000;
const ROUNDS_MAX = 64;
const NEWBORN_MAX = 1024;

/** Parses a line of `/proc/PID/stat`; undefined if it is not one. The name may contain spaces and parentheses. */
export function parseStat(text: string): ProcessEntry | undefined {
  const nameEnd = text.lastIndexOf(')');
  const pid = Number.parseInt(text, 10);
  const fields = text.slice(nameEnd + 2).split(' ');
  const [state, parent, group, session] = fields;
  const [flags, threads, startTicks] = [fields[6], fields[17], fields[19]];
  if (nameEnd < 0 || state === undefined || startTicks === undefined) return undefined;
  // A process whose first thread has ended is shown as a zombie while its other threads live on.
  const ended = state === 'X' || (state === 'Z' && Number(threads) <= 1);
  return {
    pid,
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    alive: !ended,
    stopped: state === 'T',
    kernel: (Number(flags) & KERNEL_FLAG) !== 0,
    name: text.slice(text.indexOf('(') + 1, nameEnd),
    startTicks: Number(startTicks),
  };
}

/**
 * Whether there is a /proc that shows processes under their pids. In a pid namespace that still has the /proc of another
 * one it shows them under other numbers, or not at all.
 */
export function showsProcesses(): boolean {
  try {
    return process.platform === 'linux' && readlinkSync('/proc/self') === String(process.pid);
  } catch {
    return false;
  }
}

/** Reads one process; undefined if there is none with that pid. */
export function readProcess(pid: number): ProcessEntry | undefined {
  const text = readSmallFile(`/proc/${pid}/stat`);
  return text === undefined ? undefined : parseStat(text);
}

/**
 * False while a process or thread, given as its folder in /proc, has no program in memory: in the middle of an exec, or
 * as it ends. The end of the environment is checked because the kernel sets that last.
 */
export function hasImage(path: string): boolean {
  const stat = readSmallFile(`${path}/stat`) ?? '';
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[48] ?? 0) > 0;
}

/** False for a process or thread, given as its folder in /proc, that has ended or is ending. Any user may ask. */
export function hasMemory(path: string): boolean {
  return Number.parseInt(readSmallFile(`${path}/statm`) ?? '', 10) > 0;
}

/** Resident memory of a process in pages, and how many of them are backed by files. */
export interface ResidentPages {
  readonly all: number;
  readonly fromFiles: number;
}

/** 0 if there is no such process. A process whose first thread has ended is read by way of another thread. */
export function readResidentPages(pid: number): ResidentPages {
  const first = readStatm(`/proc/${pid}`);
  if (first.all > 0) return first;
  for (const thread of listThreads(pid)) {
    const pages = readStatm(`/proc/${pid}/task/${thread}`);
    if (pages.all > 0) return pages;
  }
  return first;
}

function readStatm(path: string): ResidentPages {
  // Not from `stat`: newer kernels keep that figure per processor and may show 0 there for a small process.
  const fields = readSmallFile(`${path}/statm`)?.split(' ') ?? [];
  return { all: Number(fields[1] ?? 0), fromFiles: Number(fields[2] ?? 0) };
}

/** The arguments that a process was started with, separated by spaces; empty if it has none or has ended. */
export function readArguments(pid: number): string {
  return (readSmallFile(`/proc/${pid}/cmdline`) ?? '').replaceAll('\0', ' ').trimEnd();
}

/** The kernel shows times in hundredths of a second on all machines that Node supports. */
const TICKS_PER_SECOND = 100;

/** The ticks since the machine booted, as in {@link ProcessEntry.startTicks}; undefined if it is not shown. */
export function readTicks(): number | undefined {
  const seconds = Number.parseFloat(readSmallFile('/proc/uptime') ?? '');
  return Number.isNaN(seconds) ? undefined : Math.floor(seconds * TICKS_PER_SECOND);
}

/** The user that started a process, and the one that it may become again; NaN if it has ended. */
export function readUserIds(pid: number): { readonly real: number; readonly saved: number } {
  const [, real, saved] =
    /^Uid:\s+(\d+)\s+\d+\s+(\d+)/m.exec(readSmallFile(`/proc/${pid}/status`) ?? '') ?? [];
  return { real: Number(real), saved: Number(saved) };
}

/** The thread ids of a process; none if it has ended or may not be read. */
export function listThreads(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/**
 * Reads all processes. Calls `see` for each as soon as it has been read, while the table is still growing.
 *
 * @throws Error if /proc cannot be listed.
 */
export function readProcesses(see: (entry: ProcessEntry) => void = () => undefined): ProcessTable {
  const entries = new Map<number, ProcessEntry>();
  const read = new Set<number>();
  const look = (pid: number): void => {
    read.add(pid);
    const entry = readProcess(pid);
    if (entry === undefined) return;
    entries.set(pid, entry);
    see(entry);
  };
  let newest = newestPid();
  listPids().forEach(look);
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const now = newestPid();
    const unread = now === newest ? listPids().filter((pid) => !read.has(pid)) : newborn(newest, now);
    if (now === newest && unread.length === 0) return { entries, exact: true };
    unread.forEach(look);
    newest = now;
  }
  return { entries, exact: false };
}

/** The pids assigned between two counter values; all pids if the counter may have wrapped around. */
function newborn(since: number, until: number): number[] {
  const count = until - since;
  if (count < 0 || count > NEWBORN_MAX) return listPids();
  return Array.from({ length: count }, (_, index) => since + 1 + index).filter(isProcess);
}

/** Threads have ids from the same range, and directories that no listing shows. */
function isProcess(pid: number): boolean {
  const status = readSmallFile(`/proc/${pid}/status`);
  return status !== undefined && Number(/^Tgid:\s*(\d+)$/m.exec(status)?.[1]) === pid;
}

function listPids(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0);
}

/** The last pid or thread id assigned, which /proc/loadavg shows last; 0 if it does not. */
function newestPid(): number {
  return Number.parseInt(readSmallFile('/proc/loadavg')?.trimEnd().split(' ').at(-1) ?? '', 10) || 0;
}

function readSmallFile(path: string): string | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    return buffer.toString('utf8', 0, readSync(file, buffer, 0, buffer.length, 0));
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** The process ended while it was read, or belongs to a user whose processes we may not read. */
function isGone(error: unknown): boolean {
  return ['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');
}
