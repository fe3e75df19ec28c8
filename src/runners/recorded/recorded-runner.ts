/** Makes a runner part of a recording: its world, its collaborators and the calls on it. */
import { invalidArgument } from '../../kernel/errors.ts';
import type { Service } from '../../model/service.ts';
import type { World } from '../../model/world.ts';
import type { InvokerOptions } from '../invocation/invoker-parts.ts';
import type { QueueOptions } from '../queue/queue-options.ts';
import { recordedSettings } from './recorded-settings.ts';
import { RunRecorder, type Recorder } from './recorder.ts';
import { RunnerTape } from './runner-tape.ts';
import { tapedMonitor, tapedProcessors } from './taped-collaborators.ts';
import { TapedExecer } from './taped-execer.ts';
import { tapedFilers, tapedTempDirs } from './taped-filers.ts';
import { TapedOutputs, tapedUploader } from './taped-outputs.ts';

/** A runner as its maker sees it while it is recorded. */
export interface RecordedParts<Options> {
  readonly world: World;
  readonly options: Options;
  /** Has the calls on the runner recorded, once it is made. */
  record<S extends Service>(runner: S): S;
}

/**
 * Begins the recording of a runner that is about to be made of `options` in `world`.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if `recorder` was not made by `createRecorder`, lives in another world, or records a runner
 * of that name already: a recording tells runners apart by their names.
 */
export function recordedParts<Options extends QueueOptions & InvokerOptions>(
  recorder: Recorder,
  world: World,
  name: string,
  options: Options,
): RecordedParts<Options> {
  if (!(recorder instanceof RunRecorder)) {
    throw invalidArgument('recorder', 'what createRecorder has made', recorder);
  }
  if (!recorder.clocks.has(world.clock)) {
    throw invalidArgument('recorder', 'one that was made in the world of the runner', recorder);
  }
  if (recorder.names.has(name)) {
    throw invalidArgument('name', 'a name that no other runner of the recorder has', name);
  }
  recorder.names.add(name);
  const tape = new RunnerTape(recorder, name, world.clock);
  recorder.beginTurn();
  tape.input({ type: 'runner', settings: recordedSettings(options) }, () => undefined);
  const outputs = new TapedOutputs(tape, options.outputs);
  const { uploader, dirMonitor } = options;
  return {
    world: tape.world,
    options: {
      ...options,
      execer: new TapedExecer(tape, options.execer, outputs),
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
