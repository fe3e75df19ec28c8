/**
 * What a runner of the Bazel path asks of the outside, where checkouts are directories of the disk: actions from a content store, results from
 * an action cache, outputs from the checkout (R186–R192). Invariant: an output that is stored lies in the checkout, whatever links the
 * action has made.
 */
import * as is from '../../kernel/shape.ts';
import { mkdir, readlink, realpath, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { decodeAction, decodeCommand } from '../../cas/action-messages.ts';
import { MESSAGES } from '../../cas/codec.ts';
import { digestOf } from '../../cas/digest-of.ts';
import { isConfinedLink, isPathBelow } from '../../filers/filer-arguments.ts';
import { FilerError, throwIfCancelled } from '../../filers/filer-error.ts';
import { check } from '../../kernel/argument-check.ts';
import type {
  Action,
  ActionCommand,
  ActionOutcome,
  ActionOutputs,
  ExecuteRequest,
  OutputDirectory,
  OutputFile,
  OutputSymlink,
} from '../../model/action.ts';
import type { Cancellable } from '../../model/cancellation.ts';
import type { ActionCache, ActionStore, ContentStore } from '../../model/content-store.ts';
import type { Digest } from '../../model/digest.ts';
import { EXIT_CODES } from '../../model/exit-code.ts';
import type { Output } from '../../model/output.ts';
import { missingOf } from '../../remote/action-store.ts';
import { asFilerError } from '../filers/dir-checkout.ts';
import { kindAt, storeFile, storeTree } from './stored-tree.ts';

/** Options of {@link createDiskActions}. */
export interface DiskActionsOptions {
  readonly content: ContentStore;
  readonly cache: ActionCache;
}

const OPTIONS = is.optionsOf<DiskActionsOptions>(
  {
    content: is.withMethods('read', 'readStream', 'write', 'findMissing', 'openWrite'),
    cache: is.withMethods('get', 'put'),
  },
  {},
);

/** The property of a platform that asks for a link to the JDK of the machine (R190). */
const JDK_SYMLINK = 'JDK_SYMLINK';

class DiskActions implements ActionStore {
  readonly cancelBoundMs = 5_000;
  readonly #content: ContentStore;
  readonly #cache: ActionCache;

  constructor({ content, cache }: DiskActionsOptions) {
    this.#content = content;
    this.#cache = cache;
  }

  async cachedOutcome(request: ExecuteRequest, cancel: Cancellable): Promise<ActionOutcome | undefined> {
    const { instanceName = '', actionDigest } = request;
    const outcome = await this.#cache.get(instanceName, actionDigest, cancel);
    if (outcome === undefined) return undefined;
    const missing = await missingOf(this.#content, outcome, cancel);
    return missing.length === 0 ? outcome : undefined;
  }

  async action(digest: Digest, cancel: Cancellable): Promise<Action> {
    return decodeAction(await this.#content.read(digest, {}, cancel));
  }

  async command(digest: Digest, cancel: Cancellable): Promise<ActionCommand> {
    return decodeCommand(await this.#content.read(digest, {}, cancel));
  }

  async prepareOutputs(dir: string, command: ActionCommand, cancel: Cancellable): Promise<void> {
    try {
      const { workingDirectory, outputFiles, outputDirectories, outputPaths } = command;
      const top = join(dir, workingDirectory);
      await mkdir(top, { recursive: true });
      for (const path of [...outputFiles, ...outputDirectories, ...outputPaths]) {
        throwIfCancelled(cancel, 'preparing outputs');
        // Through a link of the input root a parent could lie anywhere.
        await mkdir(await this.#parentInside(dir, join(top, path)), { recursive: true });
      }
      await linkJdk(top, command);
    } catch (error) {
      throw asFilerError(error, 'outputs could not be prepared', EXIT_CODES.POSTPROCESSING);
    }
  }

  async storeOutputs(dir: string, command: ActionCommand, cancel: Cancellable): Promise<ActionOutputs> {
    const found = new FoundOutputs(this.#content, dir, join(dir, command.workingDirectory), cancel);
    for (const path of command.outputFiles) await found.add(path, 'file');
    for (const path of command.outputDirectories) await found.add(path, 'dir');
    for (const path of command.outputPaths) await found.add(path, undefined);
    return found.outputs;
  }

  async storeLog(log: Output, cancel: Cancellable): Promise<Digest> {
    return (await storeFile(this.#content, await log.asFile(), cancel)).digest;
  }

  async keep(request: ExecuteRequest, outcome: ActionOutcome, cancel: Cancellable): Promise<void> {
    const { instanceName = '', actionDigest } = request;
    await this.#cache.put(instanceName, actionDigest, outcome, cancel);
  }

  async #parentInside(dir: string, path: string): Promise<string> {
    const parent = path === dir ? dir : dirname(path);
    let there = parent;
    while ((await kindAt(there)) === undefined) there = dirname(there);
    await requireInside(dir, there);
    return parent;
  }
}

/** Rejects with `RUNNER_FILER_FAILED` if links make a path lie outside of the checkout. */
async function requireInside(dir: string, path: string): Promise<void> {
  const way = relative(await realpath(dir), await realpath(path));
  if (way === '' || isPathBelow(way)) return;
  throw new FilerError(`output outside of the input root: ${path}`, { exitCode: EXIT_CODES.BUNDLE_UPLOAD });
}

async function linkJdk(top: string, { platform }: ActionCommand): Promise<void> {
  const name = platform.find((property) => property.name === JDK_SYMLINK)?.value;
  if (name === undefined) return;
  const home = process.env['JAVA_HOME'];
  if (home === undefined || home === '') {
    throw new FilerError(`${JDK_SYMLINK}=${name}: JAVA_HOME is not set here`);
  }
  if (!isPathBelow(name)) {
    throw new FilerError(`${JDK_SYMLINK}: expected a path inside the input root, got ${name}`);
  }
  await mkdir(dirname(join(top, name)), { recursive: true });
  await symlink(home, join(top, name));
}

/** Gathers what an action has made. */
class FoundOutputs {
  readonly #files: OutputFile[] = [];
  readonly #directories: OutputDirectory[] = [];
  readonly #symlinks: OutputSymlink[] = [];
  readonly #content: ContentStore;
  readonly #dir: string;
  readonly #top: string;
  readonly #cancel: Cancellable;

  constructor(content: ContentStore, dir: string, top: string, cancel: Cancellable) {
    this.#content = content;
    this.#dir = dir;
    this.#top = top;
    this.#cancel = cancel;
  }

  get outputs(): ActionOutputs {
    return {
      outputFiles: this.#files,
      outputDirectories: this.#directories,
      outputSymlinks: this.#symlinks,
    };
  }

  /** What is not there is left out; what is of another kind than declared is an error. */
  async add(path: string, declared: 'file' | 'dir' | undefined): Promise<void> {
    throwIfCancelled(this.#cancel, 'storing outputs');
    const at = join(this.#top, path);
    const kind = await kindAt(at);
    if (kind === undefined) return;
    await requireInside(this.#dir, path === '' ? at : dirname(at));
    if (kind === 'link') await this.#addLink(path, at);
    else if (kind === 'file' && declared !== 'dir') {
      this.#files.push({ path, ...(await storeFile(this.#content, at, this.#cancel)) });
    } else if (kind === 'dir' && declared !== 'file') await this.#addDirectory(path, at);
    else throw wrongKind(path, declared, kind);
  }

  async #addLink(path: string, at: string): Promise<void> {
    const target = await readlink(at);
    const { length } = this.#dir;
    if (!isConfinedLink(at.slice(length + 1), target)) {
      throw new FilerError(`output ${path} is a link that leads out of the input root: ${target}`, {
        exitCode: EXIT_CODES.BUNDLE_UPLOAD,
      });
    }
    this.#symlinks.push({ path, target });
  }

  async #addDirectory(path: string, at: string): Promise<void> {
    const { root, children } = await storeTree(this.#content, at, this.#cancel);
    const bytes = MESSAGES.Tree.encode({ root, children });
    const treeDigest = digestOf(bytes);
    await this.#content.write(treeDigest, bytes, this.#cancel);
    this.#directories.push({ path, treeDigest });
  }
}

function wrongKind(
  path: string,
  declared: 'file' | 'dir' | undefined,
  kind: 'file' | 'dir' | 'other',
): FilerError {
  const names = { file: 'a file', dir: 'a directory', other: 'something else' };
  const expected = declared === undefined ? 'a file or directory' : names[declared];
  return new FilerError(`output ${path}: expected ${expected}, got ${names[kind]}`, {
    exitCode: EXIT_CODES.BUNDLE_UPLOAD,
  });
}

/**
 * Makes the action store of a runner of real commands: its `actions`, beside the filer of {@link createCasFiler}.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for options that make no sense.
 * @example
 * ```ts
 * import { createCasFiler, createDiskActions, createExecRunner } from 'dryrunner/host';
 * import { createMemoryActionCache, createMemoryContentStore } from 'dryrunner/remote';
 * const content = createMemoryContentStore();
 * const actions = createDiskActions({ content, cache: createMemoryActionCache() });
 * const runner = createExecRunner({ actions, filers: new Map([['bazel', { filer: createCasFiler({ content }) }]]) });
 * await runner.release();
 * await runner.outputs.dispose();
 * ```
 */
export function createDiskActions(options: DiskActionsOptions): ActionStore {
  check('options', options, OPTIONS);
  return new DiskActions(options);
}
