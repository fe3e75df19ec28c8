/**
 * How much of the disk directories take, as `du -sk` counts: in blocks, directories included, each file once however
 * many names it has, without following links. Invariant: a size that cannot be measured is left out, never guessed
 * (R182).
 */
import * as is from '../../kernel/shape.ts';
import { lstat, readdir, realpath } from 'node:fs/promises';
import { check } from '../../kernel/argument-check.ts';
import type { DirMonitor } from '../../model/collaborators.ts';

const BLOCK_BYTES = 512n;
const KB_BYTES = 1024n;
const PATH = is.text('a path without NUL, not empty', /^[^\0]+$/);
const DIRS = is.satisfying(
  'a Map of suffix to path',
  (value) =>
    value instanceof Map && [...value].flat().every((text) => typeof text === 'string' && text !== ''),
);
const SLASH = Buffer.from('/');

/**
 * The size of a directory in kilobytes, rounded up. See {@link createDirMonitor}.
 *
 * @throws RunnerError (rejects) `RUNNER_INVALID_ARGUMENT` for anything but a string; the system's error if a part
 * cannot be read.
 */
export async function dirSizeKb(path: string): Promise<number> {
  check('path', path, PATH);
  const blocks = await blocksOf(await realpath(path, 'buffer'), new Set());
  return Number((blocks * BLOCK_BYTES + KB_BYTES - 1n) / KB_BYTES);
}

/** Paths are Buffers, because a file name need not be valid text. */
async function blocksOf(path: Buffer, counted: Set<string>): Promise<bigint> {
  const stats = await undefinedIfMissing(lstat(path, { bigint: true }));
  if (stats === undefined) return 0n;
  if (!stats.isDirectory()) {
    const identity = `${stats.dev}:${stats.ino}`;
    if (stats.nlink > 1n && counted.has(identity)) return 0n;
    if (stats.nlink > 1n) counted.add(identity);
    return stats.blocks;
  }
  const names = (await undefinedIfMissing(readdir(path, { encoding: 'buffer' }))) ?? [];
  let blocks = stats.blocks;
  for (const name of names) blocks += await blocksOf(Buffer.concat([path, SLASH, name]), counted);
  return blocks;
}

/** A file that vanishes while it is being measured counts as nothing. */
async function undefinedIfMissing<T>(looking: Promise<T>): Promise<T | undefined> {
  try {
    return await looking;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/**
 * Measures directories for `commandDirUsage_kb_SUFFIX`: a map of suffix → path (R182).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless it is a Map of strings.
 * @example
 * ```ts
 * import { mkdtemp } from 'node:fs/promises';
 * import { createDirMonitor } from 'dryrunner/host';
 * const cache = await mkdtemp('/tmp/cache-');
 * const sizes = await createDirMonitor(new Map([['cache', cache]])).sizesKb();
 * if (!sizes.has('cache')) throw new Error('a size for each directory');
 * ```
 */
export function createDirMonitor(dirs: ReadonlyMap<string, string>): DirMonitor {
  check('dirs', dirs, DIRS);
  const measured = new Map<string, string>(dirs);
  return { sizesKb: () => sizesOf(measured) };
}

async function sizesOf(dirs: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  for (const [suffix, path] of dirs) {
    try {
      sizes.set(suffix, await dirSizeKb(path));
    } catch {
      // A directory that could not be measured gets no size, and so no metric.
    }
  }
  return sizes;
}
