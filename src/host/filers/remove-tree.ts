/**
 * Removes directories with whatever a run left in them: parts that nobody may write, and paths that are longer than the system takes.
 * Invariant: nothing outside of the tree is touched; links are removed, not followed.
 */
import { randomBytes } from 'node:crypto';
import { chmod, lstat, readdir, rename, rm, rmdir, unlink } from 'node:fs/promises';

const SLASH = Buffer.from('/');
/** What a plain removal stumbles over and a patient one does not. */
const PATIENCE_HELPS = ['EACCES', 'EPERM', 'ENAMETOOLONG'];

/**
 * Removes the tree if it is there, or, with `keepDir`, only what is in it.
 *
 * @throws the system's error (rejects) if something cannot be removed.
 */
export async function removeTree(path: string, keepDir = false): Promise<void> {
  try {
    await removeQuickly(path, keepDir);
  } catch (error) {
    if (!PATIENCE_HELPS.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await removePatiently(Buffer.from(path));
    await removeQuickly(path, keepDir);
  }
}

async function removeQuickly(path: string, keepDir: boolean): Promise<void> {
  // A process that is just ending may still add files; a few more rounds outlast it.
  const options = { recursive: true, force: true, maxRetries: 5, retryDelay: 20 };
  if (!keepDir) {
    await rm(path, options);
    return;
  }
  for (const name of await readdir(path, 'buffer')) await rm(entryOf(Buffer.from(path), name), options);
}

/**
 * Empties a directory with paths of two names at most: what is deeper is moved to the top first. Names are bytes here: a run may
 * have made some that are no text.
 */
async function removePatiently(top: Buffer): Promise<void> {
  if (!(await isFolder(top))) return;
  await chmod(top, 0o700);
  const prefix = `.removed-${randomBytes(8).toString('hex')}-`;
  let moved = 0;
  const folders = await emptyOfFiles(top);
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const inner of await emptyOfFiles(folder)) {
      const target = entryOf(top, Buffer.from(`${prefix}${moved++}`));
      await rename(inner, target);
      folders.push(target);
    }
    await rmdir(folder);
  }
}

/** Removes everything but folders, and gives those, each open to its owner. */
async function emptyOfFiles(folder: Buffer): Promise<Buffer[]> {
  const folders: Buffer[] = [];
  for (const name of await readdir(folder, 'buffer')) {
    const path = entryOf(folder, name);
    if (await isFolder(path)) {
      // A folder that its owner may not write cannot be moved either.
      await chmod(path, 0o700);
      folders.push(path);
    } else {
      await unlink(path);
    }
  }
  return folders;
}

async function isFolder(path: Buffer): Promise<boolean> {
  return (await lstat(path)).isDirectory();
}

function entryOf(dir: Buffer, name: Buffer): Buffer {
  return Buffer.concat([dir, SLASH, name]);
}
