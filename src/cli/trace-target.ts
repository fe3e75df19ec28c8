/**
 * Files that `--trace` and `--timeline` write. Invariants: a path is checked before the work whose result it will hold;
 * a file that the command reads, or that no such option has written, is never overwritten; the result is printed before
 * the files are written, and a file that cannot be written never hides a failure; a FIFO without a reader never keeps a
 * signal from ending the command.
 */
import { closeSync, fstatSync, statSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { checkTracePath, plainPathOf, writeTraceFile } from '../host/trace-file.ts';
import { isRunnerError, messageOf } from '../kernel/errors.ts';
import { onOneLine } from '../kernel/one-line.ts';
import { beginsAsTrace } from '../trace/trace-header.ts';
import { awaitReader } from './exec-files.ts';
import { EXIT_STATUS, InterruptedError, UsageError } from './exit-status.ts';
import type { Interruption } from './interruption.ts';
import type { Terminal } from './terminal.ts';
import { TIMELINE_BEGINNING } from './timeline-file.ts';

const READER_POLL_MS = 20;

/** An option whose value is a file to write. */
export type WrittenFlag = '--trace' | '--timeline';

/** @throws UsageError (rejects) if no file can be written there, or if the command's own output goes there. */
export async function requireWritable(flag: WrittenFlag, path: string): Promise<void> {
  if (path === '' || path.endsWith('/')) {
    throw new UsageError(`${flag}: expected the path of a file, got ${JSON.stringify(path)}`);
  }
  if (isPrintedTo(path)) {
    throw new UsageError(
      `${flag}: expected a file of its own, got ${path}, which is the file that this command prints to`,
    );
  }
  await asUsage(checkTracePath(path));
}

/** True for the file to which stdout or stderr is redirected: overwriting it would lose the output. */
function isPrintedTo(path: string): boolean {
  try {
    const there = statSync(path);
    return (
      there.isFile() &&
      [1, 2].map((fd) => fstatSync(fd)).some(({ dev, ino }) => dev === there.dev && ino === there.ino)
    );
  } catch {
    // The next check reports a path that does not exist or cannot be read.
    return false;
  }
}

/**
 * Keeps the files that a command reads, or also writes, and all files that are no trace or timeline of this package
 * from being overwritten. An empty file is replaced. A device or a pipe may be used for both.
 *
 * @throws UsageError (rejects) if `path` leads to one of `others`, directly or through links, or to a file that no such
 * option has written.
 */
export async function requireOwnFile(
  flag: WrittenFlag,
  path: string,
  others: readonly string[],
): Promise<void> {
  const real = await plainPathOf(path);
  if (real === undefined) return;
  for (const other of others) {
    if ((await plainPathOf(other)) !== real) continue;
    throw new UsageError(
      `${flag}: expected a file of its own, got ${path}, which is ${other === path ? 'in use' : `the same file as ${other}`}`,
    );
  }
  if (await isReplaceable(real)) return;
  throw new UsageError(
    `${flag}: expected a new file, or one that --trace or --timeline has written, got ${onOneLine(path)}, which has other content: delete it first`,
  );
}

const BEGINNING_BYTES = 256;

/**
 * True for the beginning of a file that `--trace` or `--timeline` has written. The logs of a corpus, which are of
 * another kind, are kept.
 */
function beginsAsWritten(text: string): boolean {
  return text.startsWith(TIMELINE_BEGINNING) || beginsAsTrace(text, ['simulation', 'recording']);
}

/** True if nothing is there, an empty file, or one that `--trace` or `--timeline` has written. */
async function isReplaceable(path: string): Promise<boolean> {
  const file = await open(path, 'r').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new UsageError(`${path} cannot be read before it is overwritten: ${messageOf(error)}`);
  });
  if (file === undefined) return true;
  try {
    // A folder is refused as what cannot be written.
    if (!(await file.stat()).isFile()) return true;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(BEGINNING_BYTES), 0, BEGINNING_BYTES, 0);
    return bytesRead === 0 || beginsAsWritten(buffer.toString('utf8', 0, bytesRead));
  } finally {
    await file.close();
  }
}

/**
 * Writes the lines; to a FIFO once a reader opens it, and at the reader's speed.
 *
 * @throws UsageError (rejects) if they cannot be written, InterruptedError if a signal comes while nobody reads.
 */
export async function writeTarget(
  path: string,
  lines: Iterable<string>,
  interruption: Interruption,
): Promise<void> {
  const fifo = await awaitReader(path, interruption);
  if (fifo === undefined) {
    await asUsage(writeTraceFile(path, lines));
    return;
  }
  try {
    for (const line of lines) await writeAll(fifo, path, Buffer.from(line), interruption);
  } finally {
    closeSync(fifo);
  }
}

/**
 * Writes files after the result was printed. If something failed, a file that cannot be written is only reported, so
 * that the exit code remains that of the result.
 *
 * @throws UsageError (rejects) if a file cannot be written and nothing failed.
 */
export async function writeAfterResult(
  terminal: Terminal,
  status: number,
  write: () => Promise<void>,
): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (status === EXIT_STATUS.HELD || !(error instanceof UsageError)) throw error;
    terminal.note(`error: ${error.message}`);
  }
}

/** Never blocks, because a blocking write would keep the process from ending. */
async function writeAll(
  fifo: number,
  path: string,
  bytes: Buffer,
  interruption: Interruption,
): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    try {
      done += writeSync(fifo, bytes, done);
      continue;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') {
        throw new UsageError(`${path} cannot be written: ${messageOf(error)}`);
      }
    }
    const { status } = interruption;
    if (status !== undefined) {
      throw new InterruptedError(`interrupted while nobody read from ${path}`, status);
    }
    await pause(READER_POLL_MS);
  }
}

async function asUsage<T>(writing: Promise<T>): Promise<T> {
  try {
    return await writing;
  } catch (error) {
    if (isRunnerError(error, 'RUNNER_OUTPUT_FAILED')) throw new UsageError(error.message);
    throw error;
  }
}
