/** The shapes of the lines that make a file: its header by kind, its footer, and what may stand between them. */
import { EVENT_SHAPES } from './event-shapes.ts';
import { DECISION_LINE_SHAPE, SHA256_SHAPE } from './model-shapes.ts';
import type { RecordShape, Shape } from './shape.ts';
import { COUNT, TEXT, mapOf, oneOf, recordOf, textLike } from './shape.ts';
import { STEP_SHAPES } from './recording/step-shapes.ts';
import type {
  DecisionsHeader,
  RecordingHeader,
  SimulationHeader,
  TraceFooter,
  TraceKind,
} from './trace-header.ts';
import { TRACE_FORMAT } from './trace-header.ts';

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
