/**
 * Everything a runner of the Bazel path needs, built on a content store, an action cache and the tree that contains its
 * checkouts (R186–R192). Invariants: a result is returned or cached only if every blob that it names is stored; outputs
 * never lead out of the checkout.
 */
import * as is from '../kernel/shape.ts';
import {
  badField,
  decodeAction,
  decodeCommand,
  digestsOfOutcome,
  readMessage,
} from '../cas/action-messages.ts';
import { type DirectoryMessage, MESSAGES, type TreeMessage } from '../cas/codec.ts';
import { MESSAGE_ENTRIES_MAX } from '../cas/entry-limit.ts';
import { isPathBelow } from '../model/confined-path.ts';
import { FilerError, throwIfCancelled } from '../filers/filer-error.ts';
import { check } from '../kernel/argument-check.ts';
import { RunnerError } from '../kernel/errors.ts';
import { onOneLine } from '../kernel/one-line.ts';
import type {
  Action,
  ActionCommand,
  ActionOutcome,
  ActionOutputs,
  ExecuteRequest,
  OutputDirectory,
  OutputFile,
  OutputSymlink,
} from '../model/action.ts';
import { ACTION_CACHE, CONTENT_STORE } from '../model/argument-shapes.ts';
import type { Cancellable } from '../model/cancellation.ts';
import {
  type ActionCache,
  type ActionStore,
  type BlobHold,
  type BlobRange,
  type BlobWriter,
  type ContentStore,
  type ExecutedAction,
  MissingBlobsError,
  missingBlobsOf,
} from '../model/content-store.ts';
import { type Digest, digestKey } from '../model/digest.ts';
import { EXIT_CODES } from '../model/exit-code.ts';
import { type MaybePromise, whenThere } from '../model/maybe-promise.ts';
import type { Output } from '../model/output.ts';
import { TREE_TARGET, type TreeTarget } from './content-filer.ts';
import {
  below,
  confinedTarget,
  type EntryKind,
  sourceOf,
  storeBytes,
  type StoredFile,
  storeTree,
  type TreeSource,
  unkept,
} from './stored-tree.ts';

/** Options of {@link createActionStore}. */
export interface ActionStoreOptions {
  readonly content: ContentStore;
  readonly cache: ActionCache;
  /** The tree in which the runner's filer places checkouts. */
  readonly tree: TreeTarget;
  /** Reads the content of a log. Default: the bytes of an output in memory. */
  readonly readLog?: (log: Output) => MaybePromise<Uint8Array>;
  /** Directory of the JDK for commands that ask for one (R190). Default: none, and such commands fail. */
  readonly javaHome?: string;
}

const OPTIONS = is.optionsOf<ActionStoreOptions>(
  { content: CONTENT_STORE, cache: ACTION_CACHE, tree: TREE_TARGET },
  { readLog: is.FUNCTION, javaHome: is.TEXT },
);

/** Where checkouts are: in memory or on disk. Paths are absolute. */
export interface OutputPlace {
  /** A cancelled call ends within this many milliseconds (R199). */
  readonly cancelBoundMs: number;
  /** Directory of a JDK; undefined if there is none. */
  readonly javaHome: string | undefined;
  /** Creates a directory, whose parent exists. */
  makeDir(path: string): MaybePromise<void>;
  makeLink(path: string, target: string): MaybePromise<void>;
  /** The kind of entry at a path; undefined if there is none. Links are not followed. */
  kindAt(path: string): MaybePromise<EntryKind | undefined>;
  /** Errors call the link `shown`. */
  targetOf(path: string, shown: string): MaybePromise<string>;
  /**
   * The kind of what a path below the directory leads to, links followed; `outside` if they lead out of the directory,
   * undefined if they lead nowhere or in a circle.
   */
  reached(dir: string, path: string): MaybePromise<EntryKind | 'outside' | undefined>;
  /** Errors call the file `shown`, and so those of the next the directory. */
  storeFile(
    content: ContentStore,
    path: string,
    cancel: Cancellable,
    shown: string,
  ): MaybePromise<StoredFile>;
  sourceAt(dir: string, shown: string): MaybePromise<TreeSource>;
  storeLog(content: ContentStore, log: Output, cancel: Cancellable): MaybePromise<Digest>;
}

