/**
 * What commands read and write that may be a FIFO, and the directory of `exec` for temporary files. Invariants: to wait for the other end of a FIFO keeps no signal from ending the command; the
 * directory for temporary files is there afterwards only if it was before.
 */
import { closeSync, constants, existsSync, open, openSync, rmdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { messageOf } from '../kernel/errors.ts';
import { InterruptedError, UsageError } from './exit-status.ts';
import type { Interruption } from './interruption.ts';

const openFile = promisify(open);
const READER_POLL_MS = 50;

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

/** Remembers which of a folder and those above it are not there yet; the result removes those of them again that are empty by then. */
export function watchFolder(folder: string): () => void {
  const missing: string[] = [];
  for (let path = resolve(folder); !existsSync(path); path = dirname(path)) missing.push(path);
  return () => {
    try {
      for (const path of missing) rmdirSync(path);
    } catch {
      // Not empty, or never made: it stays as it is.
    }
  };
}
