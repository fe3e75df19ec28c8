/** The shapes of the steps of a recording, one per line. */
import * as is from '../../kernel/shape.ts';
import type { ProcessStatus } from '../../model/execer.ts';
import type {
  AskKind,
  RecordedAnswer,
  RecordedFiler,
  RecordedCollaborator,
  RecordedSettings,
  RecordedStep,
} from '../../model/recording.ts';
import { RUN_STATES } from '../../model/run-state.ts';
import { BASE64_SHAPE, COMMAND_SHAPE, TIME_MS } from '../model-shapes.ts';

type StepType = RecordedStep['type'];
type StepOf<T extends StepType> = Extract<RecordedStep, { readonly type: T }>;

const ASK_KINDS: Readonly<Record<AskKind, true>> = {
  init: true,
  check: true,
  update: true,
  preprocess: true,
  checkout: true,
  tempdir: true,
  output: true,
  write: true,
  exec: true,
  wait: true,
  ended: true,
  kill: true,
  measure: true,
  upload: true,
  close: true,
  release: true,
  postprocess: true,
};
const NTH: is.Shape = is.integer(1);
/** Size of one chunk of output, at most what is held in memory at once. */
const CHUNK_BYTES: is.Shape = is.integer(0, 1024 ** 3);
const FIRST = { at: TIME_MS, runner: is.TEXT };
const ASK = { what: is.oneOf(...Object.keys(ASK_KINDS)), name: is.TEXT, nth: NTH };
const CALL = { call: is.oneOf('run', 'abort', 'release'), nth: NTH };

/** How a process ended. */
export const PROCESS_STATUS_SHAPE: is.RecordShape = is.recordOf<ProcessStatus>(
  { state: is.oneOf('UNKNOWN', 'RUNNING', 'COMPLETE', 'FAILED'), exitCode: is.WHOLE, error: is.TEXT },
  { signal: is.TEXT, faults: is.listOf(is.TEXT) },
);

/** What a collaborator answered. */
export const ANSWER_SHAPE: is.RecordShape = is.recordOf<RecordedAnswer>(
  {},
  {
    error: is.TEXT,
    exitCode: is.WHOLE,
    code: is.TEXT,
    uri: is.TEXT,
    status: PROCESS_STATUS_SHAPE,
    sizesKb: is.mapOf(is.NUMBER),
  },
);

/** A filer of a recorded runner. */
export const RECORDED_FILER_SHAPE: is.RecordShape = is.recordOf<RecordedFiler>(
  { type: is.oneOf('scoot', 'bazel'), updateIntervalMs: TIME_MS, hasInit: is.BOOLEAN },
  { cancelBoundMs: TIME_MS },
);

/** A processor or uploader of a recorded runner. */
export const RECORDED_COLLABORATOR_SHAPE: is.RecordShape = is.recordOf<RecordedCollaborator>(
  { name: is.TEXT },
  { cancelBoundMs: TIME_MS, uploadBoundMs: TIME_MS },
);

/** How a recorded runner was set up. */
export const SETTINGS_SHAPE: is.RecordShape = is.recordOf<RecordedSettings>(
  {
    capacity: is.COUNT,
    idPrefix: is.TEXT,
    localBoundMs: TIME_MS,
    filers: is.listOf(RECORDED_FILER_SHAPE),
    preprocessors: is.listOf(RECORDED_COLLABORATOR_SHAPE),
    postprocessors: is.listOf(RECORDED_COLLABORATOR_SHAPE),
    measures: is.BOOLEAN,
  },
  {
    history: is.COUNT,
    updateLimitMs: TIME_MS,
    execBoundMs: TIME_MS,
    tempDirBoundMs: TIME_MS,
    uploader: RECORDED_COLLABORATOR_SHAPE,
  },
);

/** The line of each type of step. */
export const STEP_SHAPES: Readonly<Record<StepType, is.RecordShape>> = Object.freeze({
  runner: is.recordOf<StepOf<'runner'>>(
    { ...FIRST, type: is.oneOf('runner'), settings: SETTINGS_SHAPE },
    { nested: is.BOOLEAN },
  ),
  call: is.recordOf<StepOf<'call'>>(
    { ...FIRST, type: is.oneOf('call'), ...CALL },
    { nested: is.BOOLEAN, command: COMMAND_SHAPE, runId: is.TEXT },
  ),
  returned: is.recordOf<StepOf<'returned'>>(
    { ...FIRST, type: is.oneOf('returned'), ...CALL, afterMs: TIME_MS },
    { runId: is.TEXT, state: is.oneOf(...RUN_STATES), exitCode: is.WHOLE, error: is.TEXT, code: is.TEXT },
  ),
  fired: is.recordOf<StepOf<'fired'>>(
    { ...FIRST, type: is.oneOf('fired'), label: is.TEXT, nth: NTH, delayMs: TIME_MS, afterMs: TIME_MS },
    { nested: is.BOOLEAN },
  ),
  asked: is.recordOf<StepOf<'asked'>>(
    { ...FIRST, type: is.oneOf('asked'), ...ASK },
    { answer: ANSWER_SHAPE },
  ),
  cancelled: is.recordOf<StepOf<'cancelled'>>({ ...FIRST, type: is.oneOf('cancelled'), ...ASK }, {}),
  answered: is.recordOf<StepOf<'answered'>>(
    { ...FIRST, type: is.oneOf('answered'), ...ASK, afterMs: TIME_MS, answer: ANSWER_SHAPE },
    { nested: is.BOOLEAN },
  ),
  output: {
    ...is.recordOf<StepOf<'output'>>(
      {
        ...FIRST,
        type: is.oneOf('output'),
        runId: is.TEXT,
        stream: is.oneOf('stdout', 'stderr'),
        afterMs: TIME_MS,
      },
      { nested: is.BOOLEAN, text: is.TEXT, utf8: is.TEXT, base64: BASE64_SHAPE, cutBytes: CHUNK_BYTES },
    ),
    exactlyOneOf: ['text', 'utf8', 'base64', 'cutBytes'],
  },
  memory: is.recordOf<StepOf<'memory'>>(
    {
      ...FIRST,
      type: is.oneOf('memory'),
      runId: is.TEXT,
      afterMs: TIME_MS,
      kind: is.oneOf('initial', 'exceeded'),
      status: PROCESS_STATUS_SHAPE,
    },
    { nested: is.BOOLEAN },
  ),
});
