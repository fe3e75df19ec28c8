/** What commands read and write that may be a FIFO. Invariant: to wait for the other end of one keeps no signal from ending the command. */
import { closeSync, constants, open, openSync, readSync, statfsSync, statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { messageOf } from '../kernel/errors.ts';
import { formatCount } from '../model/plural.ts';
import { InterruptedError, UsageError } from './exit-status.ts';
import type { Interruption } from './interruption.ts';

const openFile = promisify(open);
const READER_POLL_MS = 50;
const WRITER_POLL_MS = 20;

/**
 * What the command reads.
 *
 * @throws UsageError if it cannot be opened, InterruptedError if a signal comes while nobody writes to it.
 */
export async function openInput(
  stdin: string,
  interruption: Interruption,
): Promise<'inherit' | 'null' | number> {
  if (stdin === 'inherit' || stdin === 'null') return stdin;
  try {
    if (statSync(stdin).isDirectory()) throw new Error('it is a directory');
    return isFifo(stdin) ? await openFifo(stdin, interruption) : openSync(stdin, 'r');
  } catch (error) {
    if (error instanceof InterruptedError) throw error;
    throw new UsageError(`--stdin: ${stdin} cannot be read: ${messageOf(error)}`);
  }
}

async function openFifo(path: string, interruption: Interruption): Promise<number> {
  const opening = openFile(path, 'r');
  try {
    return await interruption.unlessRequested(opening, `nobody wrote to ${path}`);
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error;
    // Node would wait at its end for the thread that opens it: be the writer.
    const end = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    closeSync(await opening);
    closeSync(end);
    throw error;
  }
}

/**
 * All that is in a file, or that comes through a pipe; at most `bytesMax`. Waits only for the writer of a pipe.
 *
 * @throws InterruptedError (rejects) if a signal comes while nothing does; an Error if there is more, or it cannot be read.
 */
export async function readSmallFile(
  path: string,
  bytesMax: number,
  interruption: Interruption,
): Promise<Buffer> {
  // Until this end is open a writer waits, also one that writes nothing: after that an end is the end.
  const met = isFifo(path) && !isNameless(path) ? await openFifo(path, interruption) : undefined;
  // The bytes that have come by then stay, since the first end stays open.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const buffer = Buffer.alloc(bytesMax + 1);
    for (let at = 0; ;) {
      const bytes = readSome(file, buffer, at);
      if (bytes === 0) return buffer.subarray(0, at);
      at += bytes ?? 0;
      if (at > bytesMax) throw new Error(`expected at most ${formatCount(bytesMax)} bytes, got more`);
      // Also where bytes come without a pause: signals are heard only between two turns of the loop.
      await interruption.unlessRequested(pause(bytes ? 0 : WRITER_POLL_MS), `nothing came from ${path}`);
    }
  } finally {
    closeSync(file);
    if (met !== undefined) closeSync(met);
  }
}

/** How many bytes there are now: 0 at the end; undefined if more may come. */
function readSome(file: number, buffer: Buffer, at: number): number | undefined {
  try {
    return readSync(file, buffer, at, buffer.length - at, null);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
    throw error;
  }
}

/** Of Linux, where the pipes are that have no name, such as those of `<(command)`. */
const PIPEFS_MAGIC = 0x50495045;

/** Such a pipe has had its writer from the beginning: if there is none, it has come to its end. */
function isNameless(path: string): boolean {
  return statfsSync(path).type === PIPEFS_MAGIC;
}

/**
 * Waits until somebody reads from `path` if it is a FIFO; then what is given back is to be closed after the writing.
 *
 * @throws InterruptedError if a signal has come and nobody reads.
 */
export async function awaitReader(path: string, interruption: Interruption): Promise<number | undefined> {
  if (!isFifo(path)) return undefined;
  for (;;) {
    try {
      return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      // For anything else the writing says why.
      if ((error as NodeJS.ErrnoException).code !== 'ENXIO') return undefined;
    }
    const { status } = interruption;
    if (status !== undefined) {
      throw new InterruptedError(`interrupted while nobody read from ${path}`, status);
    }
    await pause(READER_POLL_MS);
  }
}

function isFifo(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFIFO() === true;
}
