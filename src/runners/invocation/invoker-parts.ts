/** The collaborators of an invoker, with each optional one either present or absent on purpose (R117). */
import * as is from '../../kernel/shape.ts';
import {
  LOCAL_BOUND_MS,
  type DirMonitor,
  type LogUploader,
  type Processor,
  type TempDirs,
} from '../../model/collaborators.ts';
import type { ActionStore } from '../../model/content-store.ts';
import type { Execer } from '../../model/execer.ts';
import type { Metrics } from '../../model/metrics.ts';
import type { OutputCreator } from '../../model/output.ts';
import { runTracer, type RunTracer } from '../../model/run-tracer.ts';
import type { RunTypeMap } from '../../model/run-type.ts';
import type { World } from '../../model/world.ts';
import { guardedMetrics } from '../queue/guarded-metrics.ts';
import {
  type ActionInstruments,
  createActionInstruments,
  createInstruments,
  type RunnerInstruments,
} from '../queue/runner-instruments.ts';
import {
  ACTION_STORE,
  CREATOR,
  DIR_MONITOR,
  EXECER,
  FILERS,
  METRICS,
  PROCESSORS,
  TEMP_DIRS,
  UPLOADER,
} from '../../model/argument-shapes.ts';

/**
 * Collaborators and options of a runner that invokes commands. Only execer, filers, outputs and temporary directories
 * are required.
 */
export interface InvokerOptions {
  /** Name of the runner in traces and labels; default `runner`. */
  readonly name?: string;
  readonly execer: Execer;
  /** Which filer serves which run type; a missing type fails the run with code 200 (R91). */
  readonly filers: RunTypeMap;
  readonly outputs: OutputCreator;
  /** Creates the directories of commands without a snapshot (R92). */
  readonly tempDirs: TempDirs;
  /** Called before the checkout, in order (R90). */
  readonly preprocessors?: readonly Processor[] | undefined;
  /** Called after clean-up on every path, in order (R90). */
  readonly postprocessors?: readonly Processor[] | undefined;
  readonly uploader?: LogUploader | undefined;
  readonly dirMonitor?: DirMonitor | undefined;
  readonly metrics?: Metrics | undefined;
  /**
   * While a run is being stopped, local work without a bound of its own (opening and closing outputs, measuring) is
   * abandoned after this many milliseconds; default 10,000.
   */
  readonly localBoundMs?: number | undefined;
  /**
   * Store of actions and their results: a Bazel run needs it in addition to a filer for its type; without it the run
   * ends as FAILED 200 (R185).
   */
  readonly actions?: ActionStore | undefined;
  /**
   * After COMPLETE the filer ingests the three logs of a run that is not a Bazel run as one snapshot of STDOUT, STDERR
   * and STDLOG, whose id is the run's `snapshotId`; if the command had a snapshot, the refs point into the ingested one
   * (R198). Requires outputs that are local files. Default false.
   */
  readonly ingestLogs?: boolean | undefined;
  /**
   * At most this many bytes are kept of what a process writes to each of stdout and stderr; the log of both has up to
   * twice as many. The rest is cut, which ends the run no sooner: each log says so where it ends, and a run that is
   * COMPLETE has a text (R97, R123). Default: no limit.
   */
  readonly logBytesMax?: number | undefined;
}

type Part = 'execer' | 'filers' | 'outputs' | 'tempDirs';
/** Argument shapes of an invoker's required collaborators. */
export const INVOKER_PARTS: is.ShapesOf<Pick<InvokerOptions, Part>> = {
  execer: EXECER,
  filers: FILERS,
  outputs: CREATOR,
  tempDirs: TEMP_DIRS,
};
/** Argument shapes of its other options. */
export const INVOKER_EXTRAS: is.ShapesOf<Omit<InvokerOptions, Part>> = {
  name: is.TEXT,
  preprocessors: PROCESSORS,
  postprocessors: PROCESSORS,
  uploader: UPLOADER,
  dirMonitor: DIR_MONITOR,
  metrics: METRICS,
  localBoundMs: is.DURATION_MS,
  actions: ACTION_STORE,
  ingestLogs: is.BOOLEAN,
  logBytesMax: is.limit(),
};

/** Argument shape of {@link InvokerOptions}. */
export const INVOKER_OPTIONS: is.RecordShape = is.optionsOf<InvokerOptions>(INVOKER_PARTS, INVOKER_EXTRAS);

const NO_PROCESSORS: readonly Processor[] = [];

/**
 * Options with defaults applied and instruments fetched. One hidden class, because it is created for every runner and
 * read for every run.
 */
export class InvokerParts {
  readonly world: World;
  /** The world's tracer, if it has one. */
  readonly tracer: RunTracer | undefined;
  readonly name: string;
  readonly execer: Execer;
  readonly filers: RunTypeMap;
  readonly outputs: OutputCreator;
  readonly tempDirs: TempDirs;
  readonly preprocessors: readonly Processor[];
  readonly postprocessors: readonly Processor[];
  readonly uploader: LogUploader | undefined;
  readonly dirMonitor: DirMonitor | undefined;
  readonly metrics: Metrics | undefined;
  readonly localBoundMs: number;
  readonly instruments: RunnerInstruments;
  readonly actions: ActionStore | undefined;
  readonly actionInstruments: ActionInstruments | undefined;
  readonly ingestsLogs: boolean;
  readonly logBytesMax: number | undefined;

  constructor(world: World, options: InvokerOptions) {
    this.world = world;
    this.tracer = world.tracer === undefined ? undefined : runTracer(world.tracer);
    this.name = options.name ?? 'runner';
    this.execer = options.execer;
    this.filers = options.filers;
    this.outputs = options.outputs;
    this.tempDirs = options.tempDirs;
    this.preprocessors = options.preprocessors ?? NO_PROCESSORS;
    this.postprocessors = options.postprocessors ?? NO_PROCESSORS;
    this.uploader = options.uploader;
    this.dirMonitor = options.dirMonitor;
    this.metrics = guardedMetrics(options.metrics, world, this.name);
    this.localBoundMs = options.localBoundMs ?? LOCAL_BOUND_MS;
    this.instruments = createInstruments(this.metrics);
    this.actions = options.actions;
    this.actionInstruments =
      options.actions === undefined ? undefined : createActionInstruments(this.metrics);
    this.ingestsLogs = options.ingestLogs ?? false;
    this.logBytesMax = options.logBytesMax;
  }
}
