/** A runner whose commands are executed by a server of the Remote Execution API. */
import { requireProtobuf } from '../cas/protocol-types.ts';
import { check } from '../kernel/argument-check.ts';
import { RunnerError } from '../kernel/errors.ts';
import type { Command } from '../model/command.ts';
import type { RunID } from '../model/run-status.ts';
import { watchedService } from '../model/service.ts';
import { checkWorld, type World } from '../model/world.ts';
import type { Performance, Performer, StatusListener } from '../runners/queue/performer.ts';
import { QueueRunner } from '../runners/queue/queue-runner.ts';
import { createInstruments } from '../runners/queue/runner-instruments.ts';
import { RemotePerformance } from './remote-performance.ts';
import {
  REMOTE_RUNNER_OPTIONS,
  type RemoteParts,
  remotePartsOf,
  type RemoteRunnerOptions,
} from './remote-runner-options.ts';

class RemotePerformer implements Performer {
  readonly #parts: RemoteParts;

  constructor(parts: RemoteParts) {
    this.#parts = parts;
  }

  /** Servers reject an action without a program; the caller should hear of that at once (R66). */
  check({ argv, executeRequest }: Command): void {
    if (argv.length > 0 || executeRequest !== undefined) return;
    throw new RunnerError('RUNNER_INVALID_ARGUMENT', 'command.argv: expected a program, got an empty list', {
      actual: argv,
    });
  }

  perform(command: Command, runId: RunID, onStatus: StatusListener): Performance {
    return new RemotePerformance(this.#parts, command, runId, onStatus).start();
  }
}

/**
 * Creates a runner on a cluster: each command becomes an action of the Remote Execution API, which any conforming
 * server can execute.
 *
 * The action has the command's `argv` and `envVars`. Its `timeoutMs` counts from when this runner begins the run, so
 * that uploads and the time in the queue of the server are part of it; on the server it counts from the start of the
 * process. To limit the process alone, give the timeout to an action of your own (`encodeAction`). A snapshot is a tree,
 * given by its `bz-HASH-SIZE` id, in `content` or on the server; blobs that the server lacks are uploaded. A command
 * with an `executeRequest` brings its own action. The output of a completed run can be read at its refs; a run in
 * progress or aborted has none, and a run that timed out has as much as the server returns.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for invalid options, `RUNNER_MISSING_PACKAGE` without protobufjs.
 * @example
 * ```ts
 * import { createMemoryOutputs, createSimulatedRunner, createMemoryTree, finalStatus, simulate } from 'dryrunner';
 * import {
 *   createActionStore, createContentFiler, createMemoryActionCache, createMemoryContentStore, createRemoteRunner,
 *   createRemoteService, overWire,
 * } from 'dryrunner/remote';
 * const verdict = await simulate({
 *   scenario: async (sim) => {
 *     const [content, cache, tree] = [createMemoryContentStore(), createMemoryActionCache(), createMemoryTree()];
 *     const worker = createSimulatedRunner(sim.world, {
 *       name: 'worker',
 *       filers: new Map([['bazel', { filer: createContentFiler({ content, tree }) }]]),
 *       actions: createActionStore({ content, cache, tree }),
 *     });
 *     const server = createRemoteService(sim.world, { runner: worker, content, cache });
 *     const outputs = createMemoryOutputs();
 *     const runner = createRemoteRunner(sim.world, { transport: overWire(server), outputs });
 *     const { runId } = await runner.run({ argv: ['stdout hello', 'complete 3'] });
 *     const { status } = await finalStatus(runner, runId);
 *     sim.check(status.exitCode === 3, 'the exit code comes back');
 *     sim.check(outputs.find(status.stdoutRef)?.text() === 'hello', 'and what it wrote');
 *     await runner.release();
 *     server.close();
 *     await worker.release();
 *   },
 * });
 * if (!verdict.held) throw new Error(verdict.failure?.message);
 * ```
 */
export function createRemoteRunner(world: World, options: RemoteRunnerOptions): QueueRunner {
  checkWorld(world);
  check('options', options, REMOTE_RUNNER_OPTIONS);
  requireProtobuf('createRemoteRunner');
  const { capacity, history, idPrefix } = options;
  const parts = remotePartsOf(world, options);
  const { name } = parts;
  const runner = new QueueRunner(world, {
    name,
    performer: new RemotePerformer(parts),
    filers: new Map(),
    instruments: createInstruments(),
    capacity,
    history,
    idPrefix,
  });
  return watchedService(world, name, runner);
}
