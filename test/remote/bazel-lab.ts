// A simulated runner with the whole Bazel path in memory, and actions for it.
import { encodeAction, encodeCommand } from '../../src/cas/action-messages.ts';
import { MESSAGES } from '../../src/cas/codec.ts';
import { createMemoryActionCache, type MemoryActionCache } from '../../src/cas/memory-action-cache.ts';
import { createMemoryContentStore, type MemoryContentStore } from '../../src/cas/memory-content-store.ts';
import { createSimExecer } from '../../src/execers/sim-execer.ts';
import { createMemoryTree, type MemoryTree } from '../../src/filers/memory-tree.ts';
import type { Action, ActionCommand, ExecuteRequest } from '../../src/model/action.ts';
import type { Command } from '../../src/model/command.ts';
import type { ActionCache, ContentStore } from '../../src/model/content-store.ts';
import { snapshotOfDigest, type Digest } from '../../src/model/digest.ts';
import { createMemoryOutputs } from '../../src/outputs/memory-output.ts';
import { createActionStore } from '../../src/remote/action-store.ts';
import { createContentFiler } from '../../src/remote/content-filer.ts';
import { storeBytes } from '../../src/remote/stored-tree.ts';
import { createWritingExecer } from '../../src/remote/writing-execer.ts';
import { createQueueRunner } from '../../src/runners/queue/create-queue-runner.ts';
import type { QueueRunner } from '../../src/runners/queue/queue-runner.ts';
import { virtualTempDirs } from '../../src/runners/virtual-temp-dirs.ts';
import type { World } from '../../src/model/world.ts';

/** All parts. */
export interface BazelLab {
  readonly blobs: MemoryContentStore;
  readonly results: MemoryActionCache;
  readonly tree: MemoryTree;
  readonly runner: QueueRunner;
  /** Stores the output at a ref, as a server asks for it. */
  readonly storeLog: (ref: string, content: ContentStore) => Promise<Digest | undefined>;
}

/** What can be put between runner and memory. */
export interface BazelLabOptions {
  readonly capacity?: number;
  readonly content?: (blobs: MemoryContentStore) => ContentStore;
  readonly cache?: (results: MemoryActionCache, blobs: MemoryContentStore) => ActionCache;
  readonly javaHome?: string;
  readonly name?: string;
}

/** See above. */
export function makeBazelLab(world: World, options: BazelLabOptions = {}): BazelLab {
  const blobs = createMemoryContentStore();
  const results = createMemoryActionCache();
  const tree = createMemoryTree();
  const content = options.content?.(blobs) ?? blobs;
  const cache = options.cache?.(results, blobs) ?? results;
  const { javaHome, capacity = 10, name = 'runner' } = options;
  const outputs = createMemoryOutputs();
  const storeLog = async (ref: string, store: ContentStore): Promise<Digest | undefined> => {
    const text = outputs.find(ref)?.text();
    return text === undefined ? undefined : storeBytes(store, new TextEncoder().encode(text));
  };
  const runner = createQueueRunner(world, {
    name,
    capacity,
    execer: createWritingExecer(createSimExecer({ clock: world.clock }), tree),
    outputs,
    tempDirs: virtualTempDirs(),
    filers: new Map([['bazel', { filer: createContentFiler({ content, tree }) }]]),
    actions: createActionStore({ content, cache, tree, ...(javaHome === undefined ? {} : { javaHome }) }),
  });
  return { blobs, results, tree, runner, storeLog };
}

/** What an action is like, beside its script. */
export interface ActionParts {
  readonly action?: Partial<Action>;
  readonly command?: Partial<ActionCommand>;
  /** Path → content of input files. */
  readonly inputs?: Readonly<Record<string, string>>;
}

/** Puts an action into a store; gives its digest. */
export function addAction(
  store: Pick<MemoryContentStore, 'add'>,
  script: readonly string[],
  { action, command, inputs = {} }: ActionParts = {},
): Digest {
  const commandDigest = store.add(
    encodeCommand({
      arguments: script,
      environmentVariables: {},
      outputFiles: [],
      outputDirectories: [],
      outputPaths: [],
      workingDirectory: '',
      platform: [],
      ...command,
    }),
  );
  const files = Object.entries(inputs)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, text]) => ({ name, digest: store.add(text), isExecutable: false }));
  const inputRootDigest = store.add(MESSAGES.Directory.encode({ files }));
  return store.add(encodeAction({ commandDigest, inputRootDigest, doNotCache: false, ...action }));
}

/** The command that runs an action. */
export function commandFor(actionDigest: Digest, more: Partial<ExecuteRequest> = {}): Command {
  return {
    argv: [],
    snapshotId: snapshotOfDigest(actionDigest),
    executeRequest: { actionDigest, ...more },
  };
}
