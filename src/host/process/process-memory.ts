/** The memory of a tree's members, and how it is listed for people (R131, R132). */
import { closeSync, openSync, readSync } from 'node:fs';
import { readArguments, readResidentPages, type ProcessEntry } from './process-table.ts';

const USUAL_BYTES = 4096;
const KILOBYTE = 1024;
const LISTED_MAX = 200;
let known: number | undefined;

/** The resident memory of one process. */
export interface MemberMemory {
  readonly process: ProcessEntry;
  readonly bytes: number;
  /** How much of it is backed by files, such as its program and libraries. */
  readonly fileBytes: number;
  /** Its arguments, or its name if it has none. */
  readonly command: string;
}

/** The current memory of one process; 0 if it has ended. */
export function measureMember(process: ProcessEntry): MemberMemory {
  const { all, fromFiles } = readResidentPages(process.pid);
  const page = pageBytes();
  return {
    process,
    bytes: all * page,
    fileBytes: fromFiles * page,
    command: readArguments(process.pid) || `[${process.name}]`,
  };
}

/** The list of processes that is written to stderr when a command is stopped for its memory, the largest first. */
export function formatMemberList(leader: number, members: readonly MemberMemory[]): string {
  const largestFirst = [...members].sort((a, b) => b.bytes - a.bytes);
  const rows = largestFirst.slice(0, LISTED_MAX).map(({ process, bytes, command }) => {
    const { pid, session, parent, group } = process;
    const figures = [pid, session, parent, group, Math.round(bytes / KILOBYTE)];
    return `${figures.map((figure) => String(figure).padStart(8)).join('')} ${command}\n`;
  });
  const more = members.length > LISTED_MAX ? `and ${members.length - LISTED_MAX} more\n` : '';
  const heading = ['PID', 'SESS', 'PPID', 'PGID', 'RSS'].map((name) => name.padStart(8)).join('');
  const title = `ps after increased memory utilization for pid ${leader}:`;
  return `\n${title}\n\n${heading} COMMAND\n${rows.join('')}${more}`;
}

/** Bytes per page on this machine; the kernel is asked once. */
export function pageBytes(): number {
  known ??= askKernel() ?? USUAL_BYTES;
  return known;
}

function askKernel(): number | undefined {
  let file: number | undefined;
  try {
    file = openSync('/proc/self/smaps', 'r');
    const buffer = Buffer.alloc(4096);
    const text = buffer.toString('latin1', 0, readSync(file, buffer, 0, buffer.length, 0));
    const kilobytes = /^KernelPageSize:\s*(\d+) kB$/m.exec(text)?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    // Without this file, the usual size is the best guess.
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
