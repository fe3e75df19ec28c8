/**
 * The kernel's table of processes, read from /proc. A listing is repeated for what was born meanwhile, so that a table that says
 * `exact` holds every process that was alive when it was finished. Everything is read synchronously: what is looked up is
 * signalled in the same slice of time.
 */
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';

/** One process, as it stood when it was read. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** False for a zombie: it has ended and only waits to be reaped. */
  readonly alive: boolean;
  /** Halted by a signal; it takes no other one but SIGKILL and SIGCONT until it goes on. */
  readonly stopped: boolean;
  /** A thread of the kernel, which is nobody's child. */
  readonly kernel: boolean;
  /** The program's name, at most 15 characters. */
  readonly name: string;
  /** Ticks from the machine's start to its birth. Together with the pid it names a process for good, also when pids are reused. */
  readonly startTicks: number;
}

/** Processes by pid, and whether none can be missing. */
export interface ProcessTable {
  readonly entries: ReadonlyMap<number, ProcessEntry>;
  readonly exact: boolean;
}

const buffer = Buffer.allocUnsafe(4096);
/** Set in the flags of threads of the kernel. */
const KERNEL_FLAG = 0x0020_0000;
const ROUNDS_MAX = 64;
const NEWBORN_MAX = 1024;

/** Reads one line of `/proc/PID/stat`; undefined if it is not one. The name may hold blanks and parentheses. */
export function parseStat(text: string): ProcessEntry | undefined {
  const nameEnd = text.lastIndexOf(')');
  const pid = Number.parseInt(text, 10);
  const fields = text.slice(nameEnd + 2).split(' ');
  const [state, parent, group, session] = fields;
  const [flags, threads, startTicks] = [fields[6], fields[17], fields[19]];
  if (nameEnd < 0 || state === undefined || startTicks === undefined) return undefined;
  // A process whose first thread has ended shows as a zombie while its other threads live on.
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

/** One process; undefined if there is none of that pid. */
export function readProcess(pid: number): ProcessEntry | undefined {
  const text = readSmallFile(`/proc/${pid}/stat`);
  return text === undefined ? undefined : parseStat(text);
}

/**
 * False while a process or thread, given as its folder in /proc, has no program in memory: between two of them, or as it ends. The
 * kernel notes last where the environment of a new program ends.
 */
export function hasImage(path: string): boolean {
  const stat = readSmallFile(`${path}/stat`) ?? '';
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[48] ?? 0) > 0;
}

/** Resident memory of a process in pages, and how much of it stands in files too. */
export interface ResidentPages {
  readonly all: number;
  readonly fromFiles: number;
}

/** Of no process of that pid: 0. A process whose first thread has ended is asked by way of another thread. */
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
  // Newer kernels keep the figure in `stat` in pieces per processor and may show 0 there for a small process.
  const fields = readSmallFile(`${path}/statm`)?.split(' ') ?? [];
  return { all: Number(fields[1] ?? 0), fromFiles: Number(fields[2] ?? 0) };
}

/** The arguments that a process was started with, blanks between them; empty if it has none or has ended. */
export function readArguments(pid: number): string {
  return (readSmallFile(`/proc/${pid}/cmdline`) ?? '').replaceAll('\0', ' ').trimEnd();
}

/** The threads of a process; none if it has ended or may not be looked at. */
export function listThreads(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/**
 * All processes. `see` is called for each as soon as it has been read, while the table is still growing.
 *
 * @throws Error if /proc cannot be listed.
 */
export function readProcesses(see: (entry: ProcessEntry) => void = () => undefined): ProcessTable {
  const entries = new Map<number, ProcessEntry>();
  const look = (pid: number): void => {
    const entry = readProcess(pid);
    if (entry === undefined) return;
    entries.set(pid, entry);
    see(entry);
  };
  let newest = newestPid();
  listPids().forEach(look);
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const now = newestPid();
    if (now === newest) return { entries, exact: true };
    newborn(newest, now).forEach(look);
    newest = now;
  }
  return { entries, exact: false };
}

/** The pids given out since; all of them where two numbers do not show that. */
function newborn(since: number, until: number): number[] {
  const count = until - since;
  if (count < 0 || count > NEWBORN_MAX) return listPids();
  return Array.from({ length: count }, (_, index) => since + 1 + index).filter(isProcess);
}

/** Threads have numbers of the same kind, and directories that no listing shows. */
function isProcess(pid: number): boolean {
  const status = readSmallFile(`/proc/${pid}/status`);
  return status !== undefined && Number(/^Tgid:\s*(\d+)$/m.exec(status)?.[1]) === pid;
}

function listPids(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0);
}

/** The last pid or thread number that was given out; it stands at the end of the load averages. */
function newestPid(): number {
  return Number(readSmallFile('/proc/loadavg')?.trimEnd().split(' ').at(-1) ?? 0);
}

function readSmallFile(path: string): string | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    return buffer.toString('latin1', 0, readSync(file, buffer, 0, buffer.length, 0));
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** The process ended while it was looked at, or belongs to somebody who does not let us look. */
function isGone(error: unknown): boolean {
  return ['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');
}
