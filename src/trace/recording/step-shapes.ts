/** The shapes of what goes in and out of recorded runners, one a line. */
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
import { BASE64_SHAPE, COMMAND_SHAPE } from '../model-shapes.ts';
import type { RecordShape, Shape } from '../shape.ts';
import {
  BOOLEAN,
  CHUNK_BYTES,
  COUNT,
  NUMBER,
  TEXT,
  TIME_MS,
  WHOLE,
  listOf,
  mapOf,
  oneOf,
  recordOf,
} from '../shape.ts';

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
  kill: true,
  measure: true,
  upload: true,
  close: true,
  release: true,
  postprocess: true,
};
const NTH: Shape = { ...COUNT, min: 1 };
const FIRST = { at: TIME_MS, runner: TEXT };
const ASK = { what: oneOf(...Object.keys(ASK_KINDS)), name: TEXT, nth: NTH };
const CALL = { call: oneOf('run', 'abort', 'release'), nth: NTH };

/** How a process ended. */
export const PROCESS_STATUS_SHAPE: RecordShape = recordOf<ProcessStatus>(
  { state: oneOf('UNKNOWN', 'RUNNING', 'COMPLETE', 'FAILED'), exitCode: WHOLE, error: TEXT },
  { signal: TEXT, faults: listOf(TEXT) },
);

/** What a collaborator answered. */
export const ANSWER_SHAPE: RecordShape = recordOf<RecordedAnswer>(
  {},
  {
    error: TEXT,
    exitCode: WHOLE,
    code: TEXT,
    uri: TEXT,
    status: PROCESS_STATUS_SHAPE,
    sizesKb: mapOf(NUMBER),
  },
);

/** A filer of a recorded runner. */
export const RECORDED_FILER_SHAPE: RecordShape = recordOf<RecordedFiler>(
  { type: oneOf('scoot', 'bazel'), updateIntervalMs: TIME_MS, hasInit: BOOLEAN },
  { cancelBoundMs: TIME_MS },
);

/** A processor or uploader of a recorded runner. */
export const RECORDED_COLLABORATOR_SHAPE: RecordShape = recordOf<RecordedCollaborator>(
  { name: TEXT },
  { cancelBoundMs: TIME_MS, uploadBoundMs: TIME_MS },
);

/** How a recorded runner was set up. */
export const SETTINGS_SHAPE: RecordShape = recordOf<RecordedSettings>(
  {
    capacity: COUNT,
    idPrefix: TEXT,
    localBoundMs: TIME_MS,
    filers: listOf(RECORDED_FILER_SHAPE),
    preprocessors: listOf(RECORDED_COLLABORATOR_SHAPE),
    postprocessors: listOf(RECORDED_COLLABORATOR_SHAPE),
    measures: BOOLEAN,
  },
  {
    history: COUNT,
    updateLimitMs: TIME_MS,
    execBoundMs: TIME_MS,
    tempDirBoundMs: TIME_MS,
    uploader: RECORDED_COLLABORATOR_SHAPE,
  },
);

/** The line of each type of step. */
export const STEP_SHAPES: Readonly<Record<StepType, RecordShape>> = Object.freeze({
  runner: recordOf<StepOf<'runner'>>(
    { ...FIRST, type: oneOf('runner'), settings: SETTINGS_SHAPE },
    { nested: BOOLEAN },
  ),
  call: recordOf<StepOf<'call'>>(
    { ...FIRST, type: oneOf('call'), ...CALL },
    { nested: BOOLEAN, command: COMMAND_SHAPE, runId: TEXT },
  ),
  returned: recordOf<StepOf<'returned'>>(
    { ...FIRST, type: oneOf('returned'), ...CALL, afterMs: TIME_MS },
    { runId: TEXT, state: oneOf(...RUN_STATES), exitCode: WHOLE, error: TEXT, code: TEXT },
  ),
  fired: recordOf<StepOf<'fired'>>(
    { ...FIRST, type: oneOf('fired'), label: TEXT, nth: NTH, delayMs: TIME_MS, afterMs: TIME_MS },
    { nested: BOOLEAN },
  ),
  asked: recordOf<StepOf<'asked'>>({ ...FIRST, type: oneOf('asked'), ...ASK }, { answer: ANSWER_SHAPE }),
  cancelled: recordOf<StepOf<'cancelled'>>({ ...FIRST, type: oneOf('cancelled'), ...ASK }, {}),
  answered: recordOf<StepOf<'answered'>>(
    { ...FIRST, type: oneOf('answered'), ...ASK, afterMs: TIME_MS, answer: ANSWER_SHAPE },
    { nested: BOOLEAN },
  ),
  output: {
    ...recordOf<StepOf<'output'>>(
      { ...FIRST, type: oneOf('output'), runId: TEXT, stream: oneOf('stdout', 'stderr'), afterMs: TIME_MS },
      { nested: BOOLEAN, text: TEXT, utf8: TEXT, base64: BASE64_SHAPE, cutBytes: CHUNK_BYTES },
    ),
    exactlyOneOf: ['text', 'utf8', 'base64', 'cutBytes'],
  },
  memory: recordOf<StepOf<'memory'>>(
    {
      ...FIRST,
      type: oneOf('memory'),
      runId: TEXT,
      afterMs: TIME_MS,
      kind: oneOf('initial', 'exceeded'),
      status: PROCESS_STATUS_SHAPE,
    },
    { nested: BOOLEAN },
  ),
});
