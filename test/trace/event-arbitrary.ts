// Arbitrary trace events of every type, and the ways to change exactly one field of one.
import fc from 'fast-check';
import { isRunState, RUN_STATES } from '../../src/model/run-state.ts';
import type { Command } from '../../src/model/command.ts';
import type { RunStatus } from '../../src/model/run-status.ts';
import type {
  DiskStep,
  InvocationPhase,
  MessageKind,
  MessageStep,
  NameChangeKind,
  NodeStep,
  ResourceKind,
  TraceEvent,
} from '../../src/model/trace-event.ts';
import { EVENT_SHAPES } from '../../src/trace/file-shapes.ts';
import { Question } from '../../src/kernel/question.ts';

const text = fc.oneof(
  fc.constantFrom(
    '',
    'a',
    'ab',
    'b',
    '0',
    '1',
    'run',
    '__proto__',
    'ü',
    '\u{1f4a5}',
    '\ud800',
    '"\\\n\u2028',
  ),
  fc.string({ maxLength: 6 }),
);
const time = fc.oneof(
  fc.constantFrom(0, 1, 12.5, 1e9),
  fc.nat(2_000_000_000).map((us) => us / 1000),
);
const exitCode = fc.oneof(fc.constantFrom(0, 1, -1, 250), fc.integer());
const runner = fc.constantFrom('', 'worker', 'worker/1', 'w');
const runId = fc.constantFrom('', '0', '1', 'x-2');
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });
const plain = fc.dictionary(
  text,
  fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null), fc.array(text)),
  {
    maxKeys: 3,
  },
);

const commandArbitrary: fc.Arbitrary<Command> = fc
  .record({
    argv: fc.array(text, { maxLength: 3 }),
    envVars: optional(fc.dictionary(text, text, { maxKeys: 3 })),
    timeoutMs: optional(time),
    snapshotId: optional(text),
    jobId: optional(text),
    taskId: optional(text),
    tag: optional(text),
    executeRequest: optional(plain),
  })
  .map((command) => withoutUndefined(command) as unknown as Command);

const statusArbitrary: fc.Arbitrary<RunStatus> = fc
  .record({
    runId,
    state: fc.constantFrom(...RUN_STATES),
    jobId: text,
    taskId: text,
    tag: text,
    stdoutRef: text,
    stderrRef: text,
    snapshotId: text,
    exitCode,
    error: text,
    actionResult: optional(plain),
  })
  .map((status) => withoutUndefined(status) as unknown as RunStatus);

const choice = <T extends string>(type: TraceEvent['type'], field: string): fc.Arbitrary<T> => {
  const shape = EVENT_SHAPES[type].fields.get(field);
  if (shape?.is !== 'choice') throw new Error(`${type}.${field} is no choice`);
  return fc.constantFrom(...(shape.values as T[]));
};
const resource = choice<ResourceKind>('acquired', 'resource');
const phase = choice<InvocationPhase>('phase', 'phase');
type Fields<T> = { [K in keyof T]: fc.Arbitrary<T[K]> };
const withOptional = <R extends object, O extends object>(
  required: Fields<R>,
  optionals: Fields<O>,
): fc.Arbitrary<R & Partial<O>> =>
  fc
    .tuple(fc.record(required), fc.record(optionals, { requiredKeys: [] }))
    .map(([always, sometimes]) => ({ ...always, ...sometimes }) as R & Partial<O>);
/** Who holds a lock, and who is to end a wait; fields that are absent as a rule. */
const owned = { owner: text, from: text };
const base = { at: time, runner };
const ofRun = { ...base, runId };
const is = <T extends string>(type: T): { type: fc.Arbitrary<T> } => ({ type: fc.constant(type) });

