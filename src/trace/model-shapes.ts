/** The shapes of the model's types as they stand in files: commands, statuses, recorded runs, decisions. */
import type { Decision } from '../kernel/decisions.ts';
import type { QuestionData } from '../kernel/question.ts';
import type { Command } from '../model/command.ts';
import { TIME_MS_MAX } from '../kernel/microseconds.ts';
import { RUN_STATES } from '../model/run-state.ts';
import type { RunStatus } from '../model/run-status.ts';
import type { ServiceStatus } from '../model/service-status.ts';
import type { RecordShape, TextShape } from './shape.ts';
import {
  BOOLEAN,
  COUNT,
  OPAQUE,
  TEXT,
  TIME_MS,
  WHOLE,
  listOf,
  mapOf,
  oneOf,
  recordOf,
  textLike,
} from './shape.ts';

const STATE = oneOf(...RUN_STATES);
/** A digest of lines or output. */
export const SHA256_SHAPE: TextShape = textLike('64 lower-case hexadecimal digits', /^[0-9a-f]{64}$/);
/** Bytes that are not text. */
export const BASE64_SHAPE: TextShape = textLike(
  'base64 text',
  /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
);

/** A command (R16). */
export const COMMAND_SHAPE: RecordShape = recordOf<Command>(
  { argv: listOf(TEXT) },
  {
    envVars: mapOf(TEXT),
    timeoutMs: { ...TIME_MS, min: -TIME_MS_MAX },
    snapshotId: TEXT,
    jobId: TEXT,
    taskId: TEXT,
    tag: TEXT,
    executeRequest: OPAQUE,
  },
);

/** A run's status (R10). */
export const RUN_STATUS_SHAPE: RecordShape = recordOf<RunStatus>(
  {
    runId: TEXT,
    state: STATE,
    jobId: TEXT,
    taskId: TEXT,
    tag: TEXT,
    stdoutRef: TEXT,
    stderrRef: TEXT,
    snapshotId: TEXT,
    exitCode: WHOLE,
    error: TEXT,
  },
  { actionResult: OPAQUE },
);

/** A runner's status (R15). */
export const SERVICE_STATUS_SHAPE: RecordShape = recordOf<ServiceStatus>(
  { initialized: BOOLEAN, isHealthy: BOOLEAN, error: TEXT },
  {},
);

/** A decision as a line: its question as plain data, which only the kernel knows how to read. */
export interface DecisionLine extends Omit<Decision, 'question'> {
  readonly type: 'decision';
  readonly question: QuestionData;
}

/** A line of type `decision`. */
export const DECISION_LINE_SHAPE: RecordShape = recordOf<DecisionLine>(
  { type: oneOf('decision'), question: OPAQUE, n: { ...COUNT, min: 2 }, answer: COUNT },
  {},
);
