/**
 * What a runner of the Bazel path needs, over a content store, an action cache and the tree that checkouts are in (R186–R192). Invariants: a
 * result is looked up and kept only if every blob that it names is there; outputs never lead out of the checkout.
 */
import * as is from '../kernel/shape.ts';
import { decodeAction, decodeCommand, digestsOfOutcome } from '../cas/action-messages.ts';
import { MESSAGES } from '../cas/codec.ts';
import { digestOf } from '../cas/digest-of.ts';
import { check } from '../kernel/argument-check.ts';
import { RunnerError } from '../kernel/errors.ts';
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
import type { Cancellable } from '../model/cancellation.ts';
import {
  type ActionCache,
  type ActionStore,
  type ContentStore,
  MissingBlobsError,
  missingBlobsOf,
} from '../model/content-store.ts';
import type { Digest } from '../model/digest.ts';
import type { MaybePromise } from '../model/maybe-promise.ts';
import type { Output } from '../model/output.ts';
import { CONTENT_STORE, storeMessage, storeTree, TREE_TARGET, type TreeTarget } from './content-filer.ts';

/** Options of {@link createActionStore}. */
export interface ActionStoreOptions {
  readonly content: ContentStore;
  readonly cache: ActionCache;
  /** Where the filer of the runner has its checkouts. */
  readonly tree: TreeTarget;
  /** What a log holds. Default: the bytes of an output in memory. */
  readonly readLog?: (log: Output) => MaybePromise<Uint8Array>;
  /** Where commands that ask for a JDK find one (R190). Default: nowhere, and they fail. */
  readonly javaHome?: string;
}

const OPTIONS = is.optionsOf<ActionStoreOptions>(
  { content: CONTENT_STORE, cache: is.withMethods('get', 'put'), tree: TREE_TARGET },
  { readLog: is.FUNCTION, javaHome: is.TEXT },
);

/** The property of a platform that asks for a link to a JDK. */
const JDK_LINK = 'JDK_SYMLINK';

class Actions implements ActionStore {
  readonly cancelBoundMs: number;
  readonly #content: ContentStore;
  readonly #cache: ActionCache;
  readonly #tree: TreeTarget;
  readonly #readLog: (log: Output) => MaybePromise<Uint8Array>;
  readonly #javaHome: string | undefined;

  constructor({ content, cache, tree, readLog = bytesInMemory, javaHome }: ActionStoreOptions) {
    this.cancelBoundMs = Math.max(content.cancelBoundMs, cache.cancelBoundMs);
    this.#content = content;
    this.#cache = cache;
    this.#tree = tree;
    this.#readLog = readLog;
    this.#javaHome = javaHome;
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

  async prepareOutputs(dir: string, command: ActionCommand, _cancel: Cancellable): Promise<void> {
    const base = within(dir, command.workingDirectory);
    await this.#tree.makeDir(base);
    for (const path of pathsOf(command)) {
      const parent = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
      await this.#tree.makeDir(within(base, parent));
    }
    const link = command.platform.find(({ name }) => name === JDK_LINK)?.value;
    if (link === undefined) return;
    if (this.#javaHome === undefined) {
      throw new RunnerError('RUNNER_FILER_FAILED', `${JDK_LINK}=${link}: this runner has no JDK`);
    }
    if (/^\.?\.?$|[/\0]/.test(link)) {
      throw new RunnerError(
        'RUNNER_BAD_MESSAGE',
        `${JDK_LINK}: expected a name, got ${JSON.stringify(link)}`,
      );
    }
    await this.#tree.makeLink(within(dir, link), this.#javaHome);
  }

  async storeOutputs(dir: string, command: ActionCommand, cancel: Cancellable): Promise<ActionOutputs> {
    const outputFiles: OutputFile[] = [];
    const outputDirectories: OutputDirectory[] = [];
    const outputSymlinks: OutputSymlink[] = [];
    const base = within(dir, command.workingDirectory);
    const kinds = wantedKinds(command);
    for (const path of pathsOf(command)) {
      const entry = await this.#tree.entryAt(within(base, path));
      if (entry === undefined) continue;
      const wanted = kinds.get(path);
      if (entry.kind === 'link') outputSymlinks.push({ path, target: entry.target });
      else if (wanted !== undefined && wanted !== entry.kind) {
        throw new RunnerError(
          'RUNNER_FILER_FAILED',
          `output ${path}: expected a ${wanted}, got a ${entry.kind}`,
        );
      } else if (entry.kind === 'file') {
        const digest = await storeMessage(this.#content, entry.bytes, cancel);
        outputFiles.push({ path, digest, isExecutable: entry.executable });
      } else {
        outputDirectories.push({ path, treeDigest: await this.#storeDir(within(base, path), cancel) });
      }
    }
    return { outputFiles, outputDirectories, outputSymlinks };
  }

  async storeLog(log: Output, cancel: Cancellable): Promise<Digest> {
    const bytes = await this.#readLog(log);
    const digest = digestOf(bytes);
    await this.#content.write(digest, bytes, cancel);
    return digest;
  }

  async keep(request: ExecuteRequest, outcome: ActionOutcome, cancel: Cancellable): Promise<void> {
    const missing = await missingOf(this.#content, outcome, cancel);
    if (missing.length > 0) throw new MissingBlobsError(missing);
    await this.#cache.put(request.instanceName ?? '', request.actionDigest, outcome, cancel);
  }

  async #storeDir(dir: string, cancel: Cancellable): Promise<Digest> {
    const entries = await this.#tree.entriesUnder(dir);
    const { rootMessage: root, children } = await storeTree(this.#content, entries, cancel);
    return storeMessage(this.#content, MESSAGES.Tree.encode({ root, children }), cancel);
  }
}

/** What a result names and is not there: a result whose blobs are gone is worth nothing. Files inside of directories count as well. */
export async function missingOf(
  content: ContentStore,
  outcome: ActionOutcome,
  cancel?: Cancellable,
): Promise<readonly Digest[]> {
  const named = digestsOfOutcome(outcome);
  for (const { treeDigest } of outcome.outputDirectories) {
    try {
      const { root, children } = MESSAGES.Tree.decode(await content.read(treeDigest, {}, cancel));
      for (const { files } of [...(root === null ? [] : [root]), ...children]) {
        named.push(...files.flatMap(({ digest }) => digest ?? []));
      }
    } catch (error) {
      const missing = missingBlobsOf(error);
      if (missing !== undefined) return missing;
      throw error;
    }
  }
  return content.findMissing(named, cancel);
}

function within(dir: string, path: string): string {
  return path === '' ? dir : `${dir}/${path}`;
}

/** A client that gives paths of either kind gives no others (REAPI 2.1). */
function pathsOf({ outputPaths, outputFiles, outputDirectories }: ActionCommand): readonly string[] {
  return outputPaths.length > 0 ? outputPaths : [...outputFiles, ...outputDirectories];
}

function wantedKinds({
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
 * Makes the store of actions of a runner that carries Bazel runs out: `actions` of its options. Its filer for type `bazel` shares store and tree.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for parts that are none.
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
  return new Actions(options);
}
