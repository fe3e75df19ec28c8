/**
 * Walks a directory that is to be stored. Invariant: links are read, not followed, and what cannot be kept exactly is refused, not
 * left out.
 */
import { readdir, readlink } from 'node:fs/promises';
import type { Dirent } from 'node:fs';
import { join } from 'node:path';
import { FilerError } from '../../filers/filer-error.ts';
import { EXIT_CODES } from '../../model/exit-code.ts';
import { isConfinedLink } from './directory-filer-manifest.ts';

/** Something found, by its path relative to where the walk began. */
export type FoundEntry =
  | { readonly path: string; readonly kind: 'dir' }
  | { readonly path: string; readonly kind: 'file'; readonly source: string }
  | { readonly path: string; readonly kind: 'link'; readonly target: string };

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * All entries below `source`, at paths below `target` ('' for the root), parents first.
 *
 * @throws RunnerError `RUNNER_FILER_FAILED` for a name that is not UTF-8, a link that could lead out of the snapshot, or something
 * that is neither file, directory nor link.
 */
export async function* scanTree(source: string, target: string): AsyncGenerator<FoundEntry> {
  const entries = await readdir(Buffer.from(source), { withFileTypes: true, encoding: 'buffer' });
  for (const entry of entries) {
    const name = decodeName(entry.name, source);
    const path = target === '' ? name : `${target}/${name}`;
    const at = join(source, name);
    yield await foundEntry(entry, path, at);
    if (entry.isDirectory()) yield* scanTree(at, path);
  }
}

async function foundEntry(
  entry: Pick<Dirent, 'isFile' | 'isDirectory' | 'isSymbolicLink'>,
  path: string,
  at: string,
): Promise<FoundEntry> {
  if (entry.isDirectory()) return { path, kind: 'dir' };
  if (entry.isFile()) return { path, kind: 'file', source: at };
  if (!entry.isSymbolicLink()) throw refusal(`neither file, directory nor link: ${at}`);
  const target = decodeName(await readlink(at, { encoding: 'buffer' }), at);
  if (!isConfinedLink(path, target)) {
    throw refusal(`link that could lead out of the snapshot: ${at} -> ${target}`);
  }
  return { path, kind: 'link', target };
}

function decodeName(bytes: Uint8Array, where: string): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new FilerError(`name that is not UTF-8 in ${where}`, { cause, exitCode: EXIT_CODES.BUNDLE_UPLOAD });
  }
}

function refusal(message: string): FilerError {
  return new FilerError(message, { exitCode: EXIT_CODES.BUNDLE_UPLOAD });
}