/** One arbitrary per event type. */
export const eventArbitraries: {
  readonly [T in TraceEvent['type']]: fc.Arbitrary<Extract<TraceEvent, { type: T }>>;
} = {
  accepted: fc.record({ ...is('accepted'), ...ofRun, command: commandArbitrary }),
  rejected: fc.record({ ...is('rejected'), ...base, code: text }),
  status: fc.record({ ...is('status'), ...base, status: statusArbitrary }),
  dropped: fc.record({ ...is('dropped'), ...base, status: statusArbitrary }),
  evicted: fc.record({ ...is('evicted'), ...ofRun }),
  service: fc.record({
    ...is('service'),
    ...base,
    service: fc.record({ initialized: fc.boolean(), isHealthy: fc.boolean(), error: text }),
  }),
  abort: fc.record({ ...is('abort'), ...ofRun }),
  released: fc.record({ ...is('released'), ...base }),
  phase: fc.record({ ...is('phase'), ...ofRun, phase }),
  acquired: withOptional({ ...is('acquired'), ...ofRun, resource, name: text }, owned),
  freed: withOptional({ ...is('freed'), ...ofRun, resource, name: text }, owned),
  abandoned: withOptional({ ...is('abandoned'), ...ofRun, resource, name: text }, owned),
  recorded: withOptional(
    { ...is('recorded'), ...ofRun, what: text, error: text, exitCode },
    { isRepeated: fc.boolean() },
  ),
  wrote: fc.record({ ...is('wrote'), ...ofRun, output: text, bytes: fc.nat(), digest: text }),
  metric: fc.record({
    ...is('metric'),
    ...base,
    name: text,
    value: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
  }),
  message: withOptional(
    {
      ...is('message'),
      ...base,
      to: text,
      step: choice<MessageStep>('message', 'step'),
      kind: choice<MessageKind>('message', 'kind'),
      name: text,
      id: fc.nat(),
    },
    { reason: text },
  ),
  disk: withOptional(
    { ...is('disk'), ...base, step: choice<DiskStep>('disk', 'step'), file: text },
    {
      bytes: fc.nat(),
      writes: fc.nat(),
      writtenBytes: fc.nat(),
      unsyncedBytes: fc.nat(),
      wasUnderWay: fc.boolean(),
      from: text,
      change: choice<NameChangeKind>('disk', 'change'),
    },
  ),
  node: withOptional(
    { ...is('node'), ...base, step: choice<NodeStep>('node', 'step'), incarnation: fc.nat() },
    { error: text },
  ),
  fault: withOptional(
    { ...is('fault'), ...ofRun, operation: text, kind: text },
    { filer: text, afterEvent: fc.nat(), message: text, parts: text, ms: time, file: text },
  ),
  note: fc.record({ ...is('note'), ...base, text }),
};

export const eventArbitrary: fc.Arbitrary<TraceEvent> = fc.oneof(...Object.values(eventArbitraries));

type Plain = { [key: string]: unknown };

function withoutUndefined(value: Plain): Plain {
  return Object.fromEntries(Object.entries(value).filter(([, held]) => held !== undefined));
}

/** Every copy of `value` in which exactly one leaf, at any depth, is another one of the same type. */
export function mutations(value: unknown): unknown[] {
  if (isRunState(value)) return RUN_STATES.filter((state) => state !== value);
  if (typeof value === 'string') return [`${value}'`, ...(value === '' ? [] : [value.slice(1)])];
  if (typeof value === 'number') return [value + 1 === value ? value / 2 : value + 1];
  if (typeof value === 'boolean') return [!value];
  if (Array.isArray(value)) {
    const changed = value.flatMap((held: unknown, index) =>
      mutations(held).map((other) => value.with(index, other) as unknown),
    );
    return [...changed, [...(value as unknown[]), 'more'], ...(value.length === 0 ? [] : [value.slice(1)])];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, held]) =>
    mutations(held).map((other) => ({ ...value, [key]: other })),
  );
}

/** Every copy of the event without one of the optional fields that it has. */
export function withoutOne(event: TraceEvent): TraceEvent[] {
  const optionals = Object.keys(event).filter((key) => EVENT_SHAPES[event.type].optional.has(key));
  return optionals.map((key) => withoutUndefined({ ...event, [key]: undefined }) as unknown as TraceEvent);
}

/** The same data with the keys of every object in the opposite order. */
export function reordered<T>(value: T): T {
  if (Array.isArray(value)) return value.map(reordered) as T;
  if (typeof value !== 'object' || value === null || value instanceof Question) return value;
  const entries = Object.entries(value).map(([key, held]) => [key, reordered(held)] as const);
  return Object.fromEntries(entries.reverse()) as T;
}
