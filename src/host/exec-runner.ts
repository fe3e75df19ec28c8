/** The exec runner: the same queue and invoker as in a simulation, on the OS execer and the machine's clock. */
import * as is from '../kernel/shape.ts';
import { createMemoryFiler } from '../filers/memory-filer.ts';
import { check } from '../kernel/argument-check.ts';
import { nthUse } from '../kernel/nth-use.ts';
import type { Execer } from '../model/execer.ts';
import type { RunTypeMap } from '../model/run-type.ts';
import { Invoker } from '../runners/invocation/invoker.ts';
import { INVOKER_EXTRAS, INVOKER_PARTS, type InvokerOptions } from '../runners/invocation/invoker-parts.ts';
import { QUEUE_FIELDS, type QueueOptions, type QueueParts } from '../runners/queue/queue-options.ts';
import { QueueRunner } from '../runners/queue/queue-runner.ts';
import { recordingParts } from '../runners/recording/recording-runner.ts';
import { RECORDER, type Recorder } from '../runners/recording/recorder.ts';
import { guardedMetrics } from '../runners/queue/guarded-metrics.ts';
import { createInstruments } from '../runners/queue/runner-instruments.ts';
import { createLocalOutputs, type LocalOutputs } from './outputs/local-output.ts';
import { createOsExecer } from './process/os-execer.ts';
import { OS_EXECER_FIELDS, type OsExecerOptions } from './process/os-execer-options.ts';
import { realWorld } from './real-world.ts';
import { createTempDirs } from './filers/temp-dirs.ts';
import { checkWorld, type World } from '../model/world.ts';

/** Every option has a default; the limits of processes are those of the OS execer. */
export interface ExecRunnerOptions
  extends QueueOptions, Partial<Omit<InvokerOptions, 'outputs'>>, Omit<OsExecerOptions, 'clock' | 'metrics'> {
  /** Where the runner lives. Default: a new real world. */
  readonly world?: World;
  /** Where commands write their output. Default: files in a new temporary folder. */
  readonly outputs?: LocalOutputs;
  /** Records the runner for later playback (`createRecorder`); must live in the same world. Default: no recording. */
  readonly recorder?: Recorder | undefined;
}

const OPTIONS = is.optionsOf<ExecRunnerOptions>(
  {},
  {
    ...OS_EXECER_FIELDS,
    ...QUEUE_FIELDS,
    ...INVOKER_PARTS,
    ...INVOKER_EXTRAS,
    recorder: RECORDER,
    world: is.ANY,
  },
);

/** A runner of real commands that exposes its world and outputs. */
export class ExecRunner extends QueueRunner {
  readonly world: World;
  /** The files that commands write to; `dispose` them when you are done. */
  readonly outputs: LocalOutputs;

  constructor(world: World, parts: QueueParts, outputs: LocalOutputs) {
    super(world, parts);
    this.world = world;
    this.outputs = outputs;
  }
}

/**
 * Makes a runner of real commands. Run ids begin with eight random characters, so that ids of two incarnations differ
 * (R45), also of two in one world. Commands without a snapshot run in a fresh temporary directory; pass `filers` to
 * serve snapshots.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a negative capacity, time or size, and for `actions`,
 * `ingestLogs` or `logBytesMax` together with a recorder, because recordings do not contain them.
 * @example
 * ```ts
 * import { finalStatus } from 'dryrunner';
 * import { createExecRunner } from 'dryrunner/host';
 * const runner = createExecRunner({ capacity: 2 });
 * const { runId } = await runner.run({ argv: ['sh', '-c', 'exit 3'], timeoutMs: 5_000 });
 * const { status } = await finalStatus(runner, runId);
 * if (status.exitCode !== 3) throw new Error(status.error);
 * await runner.release();
 * await runner.outputs.dispose();
 * ```
 */
export function createExecRunner(options: ExecRunnerOptions = {}): ExecRunner {
  check('options', options, OPTIONS);
  const { world = realWorld(), name = 'exec', recorder } = options;
  checkWorld(world);
  const {
    outputs = createLocalOutputs(),
    filers = emptyFilers(),
    tempDirs = createTempDirs(),
    idPrefix = nextPrefix(world),
    execer = osExecer(world, options),
  } = options;
  const all = { ...options, name, execer, outputs, filers, tempDirs, idPrefix };
  if (recorder === undefined) return new ExecRunner(world, execParts(world, all), outputs);
  const recorded = recordingParts(recorder, world, name, all);
  const parts = execParts(recorded.world, recorded.options);
  return recorded.record(new ExecRunner(recorded.world, parts, outputs));
}

/** A prefix of run ids for the next runner of a world. */
function nextPrefix({ random }: World): string {
  const nth = nthUse(random, 'incarnation');
  const chance = random.fork(nth === 1 ? 'incarnation' : `incarnation ${nth}`).uint32();
  return `${chance.toString(16).padStart(8, '0')}-`;
}

function execParts(
  world: World,
  options: QueueOptions & InvokerOptions & { readonly name: string },
): QueueParts {
  const performer = new Invoker(world, options);
  const metrics = guardedMetrics(options.metrics, world, options.name);
  return { ...options, performer, instruments: createInstruments(metrics) };
}

function osExecer(world: World, options: ExecRunnerOptions): Execer {
  return createOsExecer({
    ...is.only<Omit<OsExecerOptions, 'clock'>>(OS_EXECER_FIELDS, options),
    clock: world.clock,
  });
}

/** Knows no snapshot: a command that asks for one fails, and one that asks for none never calls it (R92). */
function emptyFilers(): RunTypeMap {
  return new Map([['scoot', { filer: createMemoryFiler() }]]);
}