/** The platform property that asks for a link to a JDK (R190). */
const JDK_SYMLINK = 'JDK_SYMLINK';

/** The store of actions over any place: see {@link createActionStore}. */
export class Actions implements ActionStore {
  readonly cancelBoundMs: number;
  readonly #content: ContentStore;
  readonly #cache: ActionCache;
  readonly #place: OutputPlace;

  constructor(content: ContentStore, cache: ActionCache, place: OutputPlace) {
    this.cancelBoundMs = Math.max(content.cancelBoundMs, cache.cancelBoundMs, place.cancelBoundMs);
    this.#content = content;
    this.#cache = cache;
    this.#place = place;
  }

  async cachedOutcome(request: ExecuteRequest, cancel: Cancellable): Promise<ActionOutcome | undefined> {
    const { instanceName = '', actionDigest } = request;
    const outcome = await this.#cache.get(instanceName, actionDigest, cancel);
    if (outcome === undefined) return undefined;
    const missing = await missingOf(this.#contentFor(request), outcome, cancel);
    return missing.length === 0 ? outcome : undefined;
  }

  action(digest: Digest, cancel: Cancellable): MaybePromise<Action> {
    return readMessage(this.#content, 'action', digest, decodeAction, cancel);
  }

  command(digest: Digest, cancel: Cancellable): MaybePromise<ActionCommand> {
    return readMessage(this.#content, 'command', digest, decodeCommand, cancel);
  }

  async prepareOutputs(dir: string, command: ActionCommand, cancel: Cancellable): Promise<void> {
    const base = below(dir, command.workingDirectory);
    if (base !== dir) await this.#makeDirInside(dir, base);
    for (const path of pathsOf(command)) {
      throwIfCancelled(cancel, 'preparing outputs');
      const output = below(base, path);
      const parent = path === '' ? base : parentOf(output);
      if (parent !== dir) await this.#makeDirInside(dir, parent, output);
    }
    const link = command.platform.find(({ name }) => name === JDK_SYMLINK)?.value;
    if (link !== undefined) await this.#linkJdk(dir, link);
  }

  async storeOutputs(
    dir: string,
    command: ActionCommand,
    cancel: Cancellable,
    request?: ExecuteRequest,
  ): Promise<ActionOutputs> {
    const content = this.#contentFor(request);
    const outputFiles: OutputFile[] = [];
    const outputDirectories: OutputDirectory[] = [];
    const outputSymlinks: OutputSymlink[] = [];
    const base = below(dir, command.workingDirectory);
    const kinds = declaredKinds(command);
    // The command may have put a link in its place.
    if (pathsOf(command).length > 0 && (await this.#place.kindAt(dir)) === 'link') {
      throw unkept(
        `outputs outside of the input root: it was replaced by a link to ${await this.#place.targetOf(dir, 'the input root')}`,
      );
    }
    for (const path of pathsOf(command)) {
      throwIfCancelled(cancel, 'storing outputs');
      const at = below(base, path);
      const kind = await this.#place.kindAt(at);
      if (kind === undefined) continue;
      if ((await this.#place.reached(dir, path === '' ? at : parentOf(at))) === 'outside') {
        throw unkept(`output outside of the input root: ${at.slice(dir.length + 1)}`);
      }
      if (kind === 'link') {
        const target = confinedTarget(
          at.slice(dir.length + 1),
          await this.#place.targetOf(at, `output ${path}`),
        );
        outputSymlinks.push({ path, target });
      } else if (kind === 'other' || kind !== (kinds.get(path) ?? kind)) {
        throw wrongKind(path, kinds.get(path), kind);
      } else if (kind === 'file') {
        outputFiles.push({ path, ...(await this.#place.storeFile(content, at, cancel, `output ${path}`)) });
      } else {
        outputDirectories.push({
          path,
          treeDigest: await this.#storeDir(content, dir, at, cancel, `output ${path}`),
        });
      }
    }
    return { outputFiles, outputDirectories, outputSymlinks };
  }

  storeLog(log: Output, cancel: Cancellable, request?: ExecuteRequest): MaybePromise<Digest> {
    return this.#place.storeLog(this.#contentFor(request), log, cancel);
  }

  async keep(
    request: ExecuteRequest,
    outcome: ActionOutcome,
    cancel: Cancellable,
    executed?: ExecutedAction,
  ): Promise<void> {
    if (executed !== undefined) await this.#requireUntouched(executed, outcome, cancel);
    const missing = await missingOf(this.#content, outcome, cancel);
    if (missing.length > 0) throw new MissingBlobsError(missing);
    await this.#cache.put(request.instanceName ?? '', request.actionDigest, outcome, cancel);
  }

  /**
   * Rejects if outputs are missing as well as something that was there when the command started: a removal of the
   * directory may have taken outputs that the command made. A command that removes its inputs itself looks the same.
   */
  async #requireUntouched(
    { dir, action, command }: ExecutedAction,
    outcome: ActionOutcome,
    cancel: Cancellable,
  ): Promise<void> {
    const { outputFiles, outputDirectories, outputSymlinks } = outcome;
    const found = new Set([...outputFiles, ...outputDirectories, ...outputSymlinks].map(({ path }) => path));
    const missing = pathsOf(command).filter((path) => !found.has(path));
    if (missing.length === 0) return;
    const base = below(dir, command.workingDirectory);
    const parents = missing.map((path) => (path === '' ? base : parentOf(below(base, path))));
    const root = await readMessage(
      this.#content,
      'directory',
      action.inputRootDigest,
      decodeDirectory,
      cancel,
    );
    const inputs = [...root.files, ...root.directories, ...root.symlinks].map(({ name }) => below(dir, name));
    for (const path of new Set([...parents, ...inputs])) {
      throwIfCancelled(cancel, 'keeping a result');
      if ((await this.#place.kindAt(path)) !== undefined) continue;
      const lost = path === dir ? 'the input root' : path.slice(dir.length + 1);
      throw unkept(`the result is not cached: it lacks output ${missing[0]}, and ${lost} was removed, too`);
    }
  }

  #contentFor(request: ExecuteRequest | undefined): ContentStore {
    return request === undefined ? this.#content : holdingFor(this.#content, request.actionDigest);
  }

  async #storeDir(
    content: ContentStore,
    dir: string,
    at: string,
    cancel: Cancellable,
    shown: string,
  ): Promise<Digest> {
    const source = await this.#place.sourceAt(at, shown);
    const { root, children } = await storeTree(content, source, cancel, at.slice(dir.length + 1));
    return storeBytes(content, MESSAGES.Tree.encode({ root, children }), cancel);
  }

  /** Creates a directory, after checking its nearest existing parent: a link in the input root could lead anywhere. */
  async #makeDirInside(dir: string, path: string, output = path): Promise<void> {
    const missing: string[] = [];
    let there = path;
    while (there !== dir && (await this.#place.kindAt(there)) === undefined) {
      missing.unshift(there);
      there = parentOf(there);
    }
    const reached = there === dir ? 'dir' : await this.#place.reached(dir, there);
    if (reached === 'outside') {
      throw unprepared(`output outside of the input root: ${output.slice(dir.length + 1)}`);
    }
    if (reached !== 'dir') throw blocked(dir, output, there, (await this.#place.kindAt(there)) === 'link');
    // One by one, so that a checkout that is gone is not made again.
    for (const each of missing) await this.#place.makeDir(each);
  }

  async #linkJdk(dir: string, link: string): Promise<void> {
    const { javaHome } = this.#place;
    if (javaHome === undefined) throw unprepared(`${JDK_SYMLINK}=${link}: this runner has no JDK`);
    if (!isPathBelow(link)) {
      throw unprepared(`${JDK_SYMLINK}: expected a path inside the input root, got ${JSON.stringify(link)}`);
    }
    const at = below(dir, link);
    await this.#makeDirInside(dir, parentOf(at));
    await this.#place.makeLink(at, javaHome);
  }
}

/**
 * A view of the content store that holds every blob before it is looked up, read or stored, for as long as the action
 * is held: none may be evicted before the result is out.
 */
export function holdingFor(content: ContentStore, action: Digest): ContentStore {
  return content.holdAlong === undefined ? content : new HoldingStore(content, action);
}

class HoldingStore implements ContentStore {
  readonly cancelBoundMs: number;
  readonly blobBytesMax?: number;
  readonly #content: ContentStore;
  readonly #action: Digest;

  constructor(content: ContentStore, action: Digest) {
    this.cancelBoundMs = content.cancelBoundMs;
    if (content.blobBytesMax !== undefined) this.blobBytesMax = content.blobBytesMax;
    this.#content = content;
    this.#action = action;
  }

  #holding(digests: readonly Digest[]): ContentStore {
    this.#content.holdAlong?.(this.#action, digests);
    return this.#content;
  }

  findMissing(digests: readonly Digest[], cancel?: Cancellable): MaybePromise<readonly Digest[]> {
    return this.#holding(digests).findMissing(digests, cancel);
  }

  read(digest: Digest, range?: BlobRange, cancel?: Cancellable): MaybePromise<Uint8Array> {
    return this.#holding([digest]).read(digest, range, cancel);
  }

  readStream(digest: Digest, range?: BlobRange, cancel?: Cancellable): AsyncIterable<Uint8Array> {
    return this.#holding([digest]).readStream(digest, range, cancel);
  }

  write(digest: Digest, bytes: Uint8Array, cancel?: Cancellable): MaybePromise<void> {
    return this.#holding([digest]).write(digest, bytes, cancel);
  }

  openWrite(digest: Digest): BlobWriter {
    return this.#holding([digest]).openWrite(digest);
  }

  hold(digests: readonly Digest[]): BlobHold {
    return this.#content.hold(digests);
  }
}

/** A tree in memory as a place. It makes and finds nothing behind a link. */
function placeIn(
  tree: TreeTarget,
  javaHome: string | undefined,
  readLog: (log: Output) => MaybePromise<Uint8Array>,
): OutputPlace {
  return {
    cancelBoundMs: 0,
    javaHome,
    makeDir: (path) => tree.makeDir(path),
    makeLink: (path, target) => tree.makeLink(path, target),
    kindAt: (path) => whenThere(tree.entryAt(path), (entry) => entry?.kind),
    async targetOf(path) {
      const entry = await tree.entryAt(path);
      return entry?.kind === 'link' ? entry.target : '';
    },
    async reached(dir, path) {
      const kind = await kindBehind(tree, dir, path);
      if (kind !== 'dir' || (await tree.entryAt(path))?.kind !== 'link') return kind;
      const link = path.slice(dir.length + 1);
      throw unprepared(`outputs below the link ${link}: a tree in memory has no entries behind a link`);
    },
    async storeFile(content, path, cancel) {
      const entry = await tree.entryAt(path);
      return sourceOf(new Map(entry === undefined ? [] : [['file', entry]])).storeFile(
        content,
        'file',
        cancel,
      );
    },
    sourceAt: async (dir) => sourceOf(await tree.entriesUnder(dir)),
    storeLog: (content, log, cancel) =>
      whenThere(readLog(log), (bytes) => storeBytes(content, bytes, cancel)),
  };
}

/** As many as Linux follows. */
const LINKS_MAX = 40;

/** See {@link OutputPlace.reached}. */
async function kindBehind(
  tree: TreeTarget,
  dir: string,
  path: string,
): Promise<EntryKind | 'outside' | undefined> {
  const left = path.slice(dir.length + 1).split('/');
  const way: string[] = [];
  let kind: EntryKind = 'dir';
  let links = 0;
  for (let name = left.shift(); name !== undefined; name = left.shift()) {
    if (kind !== 'dir') return undefined;
    if (name === '' || name === '.') continue;
    if (name === '..') {
      if (way.pop() === undefined) return 'outside';
      continue;
    }
    const entry = await tree.entryAt([dir, ...way, name].join('/'));
    if (entry === undefined) return undefined;
    if (entry.kind === 'link') {
      links += 1;
      if (links > LINKS_MAX) return undefined;
      if (entry.target.startsWith('/')) return 'outside';
      left.unshift(...entry.target.split('/'));
      continue;
    }
    ({ kind } = entry);
    way.push(name);
  }
  return kind;
}

/** The error if an action cannot be prepared (R190). */
function unprepared(text: string): FilerError {
  return new FilerError(onOneLine(text), { exitCode: EXIT_CODES.POSTPROCESSING });
}

/** The error of a client whose output directory cannot be created. */
function blocked(dir: string, output: string, there: string, isLink: boolean): RunnerError {
  const path = there.slice(dir.length + 1);
  const input = isLink ? `link ${path}, which leads to no directory` : `file ${path}`;
  return badField('command', `no output below the input ${input}`, output.slice(dir.length + 1));
}

function wrongKind(path: string, declared: 'file' | 'dir' | undefined, kind: EntryKind): FilerError {
  const names = { file: 'a file', dir: 'a directory', link: 'a link', other: 'something else' };
  const expected = declared === undefined ? 'a file or directory' : names[declared];
  return unkept(`output ${path}: expected ${expected}, got ${names[kind]}`);
}

function decodeDirectory(bytes: Uint8Array): DirectoryMessage {
  return MESSAGES.Directory.decode(bytes);
}

function decodeTree(bytes: Uint8Array): TreeMessage {
  return MESSAGES.Tree.decode(bytes);
}

/**
 * The blobs that a result names, files inside its directories included, and that are not stored: such a result is
 * useless. `onTree` gets each tree that is stored, once for each path of an output directory.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` (rejects) for a result whose trees have too many entries in all.
 */
export async function missingOf(
  content: ContentStore,
  outcome: ActionOutcome,
  cancel?: Cancellable,
  onTree?: (path: string, tree: TreeMessage) => void,
): Promise<readonly Digest[]> {
  const named = new Map<string, Digest>();
  for (const digest of digestsOfOutcome(outcome)) named.set(digestKey(digest), digest);
  let entries = 0;
  const onBlob = (digest: Digest): void => void named.set(digestKey(digest), digest);
  for (const [treeDigest, paths] of pathsByTree(outcome)) {
    try {
      const tree = await readMessage(content, 'tree', treeDigest, decodeTree, cancel);
      entries += paths.length * eachFileOf(tree, onBlob);
      if (entries > MESSAGE_ENTRIES_MAX) {
        const expected = `at most ${MESSAGE_ENTRIES_MAX} files and links in all`;
        throw badField('action_result.output_directories', expected, entries);
      }
      for (const path of paths) onTree?.(path, tree);
    } catch (error) {
      const missing = missingBlobsOf(error);
      if (missing !== undefined) return missing;
      throw error;
    }
  }
  return content.findMissing([...named.values()], cancel);
}

/** Calls `onBlob` with the blob of each file, and returns how many files and links there are. */
function eachFileOf({ root, children }: TreeMessage, onBlob: (digest: Digest) => void): number {
  let entries = 0;
  for (const { files, symlinks } of root === null ? children : [root, ...children]) {
    entries += files.length + symlinks.length;
    for (const { digest } of files) if (digest !== null) onBlob(digest);
  }
  return entries;
}

/** Each tree of a result with the paths that have it, because one may be named by any number of them. */
function pathsByTree({ outputDirectories }: ActionOutcome): Iterable<[Digest, string[]]> {
  const found = new Map<string, [Digest, string[]]>();
  for (const { path, treeDigest } of outputDirectories) {
    const key = digestKey(treeDigest);
    const known = found.get(key);
    if (known === undefined) found.set(key, [treeDigest, [path]]);
    else known[1].push(path);
  }
  return found.values();
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

/**
 * If a client gives output paths, the other two lists are ignored: clients that fill all three mean the same (REAPI
 * 2.1).
 */
function pathsOf({ outputPaths, outputFiles, outputDirectories }: ActionCommand): readonly string[] {
  return outputPaths.length > 0 ? outputPaths : [...outputFiles, ...outputDirectories];
}

function declaredKinds({
  outputPaths,
  outputFiles,
  outputDirectories,
}: ActionCommand): ReadonlyMap<string, 'file' | 'dir'> {
  if (outputPaths.length > 0) return new Map();
  return new Map([
    ...outputFiles.map((path) => [path, 'file'] as const),
    ...outputDirectories.map((path) => [path, 'dir'] as const),
  ]);
}

function bytesInMemory(log: Output): Uint8Array {
  const { bytes } = log as { readonly bytes?: () => Uint8Array };
  if (typeof bytes === 'function') return bytes.call(log);
  throw new RunnerError('RUNNER_OUTPUT_FAILED', `${log.uri}: expected an output in memory, or a readLog`);
}

/**
 * Creates the store of actions of a runner that executes Bazel runs: the `actions` of its options. Its filer for type
 * `bazel` must share the store and the tree.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for invalid parts.
 * @example
 * ```ts
 * import { createMemoryTree, createSimulatedRunner, finalStatus, simulate } from 'dryrunner';
 * import {
 *   createActionStore, createContentFiler, createMemoryActionCache, createMemoryContentStore,
 *   encodeAction, encodeCommand, snapshotOfDigest, digestOf,
 * } from 'dryrunner/remote';
 * const verdict = await simulate({
 *   scenario: async (sim) => {
 *     const content = createMemoryContentStore();
 *     const tree = createMemoryTree();
 *     const filer = createContentFiler({ content, tree });
 *     const actions = createActionStore({ content, cache: createMemoryActionCache(), tree });
 *     const runner = createSimulatedRunner(sim.world, { filers: new Map([['bazel', { filer }]]), actions });
 *     const commandDigest = content.add(encodeCommand({
 *       arguments: ['stdout hello', 'complete 0'], environmentVariables: {}, outputFiles: [],
 *       outputDirectories: [], outputPaths: [], workingDirectory: '', platform: [],
 *     }));
 *     const actionDigest = content.add(encodeAction({ commandDigest, inputRootDigest: digestOf(''), doNotCache: false }));
 *     for (const cached of [false, true]) {
 *       const { runId } = await runner.run({ argv: [], snapshotId: snapshotOfDigest(actionDigest), executeRequest: { actionDigest } });
 *       const { status } = await finalStatus(runner, runId);
 *       sim.check(status.actionResult?.cached === cached, 'the second run finds the result of the first');
 *     }
 *     await runner.release();
 *   },
 * });
 * if (!verdict.held) throw new Error(verdict.failure?.message);
 * ```
 */
export function createActionStore(options: ActionStoreOptions): ActionStore {
  check('options', options, OPTIONS);
  const { content, cache, tree, javaHome, readLog = bytesInMemory } = options;
  return new Actions(content, cache, placeIn(tree, javaHome, readLog));
}
