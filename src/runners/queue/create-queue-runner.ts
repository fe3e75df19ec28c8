/** Combines a queue with an invoker: the standard runner with several slots, and the single runner with one. */
import * as is from '../../kernel/shape.ts';
import { watchedService } from '../../model/service.ts';
import type { World } from '../../model/world.ts';
import { Invoker } from '../invocation/invoker.ts';
import {
  INVOKER_PARTS,
  type InvokerOptions,
  INVOKER_EXTRAS,
  INVOKER_OPTIONS,
} from '../invocation/invoker-parts.ts';
import { type QueueOptions, type QueueParts, QUEUE_FIELDS } from './queue-options.ts';
import { QueueRunner } from './queue-runner.ts';
import { recordingParts } from '../recording/recording-runner.ts';
import { RECORDER, type Recorder } from '../recording/recorder.ts';
import { guardedMetrics } from './guarded-metrics.ts';
import { createInstruments } from './runner-instruments.ts';
import { check } from '../../kernel/argument-check.ts';
import { checkWorld } from '../../model/world.ts';

/** Options of {@link createQueueRunner}. */
export interface QueueRunnerOptions extends QueueOptions, InvokerOptions {
  /** Records the runner for a replay (`createRecorder`). Default: it is not recorded. */
  readonly recorder?: Recorder | undefined;
}

/** Argument shape of {@link QueueRunnerOptions}. */
const QUEUE_RUNNER_OPTIONS = is.optionsOf<QueueRunnerOptions>(INVOKER_PARTS, {
  ...QUEUE_FIELDS,
  ...INVOKER_EXTRAS,
  recorder: RECORDER,
});

/**
 * Creates a runner that accepts up to `capacity` runs and performs them one after another (R58–R86).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a negative capacity (R59), interval or limit (R75, R80), for a
 * collaborator that lacks a method or states no bound, and for `actions`, `ingestLogs` or `logBytesMax` together
 * with a recorder, because recordings do not contain them.
 * @example
 * ```ts
 * import { createDoneExecer, createQueueRunner } from 'dryrunner/kit';
 * import { createNullOutputs, createVirtualFiler, virtualTempDirs } from 'dryrunner';
 * import { createVirtualClock, createDecisions, createRandomStream, fifoDecisions } from 'dryrunner/kernel';
 * const world = {
 *   clock: createVirtualClock(),
 *   choices: createDecisions(fifoDecisions()),
 *   random: createRandomStream(1),
 * };
 * const runner = createQueueRunner(world, {
 *   capacity: 2,
 *   execer: createDoneExecer(),
 *   filers: new Map([['scoot', { filer: createVirtualFiler() }]]),
 *   outputs: createNullOutputs(),
 *   tempDirs: virtualTempDirs(),
 * });
 * const { runId } = await runner.run({ argv: ['true'] });
 * await world.clock.runUntilIdle();
 * const { status } = await runner.status(runId);
 * if (status.state !== 'COMPLETE') throw new Error(status.state);
 * ```
 */
export function createQueueRunner(world: World, options: QueueRunnerOptions): QueueRunner {
  checkWorld(world);
  check('options', options, QUEUE_RUNNER_OPTIONS);
  const { recorder, name = 'runner' } = options;
  if (recorder === undefined) {
    return watchedService(world, name, new QueueRunner(world, queueParts(world, options)));
  }
  const parts = recordingParts(recorder, world, name, options);
  const runner = new QueueRunner(parts.world, queueParts(parts.world, parts.options));
  return watchedService(world, name, parts.record(runner));
}

function queueParts(world: World, options: QueueRunnerOptions): QueueParts {
  const { name = 'runner', filers, metrics, capacity, history, idPrefix, updateLimitMs } = options;
  return {
    name,
    filers,
    performer: new Invoker(world, options),
    instruments: createInstruments(guardedMetrics(metrics, world, name)),
    capacity,
    history,
    idPrefix,
    updateLimitMs,
  };
}

/** A queue of capacity 1 that remembers one run (R59). See {@link createQueueRunner}. */
export function createSingleRunner(world: World, options: InvokerOptions): QueueRunner {
  check('options', options, INVOKER_OPTIONS);
  return createQueueRunner(world, { ...options, capacity: 1, history: 1 });
}
