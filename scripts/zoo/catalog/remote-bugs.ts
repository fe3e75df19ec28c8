// Mistakes of clients and servers of the Remote Execution API, each planted into those of this package. Their scenario knows none of them.
import type { Bug } from '../bug.ts';

const runner = 'src/remote/remote-performance.ts';
const client = 'src/remote/remote-client.ts';
const server = 'src/remote/execution.ts';
const store = 'src/remote/action-store.ts';
const scenario = 'remote-actions';

/** All of them. */
export const remoteBugs: readonly Bug[] = [
  {
    id: 'remote-execute-again',
    title: 'a client whose watch breaks executes again instead of asking for the execution that it has',
    scenario,
    edits: [
      {
        file: runner,
        find: '    const name = this.#operationName;\n    const { messages',
        replace: '    const name = undefined as string | undefined;\n    const { messages',
      },
    ],
  },
  {
    id: 'D91',
    title: 'a result is cached whatever its exit code, so that a failure is never tried again',
    scenario,
    edits: [
      {
        file: 'src/runners/invocation/action-phases.ts',
        find: 'action?.outcome?.exitCode === 0 &&',
        replace: 'action?.outcome !== undefined &&',
      },
    ],
  },
  {
    id: 'remote-result-before-blobs',
    title: 'a result is given out while its logs and directories are still on their way into the store',
    scenario,
    edits: [
      {
        file: 'src/remote/stored-tree.ts',
        find: '  return whenThere(content.write(digest, bytes, cancel), () => digest);',
        replace:
          '  Promise.resolve(content.write(digest, bytes, cancel)).then(undefined, () => undefined);\n  return digest;',
      },
    ],
  },
  {
    id: 'remote-lost-done',
    title: 'who waits for an execution is not woken by its end',
    scenario,
    edits: [
      {
        file: server,
        find: '    this.#result = result;\n    this.#notify();\n',
        replace: '    this.#result = result;\n    this.#version += 1;\n',
      },
    ],
  },
  {
    id: 'remote-stale-cache',
    title: 'a cached result is given out although its blobs have been evicted',
    scenario,
    edits: [
      {
        file: store,
        find: '    return missing.length === 0 ? outcome : undefined;\n',
        replace: '    return missing.length >= 0 ? outcome : undefined;\n',
      },
    ],
  },
  {
    id: 'remote-queue-deadline',
    title: 'the timeout of an action counts from its request, so that a long queue kills it',
    scenario,
    edits: [
      {
        file: 'src/runners/invocation/invocation.ts',
        find: "    const topic = this.#run.topic('deadline').plus('action');\n",
        replace:
          "    const topic = this.#run.topic('deadline').plus('action');\n" +
          '    const { clock } = this.#parts.world;\n' +
          '    const queuedMs = this.#run.command.executeRequest?.queuedAtMs ?? 0;\n' +
          '    timeoutMs = Math.max(0, timeoutMs - (clock.epochMs + clock.now() - queuedMs));\n',
      },
    ],
  },
  {
    id: 'remote-no-cancel',
    title: 'a client that gives up hangs up, and the cluster works on for nobody',
    scenario,
    edits: [
      {
        file: runner,
        find: '    if (this.#operationName === undefined) this.#controller.abort();\n    else this.#cancelOperation();\n',
        replace: '    this.#controller.abort();\n',
      },
    ],
  },
  {
    id: 'remote-no-second-upload',
    title: 'blobs that the server has lost are not uploaded again before the next attempt',
    scenario,
    edits: [
      {
        file: runner,
        find: '      if (lacksBlobs(result)) await this.#upload(action);\n',
        replace: '',
      },
      {
        file: runner,
        find: '      if (isMissing) await this.#upload(action);\n',
        replace: '',
      },
    ],
  },
  {
    id: 'remote-short-read',
    title: 'a download that ends too soon is taken for the whole blob',
    scenario,
    edits: [
      {
        file: client,
        find: '      if (at < bytes.length) {\n',
        replace: '      if (at > bytes.length) {\n',
      },
      {
        file: client,
        find: '    if (isWhole && digestKey(digestOf(bytes)) !== digestKey(digest)) throw wrongBytes(digest);\n',
        replace: '    if (isWhole && bytes.length > digest.sizeBytes) throw wrongBytes(digest);\n',
      },
    ],
  },
  {
    id: 'remote-merged-runs',
    title: 'equal commands are one action, so that the second run gets the result of the first',
    scenario,
    edits: [
      {
        file: 'src/remote/built-action.ts',
        find: '        ...(cache ? {} : { salt: salt() }),\n',
        replace: "        ...(cache ? {} : { salt: new TextEncoder().encode('salt') }),\n",
      },
    ],
  },
];
