/** The collaborators of an invoker, with every optional one in place or absent on purpose (R117). */
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
import {
  type ActionInstruments,
  createActionInstruments,
  createInstruments,
  type RunnerInstruments,
} from '../queue/runner-instruments.ts';
import { ACTION_STORE, EXECER, CREATOR, FILERS, METRICS } from '../../model/argument-shapes.ts';

/** What a runner that invokes commands is made of. Only execer, filers, outputs and temporary directories are needed. */
export interface InvokerOptions {
  /** Names the runner in traces and labels; default `runner`. */
  readonly name?: string;
  readonly execer: Execer;
  /** Which filer serves which run type; a missing type fails the run with code 200 (R91). */
  readonly filers: RunTypeMap;
  readonly outputs: OutputCreator;
  /** Where commands without a snapshot run (R92). */
  readonly tempDirs: TempDirs;
  /** Run before the checkout, in order (R90). */
  readonly preprocessors?: readonly Processor[] | undefined;
  /** Run after the cleaning up on every path, in order (R90). */
  readonly postprocessors?: readonly Processor[] | undefined;
  readonly uploader?: LogUploader | undefined;
  readonly dirMonitor?: DirMonitor | undefined;
  readonly metrics?: Metrics | undefined;
  /**
   * Once a run is being stopped, local work without a bound of its own (opening and closing outputs, measuring) is given up
   * after this many milliseconds; default 10,000.
   */
  readonly localBoundMs?: number | undefined;
  /** Where actions come from and their results go: what a Bazel run needs beside a filer for its type; without it one is FAILED 200 (R185). */
  readonly actions?: ActionStore | undefined;
  /**
   * After COMPLETE the filer ingests the three logs of a run that is not a Bazel run as one snapshot of STDOUT, STDERR and STDLOG, which is the
   * run's `snapshotId`; if the command had a snapshot, the refs lead into it (R198). Needs outputs that are local files. Default false.
   */
  readonly ingestLogs?: boolean | undefined;
}

type Part = 'execer' | 'filers' | 'outputs' | 'tempDirs';
/** The shapes of what an invoker cannot do without. */
export const INVOKER_PARTS: is.ShapesOf<Pick<InvokerOptions, Part>> = {
  execer: EXECER,
  filers: FILERS,
  outputs: CREATOR,
  tempDirs: CREATOR,
};
/** The shapes of its other options. */
export const INVOKER_EXTRAS: is.ShapesOf<Omit<InvokerOptions, Part>> = {
  name: is.TEXT,
  preprocessors: is.listOf(is.anObject('a processor'), 'a list of processors'),
  postprocessors: is.listOf(is.anObject('a processor'), 'a list of processors'),
  uploader: is.anObject('an uploader'),
  dirMonitor: is.anObject('a monitor of directories'),
  metrics: METRICS,
  localBoundMs: is.DURATION_MS,
  actions: ACTION_STORE,
  ingestLogs: is.BOOLEAN,
};

/** The options of an invoker. */
export const INVOKER_OPTIONS: is.RecordShape = is.optionsOf<InvokerOptions>(INVOKER_PARTS, INVOKER_EXTRAS);

const NO_PROCESSORS: readonly Processor[] = [];

/** Options with the defaults filled in, and the instruments fetched. One shape, as it is made for every runner and read for every run. */
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
    this.metrics = options.metrics;
    this.localBoundMs = options.localBoundMs ?? LOCAL_BOUND_MS;
    this.instruments = createInstruments(options.metrics);
    this.actions = options.actions;
    this.actionInstruments =
      options.actions === undefined ? undefined : createActionInstruments(options.metrics);
    this.ingestsLogs = options.ingestLogs ?? false;
  }
}
