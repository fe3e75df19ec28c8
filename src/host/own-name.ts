/**
 * Names of files and folders that show which process made them. Invariant: a live process is never taken for a dead
 * one, even if its pid belonged to another process before.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { readProcess } from './process/process-table.ts';

/** The process that made a file or folder, as encoded in its name. */
interface Owner {
  readonly pid: number;
  /** When it started, in ticks since the machine booted; 0 where that is unknown. */
  readonly startTicks: number;
  /**
   * The scope in which a pid and a start time identify a process: one boot of a machine, one pid namespace, and one
   * time namespace, which shifts the ticks of all its processes.
   */
  readonly machine: string;
}

const NAME = /^(\d+)-(\d+)-([0-9a-f]{12})-/;

/** Read lazily, because machines without `/proc` must be able to load this module. */
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
    // On Linux a host name does not identify namespaces. With a random id, this process leaves alone whatever others
    // have made.
    return process.platform === 'linux' ? randomUUID() : hostname();
  }
}

/** A unique file name that identifies the process that made it. */
export function ownName(): string {
  const { pid, startTicks, machine } = self();
  return `${pid}-${startTicks}-${machine}-${randomBytes(12).toString('hex')}`;
}

/** True for a name that {@link ownName} has made, here or elsewhere. */
export function isOwnName(name: string): boolean {
  return NAME.test(name);
}

/** The part of a name that all names of its process share; the whole name if it is not one of {@link ownName}. */
export function ownerText(name: string): string {
  return NAME.exec(name)?.[0] ?? name;
}

/** Whether the process that made that name is still there; `unknown` for another machine or container. */
export function ownerOf(name: string): 'alive' | 'dead' | 'unknown' {
  const [, pid, startTicks, machine] = NAME.exec(name) ?? [];
  if (machine !== self().machine) return 'unknown';
  return stateOf(Number(pid), Number(startTicks));
}

/** Pids are reused, so only an equal start time proves that it is the same process. */
function stateOf(pid: number, startTicks: number): 'alive' | 'dead' | 'unknown' {
  const entry = readProcess(pid);
  if (entry !== undefined && startTicks > 0) {
    return entry.alive && entry.startTicks === startTicks ? 'alive' : 'dead';
  }
  // No `/proc`, or one that hides other users' processes: a process that no signal reaches is dead; of any other
  // nothing is known.
  try {
    process.kill(pid, 0);
    return pid === process.pid ? 'alive' : 'unknown';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH' ? 'dead' : 'unknown';
  }
}
