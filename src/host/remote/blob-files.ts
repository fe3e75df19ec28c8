/**
 * Where the blobs of a store lie in its folder. Invariant: only a file whose name is a hash counts as a blob, because the
 * folder may be, or lead to, one of the user's.
 */
import { join } from 'node:path';
import type { Digest } from '../../model/digest.ts';
import { ownName } from '../own-name.ts';
import { namesIn, statsAt } from './store-folder.ts';

/** The folders of a store: blobs lie in those by the first byte of their hash. */
export const BLOB_FOLDERS: readonly string[] = [
  'incoming',
  'leases',
  ...Array.from({ length: 256 }, (_, byte) => join('objects', byte.toString(16).padStart(2, '0'))),
];
/** The name of a blob with that of its folder. */
const BLOB = /^[0-9a-f]{64}$/;

export function blobPath(root: string, { hash }: Pick<Digest, 'hash'>): string {
  return join(root, 'objects', hash.slice(0, 2), hash.slice(2));
}

/** A new path for a file that is being written or removed. */
export function incomingPath(root: string): string {
  return join(root, 'incoming', ownName());
}

/** A blob as it is on the disk. */
export interface StoredBlob {
  readonly path: string;
  readonly key: string;
  readonly bytes: number;
  readonly usedMs: number;
}

export function* storedBlobs(root: string): Generator<StoredBlob> {
  const objects = join(root, 'objects');
  for (const folder of namesIn(objects)) {
    for (const name of namesIn(join(objects, folder))) {
      if (!BLOB.test(`${folder}${name}`)) continue;
      const path = join(objects, folder, name);
      const stats = statsAt(path);
      if (stats?.isFile() !== true) continue;
      yield { path, key: `${folder}${name}/${stats.size}`, bytes: stats.size, usedMs: stats.mtimeMs };
    }
  }
}
