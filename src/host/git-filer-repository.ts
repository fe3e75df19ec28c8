/**
 * One git repository as a store of snapshots. Invariant: every operation works with an index file of its own, so that any number of
 * them can go on at once, and what was stored is held by a ref, so that no clean-up of the repository takes it.
 */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { invalidArgument } from '../kernel/errors.ts';
import { FilerError } from '../filers/filer-error.ts';
import type { Cancellable } from '../model/cancellation.ts';
import { EXIT_CODES } from '../model/exit-code.ts';
import { runGit } from './git-filer-command.ts';
import type { GitCommand } from './git-filer-command.ts';

/** What is needed to work with a repository. */
export interface GitRepositoryOptions {
  readonly git: string;
  readonly path: string;
}

/** An entry of an index: mode and object id as git writes them, and a path as bytes in Latin-1. */
interface IndexEntry {
  readonly mode: string;
  readonly object: string;
  readonly path: string;
}

// The same content must give the same commit, whoever stores it and whenever.
const IDENTITY = Object.fromEntries(
  ['AUTHOR', 'COMMITTER'].flatMap((role) => [
    [`GIT_${role}_NAME`, 'dryrunner'],
    [`GIT_${role}_EMAIL`, 'dryrunner@localhost'],
    [`GIT_${role}_DATE`, '@0 +0000'],
  ]),
);
const GITLINK = '160000';

/** See {@link GitRepositoryOptions}. */
export class GitRepository {
  readonly #git: string;
  readonly #path: string;
  #gitDir: Promise<string> | undefined;

  constructor({ git, path }: GitRepositoryOptions) {
    this.#git = git;
    this.#path = resolve(path);
  }

  /** Writes the files of a commit into `dir`, which is empty. */
  async writeTo(dir: string, commit: string, index: string, cancel: Cancellable | undefined): Promise<void> {
    const env = { GIT_INDEX_FILE: index };
    const exitCode = EXIT_CODES.CHECKOUT;
    await this.#run(['read-tree', `${commit}^{commit}`], { env, cancel, exitCode });
    const inside = { GIT_WORK_TREE: dir, ...env };
    await this.#run(['checkout-index', '--all', '--quiet'], { cwd: dir, env: inside, cancel, exitCode });
  }

