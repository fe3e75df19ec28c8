/** The shapes of model types as files contain them: commands, statuses, recorded runs, decisions. */
import * as is from '../kernel/shape.ts';
import type { Decision } from '../kernel/decisions.ts';
import type { QuestionData } from '../kernel/question.ts';
import type { Command } from '../model/command.ts';
import { TIME_MS_MAX } from '../kernel/microseconds.ts';
import { RUN_STATES } from '../model/run-state.ts';
import type { RunStatus } from '../model/run-status.ts';
import type { ServiceStatus } from '../model/service-status.ts';

/** Milliseconds from some start. */
export const TIME_MS: is.NumberShape = is.finite(0, TIME_MS_MAX);
const STATE = is.oneOf(...RUN_STATES);
/** A SHA-256 digest of lines or output. */
export const SHA256_SHAPE: is.TextShape = is.text('64 lower-case hexadecimal digits', /^[0-9a-f]{64}$/);
/** Bytes encoded as base64. */
export const BASE64_SHAPE: is.TextShape = {
  // Repeated groups would take a place on the stack for each: a few megabytes exceed it.
  ...is.text('base64 text', /^[A-Za-z0-9+/]*={0,2}$/),
  lengthMultipleOf: 4,
};

/** A command (R16). */
export const COMMAND_SHAPE: is.RecordShape = is.recordOf<Command>(
  { argv: is.listOf(is.TEXT) },
  {
    envVars: is.mapOf(is.TEXT),
    timeoutMs: is.finite(-TIME_MS_MAX, TIME_MS_MAX),
    snapshotId: is.TEXT,
    jobId: is.TEXT,
    taskId: is.TEXT,
    tag: is.TEXT,
    executeRequest: is.OPAQUE,
  },
);

/** A run's status (R10). */
export const RUN_STATUS_SHAPE: is.RecordShape = is.recordOf<RunStatus>(
  {
    runId: is.TEXT,
    state: STATE,
    jobId: is.TEXT,
    taskId: is.TEXT,
    tag: is.TEXT,
    stdoutRef: is.TEXT,
    stderrRef: is.TEXT,
    snapshotId: is.TEXT,
    exitCode: is.WHOLE,
    error: is.TEXT,
  },
  { actionResult: is.OPAQUE },
);

/** A runner's status (R15). */
export const SERVICE_STATUS_SHAPE: is.RecordShape = is.recordOf<ServiceStatus>(
  { initialized: is.BOOLEAN, isHealthy: is.BOOLEAN, error: is.TEXT },
  {},
);

/** A decision as a line of a file: its question is plain data that only the kernel interprets. */
export interface DecisionLine extends Omit<Decision, 'question'> {
  readonly type: 'decision';
  readonly question: QuestionData;
}

/** A line of type `decision`. */
export const DECISION_LINE_SHAPE: is.RecordShape = is.recordOf<DecisionLine>(
  { type: is.oneOf('decision'), question: is.OPAQUE, n: is.integer(2), answer: is.COUNT },
  {},
);
