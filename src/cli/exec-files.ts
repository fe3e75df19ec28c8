/**
 * Files that commands read and write and that may be FIFOs. Invariant: waiting for the other end of a FIFO never keeps
 * a signal from ending the command.
 */
import {
  closeSync,
  constants,
  fstatSync,
  open,
  openSync,
  readSync,
  statfsSync,
  statSync,
  type Stats,
} from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { messageOf } from '../kernel/errors.ts';
import { formatCount } from '../model/plural.ts';
import { exitBySignal, InterruptedError, UsageError } from './exit-status.ts';
import type { Interruption } from './interruption.ts';

const openFile = promisify(open);
const READER_POLL_MS = 50;
const WRITER_POLL_MS = 20;

/**
 * Opens the input of the command.
 *
 * @throws UsageError if it cannot be opened, InterruptedError if a signal comes before a writer opens the FIFO.
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
  const fifo = statSync(path);
  const opening = openFile(path, 'r');
  try {
    return await interruption.unlessRequested(opening, `nobody wrote to ${path}`);
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error;
    // At exit, Node would wait for the thread that is still opening the FIFO. Opening the other end releases it.
    const end = otherEnd(path, fifo);
    if (end === undefined) exitBySignal(error.status);
    else {
      closeSync(await opening);
      closeSync(end);
    }
    throw error;
  }
}

/** Undefined if it cannot be opened: the FIFO has been removed or replaced, or may not be written to. */
function otherEnd(path: string, { dev, ino }: Stats): number | undefined {
  try {
    const end = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    const found = fstatSync(end);
    if (found.dev === dev && found.ino === ino) return end;
    closeSync(end);
  } catch {
    // Whatever it is, nothing releases the thread.
  }
  return undefined;
}

/**
 * Reads a whole file or pipe, of at most `bytesMax` bytes. It waits only for the writer of a pipe.
 *
 * @throws InterruptedError (rejects) if a signal comes while it waits; an Error if there are more bytes, or the file
 * cannot be read.
 */
export async function readSmallFile(
  path: string,
  bytesMax: number,
  interruption: Interruption,
): Promise<Buffer> {
  // Waits for a writer, so that an end of file afterwards means that the writer has finished, even if it wrote nothing.
  const met = isFifo(path) && !isNameless(path) ? await openFifo(path, interruption) : undefined;
  // Bytes that have arrived in the meantime are kept, because the first descriptor stays open.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const buffer = Buffer.alloc(bytesMax + 1);
    for (let at = 0; ;) {
      const bytes = readSome(file, buffer, at);
      if (bytes === 0) return buffer.subarray(0, at);
      at += bytes ?? 0;
      if (at > bytesMax) throw new Error(`expected at most ${formatCount(bytesMax)} bytes, got more`);
      // Also when bytes arrive without a pause: signals are handled only between two turns of the event loop.
      await interruption.unlessRequested(pause(bytes ? 0 : WRITER_POLL_MS), `nothing came from ${path}`);
    }
  } finally {
    closeSync(file);
    if (met !== undefined) closeSync(met);
  }
}

/** Number of bytes read now: 0 at the end; undefined if more may come. */
function readSome(file: number, buffer: Buffer, at: number): number | undefined {
  try {
    return readSync(file, buffer, at, buffer.length - at, null);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
    throw error;
  }
}

/** Type of the Linux file system that holds pipes without a name, such as those of `<(command)`. */
const PIPEFS_MAGIC = 0x50495045;

/** An unnamed pipe has had its writer from the start, so having no writer means that it has ended. */
function isNameless(path: string): boolean {
  return statfsSync(path).type === PIPEFS_MAGIC;
}

/**
 * If `path` is a FIFO, waits until a reader opens it. The returned descriptor has to be closed after writing.
 *
 * @throws InterruptedError if a signal has come and nobody reads.
 */
export async function awaitReader(path: string, interruption: Interruption): Promise<number | undefined> {
  if (!isFifo(path)) return undefined;
  for (;;) {
    try {
      return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      // The write itself will report any other error.
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
