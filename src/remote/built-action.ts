/** Makes the action of a run, and finds the blobs that it consists of. */
import {
  decodeAction,
  digestMessage,
  encodeAction,
  encodeCommand,
  readMessage,
} from '../cas/action-messages.ts';
import { digestOf } from '../cas/digest-of.ts';
import { unknownSnapshot } from '../filers/filer-error.ts';
import { isRunnerError, RunnerError } from '../kernel/errors.ts';
import type { Action } from '../model/action.ts';
import type { Cancellable } from '../model/cancellation.ts';
import type { Command } from '../model/command.ts';
import type { ContentStore } from '../model/content-store.ts';
import { digestKey, digestOfSnapshot, type Digest } from '../model/digest.ts';
import { NoDirectoryError, TreeWalk } from './input-tree.ts';
import type { BlobSource } from './remote-client.ts';
import type { RemoteParts } from './remote-runner-options.ts';
import { singlePart } from './single-part.ts';

/** An action and the blobs that it consists of. */
export interface BuiltAction {
  readonly digest: Digest;
  readonly blobs: ReadonlyMap<string, Digest>;
  /** Blobs that were created here and are in no store. */
  readonly made: ReadonlyMap<string, Uint8Array>;
}

/** A directory without entries is a message without fields. */
const EMPTY_ROOT = new Uint8Array();

/** Makes actions of commands, with what is in a content store. */
export class ActionBuilder {
  readonly #parts: Pick<RemoteParts, 'content' | 'platform' | 'cache'>;
  readonly #cancel: Cancellable;

  constructor(parts: Pick<RemoteParts, 'content' | 'platform' | 'cache'>, cancel: Cancellable) {
    this.#parts = parts;
    this.#cancel = cancel;
  }

  /**
   * The action of a command, with its blobs; if the command brings its action along, those that are available here.
   * `salt` keeps equal commands apart, and is not asked for if they may share results.
   */
  async build(command: Command, salt: () => Uint8Array): Promise<BuiltAction> {
    const { executeRequest, snapshotId = '', argv, envVars = {}, timeoutMs = 0 } = command;
    const { platform, cache } = this.#parts;
    const made = new Map<string, Uint8Array>();
    const blobs = new Map<string, Digest>();
    const add = (bytes: Uint8Array): Digest => {
      const digest = digestOf(bytes);
      made.set(digestKey(digest), bytes);
      blobs.set(digestKey(digest), digest);
      return digest;
    };
    if (executeRequest !== undefined) {
      const given = digestMessage(executeRequest.actionDigest);
      await this.#addGiven(given, blobs);
      return { digest: given, blobs, made };
    }
    const root = snapshotId === '' ? add(EMPTY_ROOT) : digestOfSnapshot(snapshotId);
    if (root === undefined) throw unknownSnapshot(snapshotId);
    if (snapshotId !== '') await this.#addSnapshot(root, blobs);
    const commandDigest = add(
      encodeCommand({
        arguments: argv,
        environmentVariables: envVars,
        outputFiles: [],
        outputDirectories: [],
        outputPaths: [],
        workingDirectory: '',
        platform,
      }),
    );
    const digest = add(
      encodeAction({
        commandDigest,
        inputRootDigest: root,
        doNotCache: false,
        platform,
        ...(cache ? {} : { salt: salt() }),
        ...(timeoutMs > 0 ? { timeoutMs } : {}),
      }),
    );
    return { digest, blobs, made };
  }

  async #addSnapshot(root: Digest, blobs: Map<string, Digest>): Promise<void> {
    try {
      await this.#addTree(root, blobs);
    } catch (error) {
      if (!(error instanceof NoDirectoryError) || digestKey(error.digest) !== digestKey(root)) throw error;
      const text =
        'command.snapshotId: expected the root of a tree, or an executeRequest beside it if it is an action';
      throw new RunnerError(error.code, `${text}; ${error.message}`, { cause: error });
    }
  }

  async #addTree(root: Digest, blobs: Map<string, Digest>): Promise<void> {
    const { content } = this.#parts;
    const cancel = this.#cancel;
    const isHere = (await content.findMissing([root], cancel)).length === 0;
    // A blob that is missing here may be on the server, which reports it if it is not.
    if (!isHere) return;
    const walk = new TreeWalk(content, root, () => undefined, cancel);
    for (let found = await walk.next(); found !== undefined; found = await walk.next()) {
      const { digest, message } = found;
      blobs.set(digestKey(digest), digest);
      for (const file of message.files) {
        if (file.digest !== null) blobs.set(digestKey(file.digest), file.digest);
      }
    }
    for (const digest of await content.findMissing([...blobs.values()], cancel)) {
      blobs.delete(digestKey(digest));
    }
  }

  async #addGiven(actionDigest: Digest, blobs: Map<string, Digest>): Promise<void> {
    const { content } = this.#parts;
    const cancel = this.#cancel;
    if ((await content.findMissing([actionDigest], cancel)).length > 0) return;
    const { commandDigest, inputRootDigest } = await this.#readAction(actionDigest);
    blobs.set(digestKey(actionDigest), actionDigest);
    await this.#addTree(inputRootDigest, blobs);
    if ((await content.findMissing([commandDigest], cancel)).length > 0) return;
    blobs.set(digestKey(commandDigest), commandDigest);
  }

  async #readAction(digest: Digest): Promise<Action> {
    try {
      return await readMessage(this.#parts.content, 'action', digest, decodeAction, this.#cancel);
    } catch (error) {
      if (!isRunnerError(error, 'RUNNER_BAD_MESSAGE')) throw error;
      const text = `blob ${digestKey(digest)} is no action: ${error.message}`;
      throw new RunnerError(error.code, text, { cause: error });
    }
  }
}

/** Where the blobs of an action are read. */
export function sourceOf({ made }: BuiltAction, content: ContentStore, cancel: Cancellable): BlobSource {
  return {
    read: (digest) => made.get(digestKey(digest)) ?? content.read(digest, undefined, cancel),
    readStream: (digest, range) => {
      const bytes = made.get(digestKey(digest));
      return bytes === undefined
        ? content.readStream(digest, range, cancel)
        : singlePart(bytes.subarray(range.offset));
    },
  };
}