  /** True if the repository lacks that commit; false if that cannot be told. */
  async lacks(commit: string, cancel: Cancellable | undefined): Promise<boolean> {
    const options = { input: `${commit}^{commit}\n`, cancel, exitCode: EXIT_CODES.CHECKOUT };
    const answer = await this.#run(['cat-file', '--batch-check'], options).catch((error: unknown) => {
      if (error instanceof FilerError) return '';
      throw error;
    });
    return answer.endsWith(' missing\n');
  }

  /** Stores what the sources give and gives the commit. `scratch` is an empty directory. */
  async store(
    paths: readonly GitSource[],
    scratch: string,
    cancel: Cancellable | undefined,
  ): Promise<string> {
    const entries = new Map<string, IndexEntry>();
    for (const [nth, source] of paths.entries()) {
      const found = await this.#entriesOf(source, join(scratch, `index${nth}`), cancel);
      for (const entry of found) addEntry(entries, entry);
    }
    checkNesting(entries);
    const options = {
      env: { GIT_INDEX_FILE: join(scratch, 'index') },
      cancel,
      exitCode: EXIT_CODES.BUNDLE_UPLOAD,
    };
    const input = [...entries.values()]
      .map(({ mode, object, path }) => `${mode} ${object}\t${path}\0`)
      .join('');
    await this.#run(['update-index', '-z', '--index-info'], { ...options, input });
    const tree = (await this.#run(['write-tree'], options)).trim();
    const commitTree = ['commit-tree', '--no-gpg-sign', '-m', 'Snapshot', tree];
    const commit = (await this.#run(commitTree, { ...options, env: IDENTITY })).trim();
    await this.#hold(commit, cancel);
    return commit;
  }

  /** Gets the branches and tags of a remote repository. */
  async fetch(remote: string, cancel: Cancellable | undefined): Promise<void> {
    const refs = ['+refs/heads/*:refs/dryrunner/remote/heads/*', '+refs/tags/*:refs/dryrunner/remote/tags/*'];
    const args = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--prune', '--', remote, ...refs];
    await this.#run(args, { cancel, exitCode: EXIT_CODES.CHECKOUT });
  }

  /** Two who hold the same commit at once may get into each other's way; what counts is that it is held. */
  async #hold(commit: string, cancel: Cancellable | undefined): Promise<void> {
    const ref = `refs/dryrunner/snapshots/${commit}`;
    const options = { cancel, exitCode: EXIT_CODES.BUNDLE_UPLOAD };
    try {
      await this.#run(['update-ref', ref, commit], options);
    } catch (error) {
      if (!(error instanceof FilerError)) throw error;
      await this.#run(['rev-parse', '--verify', '--quiet', ref], options);
    }
  }

  async #entriesOf(source: GitSource, index: string, cancel: Cancellable | undefined): Promise<IndexEntry[]> {
    const exitCode = EXIT_CODES.BUNDLE_UPLOAD;
    const target = Buffer.from(source.target).toString('latin1');
    if (source.kind === 'file') {
      const object = (await this.#run(['hash-object', '-w', '--', source.path], { cancel, exitCode })).trim();
      return [{ mode: source.executable ? '100755' : '100644', object, path: target }];
    }
    const env = { GIT_INDEX_FILE: index, GIT_WORK_TREE: source.path };
    const options = { cwd: source.path, env, cancel, exitCode };
    await this.#run(['add', '--all', '--force', '--', '.'], options);
    const listed = await this.#run(['ls-files', '--stage', '-z'], options);
    return listed
      .split('\0')
      .filter((line) => line !== '')
      .map((line) => indexEntry(line, target));
  }

  async #run(args: readonly string[], options: Omit<GitCommand, 'args'>): Promise<string> {
    const globals = [`--git-dir=${await this.#open()}`];
    return runGit(this.#git, { ...options, globals, args });
  }

  /** Finds the repository, or makes a bare one where nothing is. A failure is not remembered. */
  #open(): Promise<string> {
    this.#gitDir ??= this.#find().catch((error: unknown) => {
      this.#gitDir = undefined;
      throw error;
    });
    return this.#gitDir;
  }

  async #find(): Promise<string> {
    const exitCode = EXIT_CODES.DB_INIT;
    // Without the ceiling, git would take a repository that happens to lie around this one.
    const env = { GIT_CEILING_DIRECTORIES: dirname(this.#path) };
    if (await isVacant(this.#path)) {
      await runGit(this.#git, { args: ['init', '--quiet', '--bare', '--', this.#path], env, exitCode });
    }
    const found = await runGit(this.#git, {
      args: ['rev-parse', '--absolute-git-dir'],
      cwd: this.#path,
      env,
      exitCode,
    });
    return Buffer.from(found.replace(/\n$/, ''), 'latin1').toString();
  }
}

/** Something to be stored, at a path of the snapshot ('' for its root). */
export interface GitSource {
  readonly kind: 'file' | 'dir';
  readonly path: string;
  readonly target: string;
  readonly executable: boolean;
}

async function isVacant(path: string): Promise<boolean> {
  try {
    return (await readdir(path)).length === 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    return false;
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

/** Git's index would silently let the later of a file and a directory of the same name win. */
function checkNesting(entries: ReadonlyMap<string, IndexEntry>): void {
  for (const path of entries.keys()) {
    for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) {
      const above = path.slice(0, at);
      if (entries.has(above)) throw invalidArgument('paths', 'one source for each target', basename(above));
    }
  }
}
