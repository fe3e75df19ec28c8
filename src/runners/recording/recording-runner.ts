/** Makes a runner part of a recording: its settings, its world, its collaborators and the calls on it. */
import { invalidArgument } from '../../kernel/errors.ts';
import { TIME_MS_MAX } from '../../kernel/microseconds.ts';
import type { Service } from '../../model/service.ts';
import type { World } from '../../model/world.ts';
import type { InvokerOptions } from '../invocation/invoker-parts.ts';
import type { QueueOptions } from '../queue/queue-options.ts';
import { checkFilers } from '../queue/update-cycle.ts';
import type { Recorder, RunRecorder } from './recorder.ts';
import { RunnerTape } from './runner-tape.ts';
import {
  tapedMonitor,
  tapedProcessors,
  tapedExecer,
  tapedFilers,
  tapedTempDirs,
  TapedOutputs,
  tapedUploader,
} from './taped-collaborators.ts';
import { LOCAL_BOUND_MS } from '../../model/collaborators.ts';
import type { RecordedCollaborator, RecordedFiler, RecordedSettings } from '../../model/recording.ts';

/** The parts from which a recorded runner is created. */
export interface RecordingParts<Options> {
  readonly world: World;
  readonly options: Options;
  /** Records the calls on the runner, once it is created. */
  record<S extends Service>(runner: S): S;
}

/**
 * Begins the recording of a runner that is about to be created from `options` in `world`.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if `recorder` was not made by `createRecorder`, lives in another world,
 * or already records a runner of that name: a recording distinguishes runners by their names; for filers that no runner
 * takes, and for `actions`, `ingestLogs` or `logBytesMax`.
 */
export function recordingParts<Options extends QueueOptions & InvokerOptions>(
  given: Recorder,
  world: World,
  name: string,
  options: Options,
): RecordingParts<Options> {
  const recorder = given as RunRecorder;
  if (!recorder.clocks.has(world.clock)) {
    throw invalidArgument('recorder', 'one that was made in the world of the runner', recorder);
  }
  if (recorder.names.has(name)) {
    throw invalidArgument('name', 'a name that no other runner of the recorder has', name);
  }
  // Calls to a store of actions are not recorded, so they could not be replayed.
  if (options.actions !== undefined) {
    throw invalidArgument('actions', 'none, since the runner is recorded', options.actions);
  }
  if (options.ingestLogs === true) {
    throw invalidArgument('ingestLogs', 'false, since the runner is recorded', true);
  }
  if (options.logBytesMax !== undefined) {
    throw invalidArgument('logBytesMax', 'none, since the runner is recorded', options.logBytesMax);
  }
  // What cannot become a runner must neither take the name nor enter the recording.
  checkFilers(options.filers);
  const settings = recordedSettings(options);
  recorder.names.add(name);
  const tape = new RunnerTape(recorder, name, world.clock);
  recorder.beginTurn();
  tape.input({ type: 'runner', settings }, () => undefined);
  const outputs = new TapedOutputs(tape, options.outputs);
  const { uploader, dirMonitor } = options;
  return {
    world: tape.world,
    options: {
      ...options,
      execer: tapedExecer(tape, options.execer, outputs),
      filers: tapedFilers(tape, options.filers),
      outputs,
      tempDirs: tapedTempDirs(tape, options.tempDirs),
      preprocessors: tapedProcessors(tape, 'preprocess', options.preprocessors),
      postprocessors: tapedProcessors(tape, 'postprocess', options.postprocessors),
      uploader: uploader === undefined ? undefined : tapedUploader(tape, uploader),
      dirMonitor: dirMonitor === undefined ? undefined : tapedMonitor(tape, dirMonitor),
    },
    record: (runner) => tape.recordCalls(runner),
  };
}

/** The settings that a replay needs to create an equivalent runner. */
function recordedSettings(options: QueueOptions & InvokerOptions): RecordedSettings {
  const { capacity = 1, history, idPrefix = '', updateLimitMs = 0, localBoundMs = LOCAL_BOUND_MS } = options;
  const { uploader, preprocessors = [], postprocessors = [] } = options;
  const filers = [...options.filers].map(([type, { filer, init }]): RecordedFiler => ({
    type,
    ...bound('cancelBoundMs', filer.cancelBoundMs),
    updateIntervalMs: Math.min(filer.updateIntervalMs, TIME_MS_MAX),
    hasInit: init !== undefined,
  }));
  return {
    capacity,
    ...(history === undefined ? {} : { history }),
    idPrefix,
    ...(updateLimitMs > 0 ? bound('updateLimitMs', updateLimitMs) : {}),
    localBoundMs: Math.min(localBoundMs, TIME_MS_MAX),
    ...bound('execBoundMs', options.execer.cancelBoundMs),
    ...bound('tempDirBoundMs', options.tempDirs.boundMs),
    filers,
    preprocessors: preprocessors.map(helperOf),
    postprocessors: postprocessors.map(helperOf),
    ...(uploader === undefined
      ? {}
      : {
          uploader: {
            ...helperOf({ name: 'uploader', cancelBoundMs: uploader.cancelBoundMs }),
            ...bound('uploadBoundMs', uploader.uploadBoundMs),
          },
        }),
    measures: options.dirMonitor !== undefined,
  };
}

function helperOf({ name, cancelBoundMs }: { name: string; cancelBoundMs: number }): RecordedCollaborator {
  return { name, ...bound('cancelBoundMs', cancelBoundMs) };
}

/** A bound is absent if no recording is long enough for it to pass, and JSON has no Infinity. */
function bound<K extends string>(name: K, ms: number | undefined): { readonly [key in K]?: number } {
  return ms === undefined || ms > TIME_MS_MAX ? {} : ({ [name]: ms } as { readonly [key in K]: number });
}
