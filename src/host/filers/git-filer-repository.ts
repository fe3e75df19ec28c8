/**
 * A git repository as a store of snapshots. Invariant: every operation has its own index file, so that any number of
 * them can run at once, and a ref holds every stored snapshot, so that no garbage collection of the repository takes
 * it.
 */
import { copyFile, readdir, realpath, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { FilerError, unknownSnapshot } from '../../filers/filer-error.ts';
import type { Cancellable } from '../../model/cancellation.ts';
import { EXIT_CODES } from '../../model/exit-code.ts';
import { runGit, type CommandOptions, type GitWorkshop } from './git-filer-command.ts';
import { storedEntries } from './git-filer-entries.ts';
import type { GitSource } from './git-filer-entries.ts';
import { IDENTITY, makeGitDir, SERVER_SETTINGS } from './git-filer-settings.ts';
import type { BorrowedSettings } from './git-filer-settings.ts';

/** What is needed to work with a repository. */
export interface GitRepositoryOptions {
  readonly git: string;
  readonly path: string;
}

/** Our own git directory, in the scratch directory of an operation. */
const GIT_DIR = 'git';
const REMOTE_REFS = 'refs/dryrunner/remote/';
/** A URL, a path on another host, or an absolute one on this. */
const ABSOLUTE = /^(?:[^/]*:|\/)/;

/** A repository that has been found or made. */
interface FoundRepository extends Pick<BorrowedSettings, 'objectFormat'> {
  readonly gitDir: string;
  readonly objects: string;
}

/** See {@link GitRepositoryOptions}. Every `scratch` is an empty directory for the operation's own use. */
export class GitRepository {
  readonly #git: string;
  readonly #path: string;
  #found: Promise<FoundRepository> | undefined;

  constructor({ git, path }: GitRepositoryOptions) {
    this.#git = git;
    this.#path = resolve(path);
  }

  /** Writes the files of a commit into `dir`, which is empty. */
  async writeTo(
    dir: string,
    commit: string,
    scratch: string,
    cancel: Cancellable | undefined,
  ): Promise<void> {
    const env = { GIT_INDEX_FILE: join(scratch, 'index') };
    const exitCode = EXIT_CODES.CHECKOUT;
    const workshop = await this.#workshop(scratch, cancel);
    try {
      await workshop(['read-tree', `${commit}^{commit}`], { env, cancel, exitCode });
    } catch (error) {
      // Asked only after a failure, because most checkouts succeed.
      const isUnknown = error instanceof FilerError && (await lacks(workshop, commit, cancel));
      throw isUnknown ? unknownSnapshot(commit) : error;
    }
    const inside = { GIT_WORK_TREE: dir, ...env };
    await workshop(['checkout-index', '--all', '--quiet'], { cwd: dir, env: inside, cancel, exitCode });
  }

  /** Stores the contents of the sources and resolves with the commit. */
  async store(
    sources: readonly GitSource[],
    scratch: string,
    cancel: Cancellable | undefined,
  ): Promise<string> {
    const workshop = await this.#workshop(scratch, cancel);
    const options = {
      env: { GIT_INDEX_FILE: join(scratch, 'index') },
      cancel,
      exitCode: EXIT_CODES.BUNDLE_UPLOAD,
    };
    const input = await storedEntries(workshop, sources, (nth) => join(scratch, `index${nth}`), cancel);
    await workshop(['update-index', '-z', '--index-info'], { ...options, input, isSilent: true });
    const tree = (await workshop(['write-tree'], options)).trim();
    const commitTree = ['commit-tree', '--no-gpg-sign', '-m', 'Snapshot', tree];
    const commit = (await workshop(commitTree, { ...options, env: IDENTITY })).trim();
    await this.#hold(commit, cancel);
    return commit;
  }

  /**
   * Fetches the branches and tags of a remote repository. The fetch runs in a git directory of our own, which gets a
   * copy of the repository's refs so that only new objects are sent, and of the list of commits at which its history
   * ends, if it is a shallow clone; changed refs are written back.
   */
  async fetch(remote: string, scratch: string, cancel: Cancellable | undefined): Promise<void> {
    const options = { cancel, exitCode: EXIT_CODES.CHECKOUT };
    const workshop = await this.#workshop(scratch, cancel);
    const list = ['for-each-ref', '--format=%(objectname) %(refname)'];
    const known = await this.#run(list, options);
    await writeFile(join(scratch, GIT_DIR, 'packed-refs'), known, 'latin1');
    await this.#copyShallow(join(scratch, GIT_DIR), options);
    const refs = ['heads', 'tags'].map((kind) => `+refs/${kind}/*:${REMOTE_REFS}${kind}/*`);
    const settings = join(scratch, 'settings');
    await writeFile(settings, SERVER_SETTINGS);
    const { url, cwd } = await this.#placeOf(remote, cancel);
    const how = ['--quiet', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules', '--prune'];
    await workshop(['fetch', ...how, '--', url, ...refs], {
      ...options,
      env: { GIT_CONFIG_GLOBAL: settings },
      ...(cwd === undefined ? {} : { cwd }),
    });
    const before = refsIn(known);
    const after = refsIn(await workshop([...list, REMOTE_REFS], options));
    const gone = [...before.keys()].filter((ref) => ref.startsWith(REMOTE_REFS) && !after.has(ref));
    const changed = [...after].filter(([ref, object]) => before.get(ref) !== object);
    // Deletions first: a new branch may have the name of a former branch's folder.
    for (const lines of [
      gone.map((ref) => `delete ${ref}\n`),
      changed.map(([ref, object]) => `update ${ref} ${object}\n`),
    ]) {
      if (lines.length > 0) await this.#run(['update-ref', '--stdin'], { ...options, input: lines.join('') });
    }
  }

  /**
   * The URL of a remote of that name, if the repository has one, and the folder to which git takes it as relative; else
   * `remote` itself, which is a URL or a path: a relative one starts where this process is.
   */
  async #placeOf(
    remote: string,
    cancel: Cancellable | undefined,
  ): Promise<{ readonly url: string; readonly cwd?: string }> {
    // Git fetches from the first of several, and pushes to all.
    const [url = ''] = await this.#settings(`remote.${remote}.url`, cancel);
    if (url !== '') return { url, cwd: this.#path };
    return ABSOLUTE.test(remote) ? { url: remote } : { url: remote, cwd: '.' };
  }

  /** Without that list, git would take what lies behind these commits for objects that the repository has. */
  async #copyShallow(gitDir: string, options: CommandOptions): Promise<void> {
    const path = await this.#run(['rev-parse', '--git-path', 'shallow'], options);
    const list = Buffer.from(path.replace(/\n$/, ''), 'latin1');
    await copyFile(list, join(gitDir, 'shallow')).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    });
  }

  /** Makes the ref that keeps a commit. Two concurrent attempts may collide; either one's ref will do. */
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

  /**
   * All values of a setting of the repository's own; none if it is not set. They are only read: no setting of the
   * repository takes effect by itself.
   */
  async #settings(key: string, cancel: Cancellable | undefined): Promise<string[]> {
    const options = { cancel, exitCode: EXIT_CODES.DB_INIT };
    const answer = await this.#run(['config', '--local', '--null', '--get-all', key], options).catch(
      (error: unknown) => {
        if (error instanceof FilerError) return '';
        throw error;
      },
    );
    return Buffer.from(answer, 'latin1').toString().split('\0').slice(0, -1);
  }

  /** Runs git in the repository itself, for refs and settings. */
  async #run(args: readonly string[], options: CommandOptions): Promise<string> {
    const { gitDir } = await this.#open();
    return runGit(this.#git, { ...options, globals: [`--git-dir=${gitDir}`], args });
  }

  async #workshop(scratch: string, cancel: Cancellable | undefined): Promise<GitWorkshop> {
    const found = await this.#open();
    const sharing = (await this.#settings('core.sharedRepository', cancel)).at(-1) ?? '';
    const dir = join(scratch, GIT_DIR);
    await makeGitDir(dir, { ...found, sharing });
    return (args, { env = {}, ...options }) =>
      runGit(this.#git, {
        ...options,
        env: { GIT_OBJECT_DIRECTORY: found.objects, ...env },
        globals: [`--git-dir=${dir}`],
        args,
      });
  }

  /** Finds the repository, or makes a bare one if nothing is there. A failure is not cached. */
  #open(): Promise<FoundRepository> {
    this.#found ??= this.#find().catch((error: unknown) => {
      this.#found = undefined;
      throw error;
    });
    return this.#found;
  }

  async #find(): Promise<FoundRepository> {
    const exitCode = EXIT_CODES.DB_INIT;
    if (await isVacant(this.#path)) {
      const how = ['--quiet', '--bare', '--template=', '--object-format=sha1', '--initial-branch=main'];
      await runGit(this.#git, { args: ['init', ...how, '--', this.#path], exitCode });
    }
    // Without the ceiling, git would use a repository in a parent folder: of the real path, as git sees it.
    const real = await realpath(this.#path).catch(() => this.#path);
    const env = { GIT_CEILING_DIRECTORIES: dirname(real) };
    const answer = async (...args: string[]): Promise<string> => {
      const text = await runGit(this.#git, { args: ['rev-parse', ...args], cwd: this.#path, env, exitCode });
      return Buffer.from(text.replace(/\n$/, ''), 'latin1').toString();
    };
    const gitDir = await answer('--absolute-git-dir');
    const objects = resolve(this.#path, await answer('--git-path', 'objects'));
    const objectFormat = (await answer('--show-object-format')) === 'sha256' ? 'sha256' : 'sha1';
    return { gitDir, objects, objectFormat };
  }
}

/** True if the repository is known to lack that commit; false if it has it, or that cannot be determined. */
async function lacks(
  workshop: GitWorkshop,
  commit: string,
  cancel: Cancellable | undefined,
): Promise<boolean> {
  const options = { input: `${commit}^{commit}\n`, cancel, exitCode: EXIT_CODES.CHECKOUT };
  const answer = await workshop(['cat-file', '--batch-check'], options).catch((error: unknown) => {
    if (error instanceof FilerError) return '';
    throw error;
  });
  return answer.endsWith(' missing\n');
}

/** Parses lines `OBJECT REF` into a map of ref → object. */
function refsIn(lines: string): Map<string, string> {
  return new Map(
    lines
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const space = line.indexOf(' ');
        return [line.slice(space + 1), line.slice(0, space)];
      }),
  );
}

async function isVacant(path: string): Promise<boolean> {
  try {
    return (await readdir(path)).length === 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    return false;
  }
}
