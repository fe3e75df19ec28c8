/**
 * Names of files and folders that say which process made them. Invariant: a process that lives is never taken for a dead one, also where its pid
 * was somebody else's before.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { readProcess } from './process/process-table.ts';

/** What names in a folder say of the process that made them. */
interface Owner {
  readonly pid: number;
  /** When it was started, in ticks since the machine was; 0 where that cannot be known. */
  readonly startTicks: number;
  /**
   * Where a pid and a start time mean the same process: a machine since its last start, and there a namespace of pids, and one of time, by
   * which the ticks of all processes are shifted.
   */
  readonly machine: string;
}

const NAME = /^(\d+)-(\d+)-([0-9a-f]{12})-/;

/** Read when a store is first made: a machine without `/proc` has to be able to load this module. */
const self = lazily((): Owner => {
  const startTicks = readProcess(process.pid)?.startTicks ?? 0;
  const machine = createHash('sha256').update(machineText()).digest('hex').slice(0, 12);
  return { pid: process.pid, startTicks, machine };
});

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

function machineText(): string {
  try {
    const namespaces = ['pid', 'time'].map((name) => readlinkSync(`/proc/self/ns/${name}`));
    return [readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'), ...namespaces].join(' ');
  } catch {
    // On Linux a host name says nothing of namespaces: a machine of its own leaves alone what others have made.
    return process.platform === 'linux' ? randomUUID() : hostname();
  }
}

/** A name that no other file has, and that says whose file it is. */
export function ownName(): string {
  const { pid, startTicks, machine } = self();
  return `${pid}-${startTicks}-${machine}-${randomBytes(12).toString('hex')}`;
}

/** Whether the process that made that name is still there; of another machine or container nobody knows. */
export function ownerOf(name: string): 'alive' | 'dead' | 'unknown' {
  const [, pid, startTicks, machine] = NAME.exec(name) ?? [];
  if (machine !== self().machine) return 'unknown';
  return stateOf(Number(pid), Number(startTicks));
}

/** A pid is used again, so that only its start time proves that it is the same process. */
function stateOf(pid: number, startTicks: number): 'alive' | 'dead' | 'unknown' {
  const entry = readProcess(pid);
  if (entry !== undefined && startTicks > 0) {
    return entry.alive && entry.startTicks === startTicks ? 'alive' : 'dead';
  }
  // No `/proc`, or one that hides the processes of others: what a signal would not reach is dead, of the rest nobody knows.
  try {
    process.kill(pid, 0);
    return pid === process.pid ? 'alive' : 'unknown';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH' ? 'dead' : 'unknown';
  }
}
