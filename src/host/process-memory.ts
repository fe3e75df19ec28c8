/** The size of a memory page, in which the kernel counts resident memory. */
import { closeSync, openSync, readSync } from 'node:fs';

const USUAL_BYTES = 4096;
let known: number | undefined;

/** Bytes per page on this machine, asked of the kernel once. */
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
    // Without this file there is nothing better than the usual size.
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
