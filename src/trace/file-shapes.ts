/** The shapes of the lines of a file: its header and entries by kind, and its footer. */
import * as is from '../kernel/shape.ts';
import type {
  DiskStep,
  InvocationPhase,
  MessageKind,
  MessageStep,
  NameChangeKind,
  NodeStep,
  ResourceKind,
  TraceEvent,
} from '../model/trace-event.ts';
import {
  COMMAND_SHAPE,
  RUN_STATUS_SHAPE,
  SERVICE_STATUS_SHAPE,
  DECISION_LINE_SHAPE,
  SHA256_SHAPE,
  TIME_MS,
} from './model-shapes.ts';
import { STEP_SHAPES } from './recording/step-shapes.ts';
import {
  type DecisionsHeader,
  type RecordingHeader,
  type SimulationHeader,
  type TraceFooter,
  type TraceKind,
  TRACE_FORMAT,
} from './trace-header.ts';

type EventType = TraceEvent['type'];
type EventOf<T extends EventType> = Extract<TraceEvent, { readonly type: T }>;
/** The fields of an event besides time, type and runner. */
type Own<T extends EventType> = Omit<EventOf<T>, 'at' | 'type' | 'runner'>;

const PHASES: Readonly<Record<InvocationPhase, true>> = {
  preprocess: true,
  lookup: true,
  checkout: true,
  outputs: true,
  prepare: true,
  exec: true,
  wait: true,
  measure: true,
  collect: true,
  keep: true,
  upload: true,
  close: true,
  release: true,
  postprocess: true,
  end: true,
};
const RESOURCES: Readonly<Record<ResourceKind, true>> = {
  process: true,
  checkout: true,
  output: true,
  waiter: true,
  tempdir: true,
  update: true,
  upload: true,
  lock: true,
};
const MESSAGE_STEPS: Readonly<Record<MessageStep, true>> = {
  sent: true,
  held: true,
  duplicated: true,
  lost: true,
  delivered: true,
  refused: true,
};
const MESSAGE_KINDS: Readonly<Record<MessageKind, true>> = {
  call: true,
  reply: true,
  error: true,
  message: true,
};
const DISK_STEPS: Readonly<Record<DiskStep, true>> = {
  wrote: true,
  appended: true,
  read: true,
  synced: true,
  renamed: true,
  removed: true,
  lost: true,
  torn: true,
  zeroed: true,
  kept: true,
};
const NODE_STEPS: Readonly<Record<NodeStep, true>> = { restarted: true, failed: true, left: true };
const NAME_CHANGES: Readonly<Record<NameChangeKind, true>> = { creation: true, removal: true, rename: true };
const RESOURCE_FIELDS = { runId: is.TEXT, resource: is.oneOf(...Object.keys(RESOURCES)), name: is.TEXT };
const OWNER_FIELDS = { owner: is.TEXT, from: is.TEXT };

function eventOf<T extends EventType>(
  type: T,
  required: is.RequiredShapes<Own<T>>,
  optional: is.OptionalShapes<Own<T>>,
): is.RecordShape {
  const first = { at: TIME_MS, type: is.oneOf(type), runner: is.TEXT };
  return is.recordOf<Readonly<Record<string, unknown>>>({ ...first, ...required }, optional);
}

/**
 * The shape of every event type. The compiler checks that it is complete: a new type or field of an event is an error
 * here.
 */
