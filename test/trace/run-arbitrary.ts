// Arbitrary recorded runs and decisions, as the format holds them.
import fc from 'fast-check';
import type { Decision } from '../../src/kernel/decisions.ts';
import type { RecordedRun } from '../../src/model/recorded-run.ts';
import { RUN_STATES } from '../../src/model/run-state.ts';
import { commandArbitrary } from './event-arbitrary.ts';

const time = fc.nat(2_000_000_000).map((us) => us / 1000);
const sha256 = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 64, maxLength: 64 });
const status = fc.record({
  atMs: time,
  state: fc.constantFrom(...RUN_STATES),
  exitCode: fc.integer(),
  error: fc.string({ maxLength: 5 }),
});
const stream = fc.constantFrom('stdout' as const, 'stderr' as const);
const chunk = fc.oneof(
  fc.record({ atMs: time, stream, text: fc.string({ unit: 'binary', maxLength: 5 }) }),
  fc.record({
    atMs: time,
    stream,
    base64: fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes).toString('base64')),
  }),
);

export const runArbitrary: fc.Arbitrary<RecordedRun> = fc.record(
  {
    runId: fc.string({ maxLength: 3 }),
    command: commandArbitrary,
    acceptedAtMs: time,
    statuses: fc.array(status, { maxLength: 3 }),
    output: fc.array(chunk, { maxLength: 3 }),
    abortedAtMs: time,
    stdoutSha256: sha256,
    stderrSha256: sha256,
  },
  { requiredKeys: ['runId', 'command', 'acceptedAtMs', 'statuses', 'output'] },
);

export const decisionArbitrary: fc.Arbitrary<Decision> = fc
  .tuple(fc.string({ maxLength: 5 }), fc.integer({ min: 2, max: 1000 }), fc.nat())
  .map(([label, n, answer]) => ({ label, n, answer: answer % n }));
