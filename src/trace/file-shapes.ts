/** The shapes of the lines that make a file: its header by kind, its footer, and what may stand between them. */
import type { InvocationPhase, ResourceKind, TraceEvent } from '../model/trace-event.ts';
import {
  COMMAND_SHAPE,
  RUN_STATUS_SHAPE,
  SERVICE_STATUS_SHAPE,
  DECISION_LINE_SHAPE,
  SHA256_SHAPE,
} from './model-shapes.ts';
import {
  type RecordShape,
  type Shape,
  COUNT,
  NUMBER,
  TEXT,
  TIME_MS,
  WHOLE,
  oneOf,
  recordOf,
  mapOf,
  textLike,
} from './shape.ts';
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
/** What an event of that type has beside time, type and runner. */
type Own<T extends EventType> = Omit<EventOf<T>, 'at' | 'type' | 'runner'>;

const PHASES: Readonly<Record<InvocationPhase, true>> = {
  preprocess: true,
  checkout: true,
  outputs: true,
  exec: true,
  wait: true,
  measure: true,
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
};
const RESOURCE_FIELDS = { runId: TEXT, resource: oneOf(...Object.keys(RESOURCES)), name: TEXT };

function eventOf<T extends EventType>(
  type: T,
  own: { readonly [K in keyof Own<T>]-?: Shape },
  ...optional: readonly (keyof Own<T> & string)[]
): RecordShape {
  const { fields } = recordOf<Readonly<Record<string, unknown>>>(own, {});
  return {
    is: 'record',
    fields: new Map<string, Shape>([['at', TIME_MS], ['type', oneOf(type)], ['runner', TEXT], ...fields]),
    optional: new Set(optional),
  };
}

/** The shape of every type of event, complete by the compiler's word: a new type or field of an event is missed here at once. */
export const EVENT_SHAPES: Readonly<Record<EventType, RecordShape>> = Object.freeze({
  accepted: eventOf('accepted', { runId: TEXT, command: COMMAND_SHAPE }),
  rejected: eventOf('rejected', { code: TEXT }),
  status: eventOf('status', { status: RUN_STATUS_SHAPE }),
  dropped: eventOf('dropped', { status: RUN_STATUS_SHAPE }),
  evicted: eventOf('evicted', { runId: TEXT }),
  service: eventOf('service', { service: SERVICE_STATUS_SHAPE }),
  abort: eventOf('abort', { runId: TEXT }),
  released: eventOf('released', {}),
  phase: eventOf('phase', { runId: TEXT, phase: oneOf(...Object.keys(PHASES)) }),
  acquired: eventOf('acquired', RESOURCE_FIELDS),
  freed: eventOf('freed', RESOURCE_FIELDS),
  abandoned: eventOf('abandoned', RESOURCE_FIELDS),
  recorded: eventOf('recorded', { runId: TEXT, what: TEXT, error: TEXT, exitCode: WHOLE }),
  wrote: eventOf('wrote', { runId: TEXT, output: TEXT, bytes: COUNT, digest: TEXT }),
  metric: eventOf('metric', { name: TEXT, value: NUMBER }),
  fault: eventOf(
    'fault',
    { runId: TEXT, operation: TEXT, kind: TEXT, filer: TEXT, afterEvent: COUNT },
    'filer',
    'afterEvent',
  ),
  note: eventOf('note', { text: TEXT }),
});

const VERSION: Shape = { ...COUNT, min: 1 };
const SIMULATED = { scenario: TEXT, seed: TEXT, writtenBy: TEXT, meta: mapOf(TEXT) };

interface FirstFields {
  readonly format: string;
  readonly version: number;
}

const first = { format: oneOf(TRACE_FORMAT), version: VERSION };

/** The first line, by kind. */
export const HEADER_SHAPES: Readonly<Record<TraceKind, RecordShape>> = Object.freeze({
  simulation: recordOf<FirstFields & SimulationHeader>({ ...first, kind: oneOf('simulation') }, SIMULATED),
  decisions: recordOf<FirstFields & DecisionsHeader>({ ...first, kind: oneOf('decisions') }, SIMULATED),
  recording: recordOf<FirstFields & RecordingHeader>(
    { ...first, kind: oneOf('recording') },
    { startedAt: TEXT, host: TEXT, directory: TEXT, writtenBy: TEXT, meta: mapOf(TEXT) },
  ),
});

/** The last line. */
export const FOOTER_SHAPE: RecordShape = recordOf<TraceFooter & { readonly type: 'end' }>(
  { type: oneOf('end'), decisions: COUNT, events: COUNT, runs: COUNT, sha256: SHA256_SHAPE },
  { steps: COUNT, traceHash: textLike('16 lower-case hexadecimal digits', /^[0-9a-f]{16}$/) },
);

/** What may stand between first and last line, by kind and by the line's type. */
export const LINE_SHAPES: Readonly<Record<TraceKind, ReadonlyMap<string, RecordShape>>> = Object.freeze({
  simulation: new Map([['decision', DECISION_LINE_SHAPE], ...Object.entries(EVENT_SHAPES)]),
  decisions: new Map([['decision', DECISION_LINE_SHAPE]]),
  recording: new Map([...Object.entries(STEP_SHAPES), ...Object.entries(EVENT_SHAPES)]),
});