export const EVENT_SHAPES: Readonly<Record<EventType, is.RecordShape>> = Object.freeze({
  accepted: eventOf('accepted', { runId: is.TEXT, command: COMMAND_SHAPE }, {}),
  rejected: eventOf('rejected', { code: is.TEXT }, {}),
  status: eventOf('status', { status: RUN_STATUS_SHAPE }, {}),
  dropped: eventOf('dropped', { status: RUN_STATUS_SHAPE }, {}),
  evicted: eventOf('evicted', { runId: is.TEXT }, {}),
  service: eventOf('service', { service: SERVICE_STATUS_SHAPE }, {}),
  abort: eventOf('abort', { runId: is.TEXT }, {}),
  released: eventOf('released', {}, {}),
  phase: eventOf('phase', { runId: is.TEXT, phase: is.oneOf(...Object.keys(PHASES)) }, {}),
  acquired: eventOf('acquired', RESOURCE_FIELDS, OWNER_FIELDS),
  freed: eventOf('freed', RESOURCE_FIELDS, OWNER_FIELDS),
  abandoned: eventOf('abandoned', RESOURCE_FIELDS, OWNER_FIELDS),
  recorded: eventOf(
    'recorded',
    { runId: is.TEXT, what: is.TEXT, error: is.TEXT, exitCode: is.WHOLE },
    { isRepeated: is.BOOLEAN },
  ),
  wrote: eventOf('wrote', { runId: is.TEXT, output: is.TEXT, bytes: is.COUNT, digest: is.TEXT }, {}),
  metric: eventOf('metric', { name: is.TEXT, value: is.NUMBER }, {}),
  fault: eventOf(
    'fault',
    { runId: is.TEXT, operation: is.TEXT, kind: is.TEXT },
    {
      filer: is.TEXT,
      afterEvent: is.COUNT,
      message: is.TEXT,
      parts: is.TEXT,
      ms: TIME_MS,
      file: is.TEXT,
      ...is.each(['client', 'clientRunId', 'detail'], is.TEXT),
    },
  ),
  message: eventOf(
    'message',
    {
      to: is.TEXT,
      step: is.oneOf(...Object.keys(MESSAGE_STEPS)),
      kind: is.oneOf(...Object.keys(MESSAGE_KINDS)),
      name: is.TEXT,
      id: is.COUNT,
    },
    { reason: is.TEXT, detail: is.TEXT },
  ),
  disk: eventOf(
    'disk',
    { step: is.oneOf(...Object.keys(DISK_STEPS)), file: is.TEXT },
    {
      ...is.each(['bytes', 'writes', 'writtenBytes', 'unsyncedBytes'], is.COUNT),
      wasUnderWay: is.BOOLEAN,
      from: is.TEXT,
      change: is.oneOf(...Object.keys(NAME_CHANGES)),
    },
  ),
  node: eventOf(
    'node',
    { step: is.oneOf(...Object.keys(NODE_STEPS)), incarnation: is.COUNT },
    { error: is.TEXT },
  ),
  note: eventOf('note', { text: is.TEXT }, {}),
});

const VERSION: is.Shape = is.integer(1);
const SIMULATED = { scenario: is.TEXT, seed: is.TEXT, writtenBy: is.TEXT, meta: is.mapOf(is.TEXT) };

interface FirstFields {
  readonly format: string;
  readonly version: number;
}

const first = { format: is.oneOf(TRACE_FORMAT), version: VERSION };

/** Shape of the first line, by kind. */
export const HEADER_SHAPES: Readonly<Record<TraceKind, is.RecordShape>> = Object.freeze({
  simulation: is.recordOf<FirstFields & SimulationHeader>(
    { ...first, kind: is.oneOf('simulation') },
    SIMULATED,
  ),
  decisions: is.recordOf<FirstFields & DecisionsHeader>({ ...first, kind: is.oneOf('decisions') }, SIMULATED),
  recording: is.recordOf<FirstFields & RecordingHeader>(
    { ...first, kind: is.oneOf('recording') },
    { startedAt: is.TEXT, host: is.TEXT, directory: is.TEXT, writtenBy: is.TEXT, meta: is.mapOf(is.TEXT) },
  ),
});

/** Shape of the last line. */
export const FOOTER_SHAPE: is.RecordShape = is.recordOf<TraceFooter & { readonly type: 'end' }>(
  { type: is.oneOf('end'), decisions: is.COUNT, events: is.COUNT, runs: is.COUNT, sha256: SHA256_SHAPE },
  { steps: is.COUNT, traceHash: is.text('16 lower-case hexadecimal digits', /^[0-9a-f]{16}$/) },
);

/** Shapes of the lines between the first and the last, by kind of file and type of line. */
export const LINE_SHAPES: Readonly<Record<TraceKind, ReadonlyMap<string, is.RecordShape>>> = Object.freeze({
  simulation: new Map([['decision', DECISION_LINE_SHAPE], ...Object.entries(EVENT_SHAPES)]),
  decisions: new Map([['decision', DECISION_LINE_SHAPE]]),
  recording: new Map([...Object.entries(STEP_SHAPES), ...Object.entries(EVENT_SHAPES)]),
});
