/**
 * A filer whose snapshots are commits of a git repository. Invariant: checkouts share nothing but the repository's
 * objects, so they neither wait for each other nor leave anything in the repository (R172).
 */
import * as is from '../../kernel/shape.ts';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { checkIngestPaths, ABSOLUTE_PATH } from '../../filers/filer-arguments.ts';
import { throwIfCancelled } from '../../filers/filer-error.ts';
import { check } from '../../kernel/argument-check.ts';
import { invalidArgument } from '../../kernel/errors.ts';
import type { Cancellable } from '../../model/cancellation.ts';
import { EXIT_CODES } from '../../model/exit-code.ts';
import { DirCheckout, asFilerError, filled, prepareTarget } from './dir-checkout.ts';
import type { DiskFiler } from './disk-filer.ts';
import type { GitSource } from './git-filer-entries.ts';
import { GitRepository } from './git-filer-repository.ts';
import { isInsideGit } from './git-filer-settings.ts';
import { createTempDirs } from './temp-dirs.ts';
import type { DiskTempDirs } from './temp-dirs.ts';

/** Options of {@link createGitFiler}. */
export interface GitFilerOptions {
  /** A repository, bare or not; a bare one is made if nothing is there. */
  readonly repo: string;
  /**
   * Where `update` fetches branches and tags from: a URL, a path or the name of a remote. Git never asks for
   * credentials: the remote must need none, or have them in its URL or in keys that `ssh` finds by itself. Default:
   * updates do nothing.
   */
  readonly remote?: string;
  /** How often the runner asks for an update (R75). Default 0: never. */
  readonly updateIntervalMs?: number;
  /** Where checkouts are made. Default: the machine's directory for temporary files. */
  readonly root?: string;
  /** The git program to run. Default `git`. */
  readonly git?: string;
}

const PLACE = is.text('a path or name that is no option', /^(?!-)[^\0]+$/);
const GIT_FILER_OPTIONS = is.optionsOf<GitFilerOptions>(
  { repo: PLACE },
  { remote: PLACE, updateIntervalMs: is.DURATION_MS, root: is.text('a path'), git: is.TEXT },
);

const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

class GitFiler implements DiskFiler {
  // Stopping git takes at most 1.5 seconds; the rest is for removing what was checked out so far.
  readonly cancelBoundMs = 5_000;
  readonly updateIntervalMs: number;
  readonly #repository: GitRepository;
  readonly #remote: string | undefined;
  readonly #dirs: DiskTempDirs;

  constructor({ repo, remote, updateIntervalMs = 0, root, git = 'git' }: GitFilerOptions) {
    this.updateIntervalMs = updateIntervalMs;
    this.#repository = new GitRepository({ git, path: repo });
    this.#remote = remote;
    this.#dirs = createTempDirs(root === undefined ? {} : { root });
  }

  async checkout(snapshotId: string, cancel?: Cancellable): Promise<DirCheckout> {
    checkCommit(snapshotId);
    throwIfCancelled(cancel, 'checkout');
    const { path } = await this.#dirs.create('checkout');
    return filled(new DirCheckout(path, snapshotId), (dir) => this.#fill(dir, snapshotId, cancel));
  }

  async checkoutAt(snapshotId: string, dir: string, cancel?: Cancellable): Promise<DirCheckout> {
    checkCommit(snapshotId);
    check('dir', dir, ABSOLUTE_PATH);
    throwIfCancelled(cancel, 'checkout');
    return filled(await prepareTarget(dir, snapshotId), (path) => this.#fill(path, snapshotId, cancel));
  }

  async ingest(path: string, cancel?: Cancellable): Promise<string> {
    check('path', path, ABSOLUTE_PATH);
    const { kind } = await sourceAt(path, '');
    return this.ingestMap(new Map([[path, kind === 'dir' ? '' : basename(path)]]), cancel);
  }

  async ingestMap(paths: ReadonlyMap<string, string>, cancel?: Cancellable): Promise<string> {
    checkIngestPaths(paths);
    for (const target of paths.values()) {
      if (isInsideGit(target)) throw invalidArgument('target path', 'a path outside of .git', target);
    }
    throwIfCancelled(cancel, 'ingestion');
    const sources: GitSource[] = [];
    for (const [path, target] of paths) sources.push(await sourceAt(path, target));
    if (sources.some(({ kind, target }) => kind === 'file' && target === '')) {
      throw invalidArgument('target path', 'a name for the file', '');
    }
    return this.#withScratch((scratch) => this.#repository.store(sources, scratch, cancel));
  }

  async update(cancel?: Cancellable): Promise<void> {
    throwIfCancelled(cancel, 'update');
    const remote = this.#remote;
    if (remote === undefined) return;
    await this.#withScratch((scratch) => this.#repository.fetch(remote, scratch, cancel));
  }

  async #fill(dir: string, commit: string, cancel: Cancellable | undefined): Promise<void> {
    await this.#withScratch((scratch) => this.#repository.writeTo(dir, commit, scratch, cancel));
  }

  async #withScratch<T>(work: (dir: string) => Promise<T>): Promise<T> {
    const scratch = await this.#dirs.create('scratch');
    try {
      return await work(scratch.path);
    } finally {
      await scratch.release();
    }
  }
}

function checkCommit(snapshotId: unknown): void {
  if (typeof snapshotId === 'string' && COMMIT.test(snapshotId)) return;
  throw invalidArgument('snapshotId', 'the full id of a commit in lower-case hexadecimal', snapshotId);
}

async function sourceAt(path: string, target: string): Promise<GitSource> {
  try {
    const stats = await stat(path);
    if (!stats.isDirectory() && !stats.isFile()) throw new Error(`not a regular file: ${path}`);
    const kind = stats.isDirectory() ? 'dir' : 'file';
    return { kind, path, target, executable: (stats.mode & 0o111) !== 0 };
  } catch (error) {
    throw asFilerError(error, 'ingestion failed', EXIT_CODES.BUNDLE_UPLOAD);
  }
}

/**
 * Makes a filer of git commits, using the installed git. A checkout has the commit's files and no `.git`; links are
 * kept as git stores them. An ingestion keeps what git keeps: no empty directories, nothing named `.git`. Git runs with
 * our settings alone: bytes stay as they are, whatever attributes, filters and settings the machine, the user or the
 * repository has. So the same content gives the same commit everywhere, which a ref under `refs/dryrunner/snapshots/`
 * keeps.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for invalid options.
 * @example
 * ```ts
 * import { mkdtemp, rm } from 'node:fs/promises';
 * import { createGitFiler } from 'dryrunner/host';
 * const repo = await mkdtemp('/tmp/repo-');
 * const filer = createGitFiler({ repo });
 * const checkout = await filer.checkout(await filer.ingest('/etc/hostname'));
 * await checkout.release();
 * await rm(repo, { recursive: true });
 * ```
 */
export function createGitFiler(options: GitFilerOptions): DiskFiler {
  check('options', options, GIT_FILER_OPTIONS);
  return new GitFiler(options);
}
