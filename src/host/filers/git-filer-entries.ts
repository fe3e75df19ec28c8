/**
 * The sources of a snapshot as the entries of a git index. Invariants: each path comes once; no file is also a folder
 * of another file; an entry that git cannot keep is refused, not left out.
 */
import { readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { FilerError, throwIfCancelled } from '../../filers/filer-error.ts';
import { invalidArgument } from '../../kernel/errors.ts';
import type { Cancellable } from '../../model/cancellation.ts';
import { EXIT_CODES } from '../../model/exit-code.ts';
import { shownBytes } from '../shown-bytes.ts';
import { asFilerError } from './dir-checkout.ts';
import type { GitWorkshop } from './git-filer-command.ts';

/** A source of a snapshot and its path there ('' for the root). */
export interface GitSource {
  readonly kind: 'file' | 'dir';
  readonly path: string;
  readonly target: string;
  readonly executable: boolean;
}

/** An entry of an index: mode and object id as git writes them, and a path as bytes in Latin-1. */
interface IndexEntry {
  readonly mode: string;
  readonly object: string;
  readonly path: string;
}

const GITLINK = '160000';
const GIT_DIR = Buffer.from('.git');
const SLASH = Buffer.from('/');

/**
 * Stores the objects of the sources and returns their entries as lines for `update-index -z --index-info`. `indexOf`
 * gives each source an index file.
 */
export async function storedEntries(
  workshop: GitWorkshop,
  sources: readonly GitSource[],
  indexOf: (nth: number) => string,
  cancel: Cancellable | undefined,
): Promise<string> {
  const entries = new Map<string, IndexEntry>();
  for (const [nth, source] of sources.entries()) {
    for (const entry of await entriesOf(workshop, source, indexOf(nth), cancel)) addEntry(entries, entry);
  }
  checkNesting(entries);
  return [...entries.values()].map(({ mode, object, path }) => `${mode} ${object}\t${path}\0`).join('');
}

async function entriesOf(
  workshop: GitWorkshop,
  source: GitSource,
  index: string,
  cancel: Cancellable | undefined,
): Promise<IndexEntry[]> {
  const exitCode = EXIT_CODES.BUNDLE_UPLOAD;
  const target = Buffer.from(source.target).toString('latin1');
  if (source.kind === 'file') {
    const args = ['hash-object', '-w', '--no-filters', '--', source.path];
    const object = (await workshop(args, { cancel, exitCode })).trim();
    return [{ mode: source.executable ? '100755' : '100644', object, path: target }];
  }
  try {
    await refuseSpecialFiles(Buffer.from(source.path), cancel);
  } catch (error) {
    throw asFilerError(error, 'ingestion failed', exitCode);
  }
  const env = { GIT_INDEX_FILE: index, GIT_WORK_TREE: source.path };
  const options = { cwd: source.path, env, cancel, exitCode };
  await workshop(['add', '--all', '--force', '--', '.'], options);
  const listed = await workshop(['ls-files', '--stage', '-z'], options);
  return listed
    .split('\0')
    .filter((line) => line !== '')
    .map((line) => indexEntry(line, target));
}

/** Git leaves out pipes, sockets and devices without a word. */
async function refuseSpecialFiles(dir: Buffer, cancel: Cancellable | undefined): Promise<void> {
  for (const entry of await readdir(dir, { withFileTypes: true, encoding: 'buffer' })) {
    throwIfCancelled(cancel, 'ingestion');
    // Not part of a snapshot.
    if (entry.name.equals(GIT_DIR)) continue;
    const path = Buffer.concat([dir, SLASH, entry.name]);
    if (entry.isDirectory()) await refuseSpecialFiles(path, cancel);
    else if (!entry.isFile() && !entry.isSymbolicLink()) {
      const message = `neither file, directory nor link: ${shownBytes(path)}`;
      throw new FilerError(message, { exitCode: EXIT_CODES.BUNDLE_UPLOAD });
    }
  }
}

/** A line of `ls-files --stage`: `MODE OBJECT STAGE\tPATH`. */
function indexEntry(line: string, target: string): IndexEntry {
  const tab = line.indexOf('\t');
  const [mode = '', object = ''] = line.slice(0, tab).split(' ');
  const below = line.slice(tab + 1);
  const path = target === '' ? below : `${target}/${below}`;
  if (mode !== GITLINK) return { mode, object, path };
  const message = `a repository inside of a snapshot cannot be kept: ${Buffer.from(path, 'latin1').toString()}`;
  throw new FilerError(message, { exitCode: EXIT_CODES.BUNDLE_UPLOAD });
}

function addEntry(entries: Map<string, IndexEntry>, entry: IndexEntry): void {
  if (entries.has(entry.path)) throw invalidArgument('paths', 'one source for each target', entry.path);
  entries.set(entry.path, entry);
}

/** Refuses a file and a directory of the same name, of which git's index would silently keep the later one. */
function checkNesting(entries: ReadonlyMap<string, IndexEntry>): void {
  for (const path of entries.keys()) {
    for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) {
      const above = path.slice(0, at);
      if (entries.has(above)) throw invalidArgument('paths', 'one source for each target', basename(above));
    }
  }
}
